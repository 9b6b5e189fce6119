//! The head of a request as the engine sees it: bytes, fetched only when asked for.

use std::borrow::Cow;

/// Access to a request's head.
///
/// Reading is lazy because in Envoy each value that crosses into the VM costs about a microsecond;
/// implementations cache what they fetched.
pub trait RequestHead {
    /// Value of header `name` (lower case; also `:path`, `:method`, `:authority`); several lines are
    /// joined as [`join`] does. `None` when absent.
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>>;

    /// The client's address as `IP:port` or `[IPv6]:port`, after trusted proxies.
    fn source_address(&self) -> Option<Cow<'_, [u8]>>;

    /// URI of the peer's certificate (a SPIFFE ID in a mesh); `None` without mutual TLS.
    fn source_identity(&self) -> Option<Cow<'_, [u8]>>;

    /// The service of a group that the request is routed to, as it has come; `None` where its route is none of ours.
    fn destination(&self) -> Option<Cow<'_, [u8]>>;
}

/// Several lines of header `name` as one value: joined by `,` (RFC 9110, section 5.3), those of `cookie` by
/// `; ` (RFC 9113, section 8.2.3). `None` without lines.
pub fn join<'h>(name: &str, mut lines: impl Iterator<Item = &'h [u8]>) -> Option<Cow<'h, [u8]>> {
    let first = lines.next()?;
    let Some(second) = lines.next() else {
        return Some(Cow::Borrowed(first));
    };
    let separator: &[u8] = if name == "cookie" { b"; " } else { b"," };
    let mut joined = first.to_vec();
    for line in std::iter::once(second).chain(lines) {
        joined.extend_from_slice(separator);
        joined.extend_from_slice(line);
    }
    Some(Cow::Owned(joined))
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
    /// The service that it is routed to.
    pub destination: Option<String>,
}

impl RequestHead for MemoryHead {
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        join(name, self.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_slice()))
    }

    fn source_address(&self) -> Option<Cow<'_, [u8]>> {
        self.source_address.as_deref().map(|a| Cow::Borrowed(a.as_bytes()))
    }

    fn source_identity(&self) -> Option<Cow<'_, [u8]>> {
        self.source_identity.as_deref().map(|a| Cow::Borrowed(a.as_bytes()))
    }

    fn destination(&self) -> Option<Cow<'_, [u8]>> {
        self.destination.as_deref().map(|name| Cow::Borrowed(name.as_bytes()))
    }
}
