//! Lanes: which requests enter, how many of them, and until when.

use serde::{Deserialize, Serialize};

use super::browser::CookieFromQuery;
use super::condition::Rule;
use super::release::Release;
use super::trust::{Sources, Trust};
use crate::name::{GroupName, HeaderName};
use crate::percent::Percent;

/// One lane of a group.
///
/// A request enters when one of the rules holds (or there is none but a share) and the share, if there
/// is one, takes it, and it shows what [`Trust`] asks for. Among several lanes that would take it, [`crate::precedence`] decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LaneSpec {
    /// The lane group that the lane belongs to.
    pub group: GroupName,
    /// Higher wins over lower where a request could enter several lanes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Alternatives, each enough to enter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Share of the requests that match; all of them where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// What a request must show to enter; a ticket is signed by a key of the group, a source is in `sources`.
    #[serde(default, skip_serializing_if = "Trust::is_free")]
    pub trust: Trust,
    /// How browsers ask for the lane and stay in it: one rule more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_from_query: Option<CookieFromQuery>,
    /// From where requests may enter, for `trust: Source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
    /// End of the lane, RFC 3339 with offset (`2026-12-01T18:00:00Z`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "timestamp")]
    pub expires: Option<jiff::Timestamp>,
    /// Who to ask about the lane; free text, shown by `lanectl get -o wide`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What is to become of the lane's version (on a cluster); `lanectl promote` and `lanectl rollback` write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// A share of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Share {
    /// How many of the requests, 0.00 to 100.00.
    pub percent: Percent,
    /// What keeps a client on one side; each request is drawn anew where nothing is said.
    /// A request without the key stays on the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<StickyKey>,
}

/// What a share hashes so that a client stays where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StickyKey {
    /// Value of a header.
    Header(HeaderName),
    /// Value of a cookie.
    Cookie(String),
    /// Value of a query parameter.
    Query(String),
    /// The client's address without port, after trusted proxies.
    Source,
}

/// A range of hash buckets, `from` inclusive to `to` exclusive, both 0 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BucketRange {
    /// First bucket.
    pub from: u16,
    /// One past the last bucket.
    pub to: u16,
}

impl BucketRange {
    /// Number of buckets; 0 for a range that ends before it starts.
    #[must_use]
    pub fn len(self) -> u16 {
        self.to.saturating_sub(self.from)
    }

    /// Whether there is no bucket in the range.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether `bucket` lies in the range.
    #[must_use]
    pub fn contains(self, bucket: u16) -> bool {
        (self.from..self.to).contains(&bucket)
    }
}

/// Reads a time, or nothing, with an error that says how to write one.
pub(super) fn timestamp<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<jiff::Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let time = text.map(|text| {
        text.parse().map_err(|_| {
            serde::de::Error::custom(format!(
                "{text:?} is not a time, expected one such as 2026-12-01T18:00:00Z"
            ))
        })
    });
    time.transpose()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(priority: &i32) -> bool {
    *priority == 0
}
