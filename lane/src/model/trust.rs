//! Trust: what a lane asks of those who want to enter it, and the keys by which they prove it.

use serde::{Deserialize, Serialize};

use super::lane::timestamp;
use crate::name::{HeaderName, KeyId};
use crate::source::{AddressRange, Principal};
use crate::ticket::PublicKey;

/// What a lane asks of a request beside its rules and its share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Trust {
    /// Nothing: whoever fits a rule enters. A rule on `source` trusts callers by their certificate.
    #[default]
    Free,
    /// A lane ticket, signed by a key of the group.
    Ticket,
    /// One of the lane's sources.
    Source,
}

impl Trust {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(super) fn is_free(&self) -> bool {
        *self == Self::Free
    }
}

/// From where requests may enter a lane; one source of either kind is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sources {
    /// Ranges of client addresses (CIDR), IPv4 and IPv6, or single addresses. The client's address is the one that the
    /// key `source` of a share takes: that of the peer, or what trusted proxies in front of the entry have said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub addresses: Vec<AddressRange>,
    /// SPIFFE IDs of callers, by the certificates that the entry has verified (mutual TLS); a `*` at the end stands for
    /// every rest of the path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub principals: Vec<Principal>,
}

/// Where requests carry lane tickets, and whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tickets {
    /// Header that carries a ticket; the entry takes it away.
    #[serde(default = "default_header")]
    pub header: HeaderName,
    /// Cookie that carries a ticket where the header does not; the entry takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// The public keys of those who issue tickets; several while one takes the place of another.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(max = 16),
            extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
        )
    )]
    pub keys: Vec<TicketKey>,
}

/// A public key of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TicketKey {
    /// Its name, by which a ticket says what it is signed with.
    pub id: KeyId,
    /// The key as `lanectl ticket keygen` prints it: Ed25519, base64url without padding.
    pub public_key: PublicKey,
    /// End of the key, RFC 3339 with offset: its tickets count no more then, whatever they say themselves.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "timestamp")]
    pub expires: Option<jiff::Timestamp>,
}

fn default_header() -> HeaderName {
    HeaderName::constant(DEFAULT_TICKET_HEADER)
}

/// The header that carries tickets where the group says nothing.
pub const DEFAULT_TICKET_HEADER: &str = "x-lane-ticket";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_is_a_valid_name() {
        assert_eq!(DEFAULT_TICKET_HEADER.parse(), Ok(default_header()));
    }
}
