//! The head of a request as the engine sees it: bytes, fetched only when asked for.

use std::borrow::Cow;

/// Access to a request's head.
///
/// Reading is lazy because in Envoy each value that crosses into the VM costs about a microsecond;
/// implementations cache what they fetched.
pub trait RequestHead {
    /// Value of header `name` (lower case; also `:path`, `:method`, `:authority`); several lines are
    /// joined by `,` (RFC 9110, section 5.3), as Envoy does. `None` when absent.
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>>;

    /// The client's address as `IP:port` or `[IPv6]:port`, after trusted proxies.
    fn source_address(&self) -> Option<Cow<'_, [u8]>>;

    /// URI of the peer's certificate (a SPIFFE ID in a mesh); `None` without mutual TLS.
    fn source_identity(&self) -> Option<Cow<'_, [u8]>>;
}

/// A head held in memory: for `lanectl explain`, tests and benches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryHead {
    /// Header lines in order; names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The client's address with port.
    pub source_address: Option<String>,
    /// URI of the client's certificate.
    pub source_identity: Option<String>,
}

impl RequestHead for MemoryHead {
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut lines = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_slice());
        let first = lines.next()?;
        let Some(second) = lines.next() else {
            return Some(Cow::Borrowed(first));
        };
        let mut joined = first.to_vec();
        for line in std::iter::once(second).chain(lines) {
            joined.push(b',');
            joined.extend_from_slice(line);
        }
        Some(Cow::Owned(joined))
    }

    fn source_address(&self) -> Option<Cow<'_, [u8]>> {
        self.source_address.as_deref().map(|a| Cow::Borrowed(a.as_bytes()))
    }

    fn source_identity(&self) -> Option<Cow<'_, [u8]>> {
        self.source_identity.as_deref().map(|a| Cow::Borrowed(a.as_bytes()))
    }
}
