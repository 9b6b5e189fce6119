//! Where requests come from: ranges of client addresses, and who a caller's certificate says that it is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::head::RequestHead;
use crate::model::Sources;
use crate::subject::client_ip;

/// The longest principal (SPIFFE ID, section 2.3).
const MAX_PRINCIPAL: usize = 2_048;

/// Why a text is no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// Not an address, and not a range of them.
    #[error("{0:?} is not a range of addresses, expected one such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32")]
    Range(String),
    /// A range that seems to be narrower than it is.
    #[error("{0:?} has bits behind its prefix, write {1} or a longer prefix")]
    HostBits(String, IpNet),
    /// An IPv4 address as IPv6 writes it, which no client is seen with.
    #[error("{0:?} is IPv4 written as IPv6, write it as IPv4")]
    Mapped(String),
    /// Not a SPIFFE ID.
    #[error(
        "{0:?} is not a principal, expected a SPIFFE ID such as spiffe://cluster.local/ns/test/sa/tester, or the beginning of its path and *"
    )]
    Principal(String),
}

/// A range of IPv4 or IPv6 addresses (CIDR, RFC 4632), or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange(IpNet);

impl AddressRange {
    /// Whether an address lies in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether every address of its family lies in the range.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl TryFrom<String> for AddressRange {
    type Error = InvalidSource;

    fn try_from(text: String) -> Result<Self, InvalidSource> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let net = net.map_err(|_| InvalidSource::Range(text.clone()))?;
        if net.trunc() != net {
            return Err(InvalidSource::HostBits(text, net.trunc()));
        }
        if net.addr().to_canonical() != net.addr() {
            return Err(InvalidSource::Mapped(text));
        }
        Ok(Self(net))
    }
}

impl FromStr for AddressRange {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        Self::try_from(text.to_owned())
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

/// An address alone stands without a prefix, as it was written.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

/// Who a caller is, by the URI in its certificate: a SPIFFE ID, or the beginning of one and `*`.
///
/// The `*` stands in the path: one in the trust domain would let other domains in, those that merely begin alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Principal(String);

impl Principal {
    /// Whether the URI of a certificate is meant.
    #[must_use]
    pub fn matches(&self, uri: &[u8]) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => uri.starts_with(beginning.as_bytes()),
            None => uri == self.0.as_bytes(),
        }
    }
}

impl TryFrom<String> for Principal {
    type Error = InvalidSource;

    fn try_from(text: String) -> Result<Self, InvalidSource> {
        let id = text.strip_suffix('*').unwrap_or(&text);
        let parts = id.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
        let is_plain = id.bytes().all(|b| b.is_ascii_graphic() && b != b'*') && text.len() <= MAX_PRINCIPAL;
        match parts {
            Some((domain, _)) if is_plain && !domain.is_empty() => Ok(Self(text)),
            _ => Err(InvalidSource::Principal(text)),
        }
    }
}

impl FromStr for Principal {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        Self::try_from(text.to_owned())
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.0
    }
}

/// What a lane that asks for a source says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceVerdict {
    /// The client's address is listed.
    Address,
    /// The caller's principal is listed.
    Principal,
    /// Neither what is known of the address nor of the principal is listed.
    Unlisted,
    /// Nothing is known of what is listed: no certificate, or no address.
    Unidentified,
}

impl SourceVerdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Address, Self::Principal, Self::Unlisted, Self::Unidentified];

    /// The verdict in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Principal => "principal",
            Self::Unlisted => "unlisted",
            Self::Unidentified => "unidentified",
        }
    }

    /// Whether the request may enter.
    #[must_use]
    pub fn is_trusted(self) -> bool {
        matches!(self, Self::Address | Self::Principal)
    }
}

impl Sources {
    /// What the sources say to a request. Each costs a call of the host, so that only what is listed is asked for.
    ///
    /// The host gives the URI of a certificate only where the client has shown one, which a listener that asks for
    /// certificates has verified.
    #[must_use]
    pub fn verdict(&self, head: &impl RequestHead) -> SourceVerdict {
        let address = if self.addresses.is_empty() { None } else { client_ip(head) };
        if address.is_some_and(|address| self.addresses.iter().any(|range| range.contains(address))) {
            return SourceVerdict::Address;
        }
        let uri = if self.principals.is_empty() { None } else { head.source_identity() };
        match uri {
            Some(uri) if self.principals.iter().any(|principal| principal.matches(&uri)) => {
                SourceVerdict::Principal
            }
            None if address.is_none() => SourceVerdict::Unidentified,
            _ => SourceVerdict::Unlisted,
        }
    }
}

#[cfg(test)]
mod tests;
