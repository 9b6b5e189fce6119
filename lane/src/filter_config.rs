//! The versioned JSON that a filter role is configured with.
//!
//! Written by `envoy-config`, read by the filter. A format of another version is refused as a whole, so
//! that an old module never half-understands new rules; the last good configuration then stays in force.

use serde::{Deserialize, Serialize};

use crate::metric;
use crate::model::{BucketRange, Rule, StickyKey};
use crate::name::{BaggageKey, GroupName, HeaderName, LaneName, NamespaceName, WorkloadName};

/// The format that this code writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// The configuration of one role of one workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterConfig {
    /// Always [`FORMAT_VERSION`]; anything else is refused.
    pub version: u32,
    /// Grows with every change of the compiled rules; reported by every worker.
    pub generation: u64,
    /// The lane group: salts the hash of shares.
    pub group: GroupName,
    /// Namespace of the group, where a proxy may serve several groups: their receipts are told apart by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_namespace: Option<NamespaceName>,
    /// What the filter does here.
    pub role: Role,
    /// Name of the workload or gateway that the proxy belongs to, for the trail.
    pub workload: WorkloadName,
    /// The lane that this workload belongs to; `None` on the baseline and on gateways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_lane: Option<LaneName>,
    /// Header that carries the lane.
    pub lane_header: HeaderName,
    /// Baggage member that carries the lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baggage: Option<BaggageKey>,
    /// Header of the trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<HeaderName>,
    /// Headers that the entry removes from what outsiders send, beside the lane's baggage member.
    /// Empty where the listener strips them natively before the filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strip: Vec<HeaderName>,
    /// The lanes of the group.
    pub lanes: Vec<LaneConfig>,
}

impl FilterConfig {
    /// The group in metrics: `NAMESPACE/NAME`; `None` where a proxy serves one group alone.
    #[must_use]
    pub fn group_label(&self) -> Option<String> {
        self.group_namespace.as_ref().map(|namespace| metric::group_label(namespace.as_str(), &self.group))
    }
}

/// What a filter does at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Where requests enter the chain: strip what outsiders may not send, decide, stamp.
    Entry,
    /// In front of the application: write the trail, count fallbacks.
    Inbound,
    /// Behind the application: stamp requests that lost their lane.
    Outbound,
}

impl Role {
    /// The name in ECDS resources, metrics and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// One lane, as the filter needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneConfig {
    /// Name of the lane.
    pub name: LaneName,
    /// Higher wins.
    #[serde(default)]
    pub priority: i32,
    /// End of the lane, milliseconds since 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Entry role: the share of the requests that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<ShareConfig>,
    /// Entry role: the rules, alternatives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Inbound role: whether the lane has workloads of this service, so that a request of the lane
    /// which reaches a baseline workload is a fallback and not just a service that the lane leaves out.
    #[serde(default)]
    pub here: bool,
}

/// A share with the buckets that it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareConfig {
    /// The buckets of [`crate::share::bucket`] that enter.
    pub buckets: Vec<BucketRange>,
    /// What is hashed; each request is drawn anew where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<StickyKey>,
}
