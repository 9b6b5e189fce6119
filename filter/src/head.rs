//! A request's head, fetched from the host when asked for and only once.
//!
//! Asking for a header that is absent costs a tenth of a microsecond, and that is what most requests are
//! asked for; so absent headers are probed one by one. The first one that is present brings all lines, since
//! only those tell whether it has further ones; from there on nothing more is fetched.

use std::borrow::Cow;
use std::cell::OnceCell;

use lane::head::RequestHead;

use crate::host::Host;
use crate::lines::Lines;

/// How many different answers to single probes are kept; further ones are fetched each time.
const CACHED: usize = 16;

/// A header's name and its value, `None` when absent.
type Fetched = (Box<str>, Option<Vec<u8>>);

/// The head of the request that the host is working on.
pub(crate) struct HostHead<'h, H> {
    host: &'h H,
    probes: [OnceCell<Fetched>; CACHED],
    lines: OnceCell<Lines>,
    address: OnceCell<Option<Vec<u8>>>,
    identity: OnceCell<Option<Vec<u8>>>,
}

impl<'h, H: Host> HostHead<'h, H> {
    pub(crate) fn new(host: &'h H) -> Self {
        Self {
            host,
            probes: [const { OnceCell::new() }; CACHED],
            lines: OnceCell::new(),
            address: OnceCell::new(),
            identity: OnceCell::new(),
        }
    }

    /// The first line of a header.
    fn probe(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        for cell in &self.probes {
            let (cached, value) = cell.get_or_init(|| (name.into(), self.host.header(name)));
            if **cached == *name {
                return value.as_deref().map(Cow::Borrowed);
            }
        }
        self.host.header(name).map(Cow::Owned)
    }
}

impl<H: Host> RequestHead for HostHead<'_, H> {
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        if let Some(lines) = self.lines.get() {
            return lines.joined(name);
        }
        let first = self.probe(name)?;
        // A pseudo header has one line.
        if name.starts_with(':') {
            return Some(first);
        }
        self.lines.get_or_init(|| self.host.lines()).joined(name)
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

    fn host(headers: &[(&str, &[u8])]) -> FakeHost {
        let host = FakeHost::default();
        host.headers.borrow_mut().extend(headers.iter().map(|(n, v)| ((*n).to_owned(), v.to_vec())));
        host
    }

    #[test]
    fn absent_and_pseudo_headers_are_each_fetched_once() {
        let host = host(&[(":path", b"/")]);
        let head = HostHead::new(&host);
        for _ in 0..3 {
            assert_eq!(head.header(":path").as_deref(), Some(&b"/"[..]));
            assert_eq!(head.header("a"), None);
        }
        assert_eq!((host.header_reads.get(), host.map_reads.get()), (2, 0));
    }

    #[test]
    fn the_first_header_that_is_present_brings_all_lines() {
        let host = host(&[(":path", b"/"), ("a", b"\xff"), ("b", b"1"), ("a", b"2")]);
        let head = HostHead::new(&host);
        for _ in 0..3 {
            assert_eq!(head.header("a").as_deref(), Some(&b"\xff,2"[..]));
            assert_eq!(head.header("b").as_deref(), Some(&b"1"[..]));
            assert_eq!(head.header(":path").as_deref(), Some(&b"/"[..]));
            assert_eq!(head.header("c"), None);
        }
        assert_eq!((host.header_reads.get(), host.map_reads.get()), (1, 1));
    }

    #[test]
    fn more_headers_than_are_kept_are_still_read() {
        let host = host(&[(":path", b"/"), ("h40", b"here")]);
        let head = HostHead::new(&host);
        for name in (0..40).chain(0..40).map(|i| format!("h{i}")) {
            assert_eq!(head.header(&name), None);
        }
        assert_eq!(head.header(":path").as_deref(), Some(&b"/"[..]));
        assert_eq!(head.header("h40").as_deref(), Some(&b"here"[..]));
    }
}
