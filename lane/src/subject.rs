//! What a condition looks at, and how it is read from a request's head.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::head::RequestHead;
use crate::model::{Condition, StickyKey, ValueMatch};
use crate::name::HeaderName;
use crate::{cookie, host, query};

/// What a condition or a sticky key looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Subject {
    Header(HeaderName),
    Cookie(String),
    Query(String),
    Path,
    Method,
    Host,
    Source,
}

impl Subject {
    /// The subject and match of a leaf condition; `None` for all, any and not.
    pub(crate) fn of(condition: &Condition) -> Option<(Self, &ValueMatch)> {
        Some(match condition {
            Condition::All(_) | Condition::Any(_) | Condition::Not(_) => return None,
            Condition::Header(m) => (Self::Header(m.name.clone()), &m.value),
            Condition::Cookie(m) => (Self::Cookie(m.name.clone()), &m.value),
            Condition::Query(m) => (Self::Query(m.name.clone()), &m.value),
            Condition::Path(value) => (Self::Path, value),
            Condition::Method(value) => (Self::Method, value),
            Condition::Host(value) => (Self::Host, value),
            Condition::Source(value) => (Self::Source, value),
        })
    }

    /// Whether nearly every request has a value of this subject.
    pub(crate) fn is_in_every_request(&self) -> bool {
        matches!(self, Self::Path | Self::Method | Self::Host)
    }

    /// The value in this request, `None` when absent.
    pub(crate) fn read<'h>(&self, head: &'h impl RequestHead) -> Option<Cow<'h, [u8]>> {
        match self {
            Self::Header(name) => head.header(name.as_str()),
            Self::Cookie(name) => within(head.header("cookie")?, |header| cookie::get(header, name)),
            Self::Query(name) => match head.header(":path")? {
                Cow::Borrowed(path) => query::get(path, name),
                Cow::Owned(path) => query::get(&path, name).map(|value| Cow::Owned(value.into_owned())),
            },
            Self::Path => within(head.header(":path")?, |path| Some(query::path_only(path))),
            Self::Method => head.header(":method"),
            Self::Host => head.header(":authority").map(|authority| match authority {
                Cow::Borrowed(authority) => host::host_only(authority),
                Cow::Owned(authority) => Cow::Owned(host::host_only(&authority).into_owned()),
            }),
            Self::Source => head.source_identity(),
        }
    }
}

/// A part of a value, borrowed where the value is.
fn within<'h>(value: Cow<'h, [u8]>, part: impl Fn(&[u8]) -> Option<&[u8]>) -> Option<Cow<'h, [u8]>> {
    match value {
        Cow::Borrowed(bytes) => part(bytes).map(Cow::Borrowed),
        Cow::Owned(bytes) => part(&bytes).map(|slice| Cow::Owned(slice.to_vec())),
    }
}

/// The bytes of a sticky key in this request, `None` when absent.
pub(crate) fn sticky_value<'h>(key: &StickyKey, head: &'h impl RequestHead) -> Option<Cow<'h, [u8]>> {
    match key {
        StickyKey::Header(name) => head.header(name.as_str()),
        StickyKey::Cookie(name) => Subject::Cookie(name.clone()).read(head),
        StickyKey::Query(name) => Subject::Query(name.clone()).read(head),
        StickyKey::Source => within(head.source_address()?, |address| Some(without_port(address))),
    }
}

/// The client's address, one of IPv4 always as such; `None` where it is none of the Internet.
pub(crate) fn client_ip(head: &impl RequestHead) -> Option<IpAddr> {
    let address = head.source_address()?;
    let ip: IpAddr = std::str::from_utf8(without_port(&address)).ok()?.parse().ok()?;
    Some(ip.to_canonical())
}

/// An address as `IP:port` or `[IPv6]:port` without its port and brackets.
fn without_port(address: &[u8]) -> &[u8] {
    let end = address.iter().rposition(|b| *b == b':').unwrap_or(address.len());
    let ip = address.get(..end).unwrap_or(address);
    ip.strip_prefix(b"[").and_then(|ip| ip.strip_suffix(b"]")).unwrap_or(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_cut_from_both_families() {
        for (address, want) in
            [("10.0.0.1:80", "10.0.0.1"), ("[2001:db8::1]:443", "2001:db8::1"), ("unix", "unix"), ("", "")]
        {
            assert_eq!(without_port(address.as_bytes()), want.as_bytes());
        }
    }
}
