//! A request's head, fetched from the host value by value and only once.
//!
//! A value that crosses into the VM costs about a microsecond, a header that is absent a tenth of that;
//! so nothing is fetched before a rule asks for it, and what was fetched is kept for the next rule.

use std::borrow::Cow;
use std::cell::OnceCell;

use lane::head::RequestHead;

use crate::host::Host;

/// How many different headers are kept; further ones are fetched each time.
const CACHED: usize = 16;

/// A header's name and its value, `None` when absent.
type Fetched = (Box<str>, Option<Vec<u8>>);

/// The head of the request that the host is working on.
pub(crate) struct HostHead<'h, H> {
    host: &'h H,
    headers: [OnceCell<Fetched>; CACHED],
    address: OnceCell<Option<Vec<u8>>>,
    identity: OnceCell<Option<Vec<u8>>>,
}

impl<'h, H: Host> HostHead<'h, H> {
    pub(crate) fn new(host: &'h H) -> Self {
        Self {
            host,
            headers: [const { OnceCell::new() }; CACHED],
            address: OnceCell::new(),
            identity: OnceCell::new(),
        }
    }
}

impl<H: Host> RequestHead for HostHead<'_, H> {
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        for cell in &self.headers {
            let (cached, value) = cell.get_or_init(|| (name.into(), self.host.header(name)));
            if **cached == *name {
                return value.as_deref().map(Cow::Borrowed);
            }
        }
        self.host.header(name).map(Cow::Owned)
    }

    fn source_address(&self) -> Option<Cow<'_, [u8]>> {
        let value = self.address.get_or_init(|| self.host.property(&["source", "address"]));
        value.as_deref().map(Cow::Borrowed)
    }

    fn source_identity(&self) -> Option<Cow<'_, [u8]>> {
        let path = ["connection", "uri_san_peer_certificate"];
        let value = self.identity.get_or_init(|| self.host.property(&path).filter(|uri| !uri.is_empty()));
        value.as_deref().map(Cow::Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    #[test]
    fn a_header_is_fetched_once_whether_present_or_absent() {
        let host = FakeHost::default();
        host.headers.borrow_mut().push(("a".into(), b"\xff".to_vec()));
        let head = HostHead::new(&host);
        for _ in 0..3 {
            assert_eq!(head.header("a").as_deref(), Some(&b"\xff"[..]));
            assert_eq!(head.header("b"), None);
        }
        assert_eq!(host.header_reads.get(), 2);
    }

    #[test]
    fn more_headers_than_are_kept_are_still_read() {
        let host = FakeHost::default();
        let names: Vec<String> = (0..40).map(|i| format!("h{i}")).collect();
        host.headers.borrow_mut().extend(names.iter().map(|name| (name.clone(), name.as_bytes().to_vec())));
        let head = HostHead::new(&host);
        for name in names.iter().chain(&names) {
            assert_eq!(head.header(name).as_deref(), Some(name.as_bytes()));
        }
    }
}
