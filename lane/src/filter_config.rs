//! The versioned JSON that a filter role is configured with.
//!
//! Written by `envoy-config`, read by the filter. A format of another version is refused as a whole, so
//! that an old module never half-understands new rules; the last good configuration then stays in force.

mod fault;

use serde::{Deserialize, Serialize};

use crate::metric;
use crate::model::{BucketRange, Rule, Sources, StickyKey};
use crate::name::{BaggageKey, GroupName, HeaderName, KeyId, LaneName, NamespaceName, WorkloadName};
use crate::ticket::{Audience, PublicKey};

pub use fault::FaultConfig;

/// The newest format; this code reads all up to it.
pub const FORMAT_VERSION: u32 = 3;

/// The format of configurations with tickets and nothing newer.
pub const FORMAT_WITH_TICKETS: u32 = 2;

/// The format of configurations without tickets and faults. What needs no newer format is written in this one, so that modules
/// of the release before read it.
pub const FORMAT_WITHOUT_TICKETS: u32 = 1;

/// The configuration of one role of one workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterConfig {
    /// At most [`FORMAT_VERSION`]; anything else is refused.
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
    /// How a lost lane is found again by the request's trace; `None` where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryConfig>,
    /// Headers that the entry removes from what outsiders send, beside the lane's baggage member.
    /// Empty where the listener strips them natively before the filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strip: Vec<HeaderName>,
    /// Entry role: where tickets are, and whose signatures count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets: Option<TicketConfig>,
    /// The faults that this role injects, in the order in which they are tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultConfig>,
    /// The lanes of the group.
    pub lanes: Vec<LaneConfig>,
}

impl FilterConfig {
    /// The group in tickets.
    #[must_use]
    pub fn audience(&self) -> Audience {
        Audience { namespace: self.group_namespace.clone(), group: self.group.clone() }
    }

    /// The group to Envoy's fault filter, of which a proxy may have several: `NAMESPACE/NAME`, or `NAME`.
    #[must_use]
    pub fn fault_group(&self) -> String {
        self.group_label().unwrap_or_else(|| self.group.to_string())
    }

    /// The group in metrics: `NAMESPACE/NAME`; `None` where a proxy serves one group alone.
    #[must_use]
    pub fn group_label(&self) -> Option<String> {
        self.group_namespace.as_ref().map(|namespace| metric::group_label(namespace.as_str(), &self.group))
    }
}

/// Lane tickets, as the entry needs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketConfig {
    /// Header that carries a ticket.
    pub header: HeaderName,
    /// Cookie that carries a ticket where the header does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// The group's keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<TicketKeyConfig>,
}

/// A public key, as the entry needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketKeyConfig {
    /// Its name.
    pub id: KeyId,
    /// The key.
    pub public_key: PublicKey,
    /// End of the key, milliseconds since 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// The table from traces to lanes, as both roles of a workload use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryConfig {
    /// Headers that tell a request's trace.
    pub headers: Vec<HeaderName>,
    /// How long an arrival is remembered.
    pub ttl_ms: u64,
    /// Slots of the table.
    pub slots: u32,
}

/// What a filter does at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Where requests enter the chain: strip what outsiders may not send, decide, stamp.
    Entry,
    /// In front of the application: write the trail, count fallbacks, note traces.
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
    /// Entry role: whether a request needs a ticket to enter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ticket: bool,
    /// Entry role: from where a request may enter; from anywhere where nothing is said. Since format 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
    /// Entry role: how browsers ask for the lane, beside a rule for it. Since format 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserConfig>,
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

/// By what browsers ask for a lane, and stay in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrowserConfig {
    /// Query parameter with the lane's name, or with a ticket for it; an empty one takes the cookie away.
    pub query: String,
    /// Cookie with the same.
    pub cookie: String,
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
