//! What the controller says of objects: conditions and counts.

use serde::{Deserialize, Serialize};

use super::group::LaneGroupSpec;
use super::lane::{BucketRange, LaneSpec};
use super::release::{HistoryEntry, ReleaseStatus};
use crate::name::{FaultName, LaneName};

/// The last spec of an object that made sense. It stays in force while a newer one makes none, which is why it is
/// kept: the API server forgets the former spec with the edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcceptedSpec<S> {
    /// Its `metadata.generation`.
    pub generation: i64,
    /// What it says.
    pub spec: S,
}

/// One aspect of an object's state, as Kubernetes' `metav1.Condition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObjectCondition {
    /// Which aspect, such as `Accepted`, `ResolvedRefs` or `Programmed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The `metadata.generation` of the object that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` changed last.
    pub last_transition_time: jiff::Timestamp,
    /// Why, in one CamelCase word.
    pub reason: String,
    /// Why, for people, with a remedy.
    pub message: String,
}

/// How many proxies run the newest rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProxyCount {
    /// Proxies that have reported the newest generation from every worker.
    pub ready: u32,
    /// All proxies of the group.
    pub total: u32,
    /// Proxies that could not be asked.
    #[serde(default)]
    pub unverified: u32,
}

/// A clock that is not the controller's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClockApart {
    /// `NAMESPACE/NAME` of the pod with the proxy.
    pub pod: String,
    /// By how many seconds it is ahead at the least; negative where it is behind.
    pub ahead_seconds: i64,
}

/// How far a lane has come, in the order make before break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LanePhase {
    /// The proxies get its routes; nobody is admitted yet.
    Routed,
    /// Requests enter it.
    Admitted,
    /// Nobody is admitted any more; requests in flight still find their way.
    Retiring,
}

/// A lane that the proxies know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LaneInForce {
    /// Its name.
    pub name: LaneName,
    /// How far it has come.
    pub phase: LanePhase,
    /// Since when.
    pub since: jiff::Timestamp,
}

/// How far the clusters of a lane or of the baseline have come: no route leads to one that a proxy lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ClusterPhase {
    /// The proxies get them; no route leads there yet.
    Made,
    /// Routes lead there.
    #[default]
    Routed,
    /// No route leads there any more; they go once the proxies have taken that.
    Leaving,
}

impl ClusterPhase {
    /// Whether routes lead there.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        *self == Self::Routed
    }
}

/// Clusters of a service that the proxies know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterInForce {
    /// `NAMESPACE/NAME` of the service.
    pub service: String,
    /// The lane whose requests they are for; none for the baseline's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneName>,
    /// How far they have come.
    #[serde(default, skip_serializing_if = "ClusterPhase::is_routed")]
    pub phase: ClusterPhase,
}

/// Requests that a workload's application has sent without the lane that it had been given, and without `baggage`
/// that tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LostLane {
    /// `NAMESPACE/NAME` of the service.
    pub service: String,
    /// The workload.
    pub workload: String,
    /// The lane; none where nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneName>,
    /// What it was found again by (`trace`, `workload`), or why it was not (`ambiguous`).
    pub reason: String,
    /// At least so many requests since the workload's proxies have started; written anew when it has doubled.
    pub requests: u64,
}

/// What was made of a lane group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LaneGroupStatus {
    /// The `metadata.generation` that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The generation of the rules that the proxies are to run; it grows with every change.
    #[serde(default)]
    pub rules_generation: u64,
    /// Digest of what that generation says, by which a change is told from a repetition.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rules_digest: String,
    /// Since when there is that generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_since: Option<jiff::Timestamp>,
    /// How many proxies run that generation.
    #[serde(default)]
    pub proxies: ProxyCount,
    /// The clocks of proxies that are furthest from the controller's, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks_apart: Vec<ClockApart>,
    /// The spec that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AcceptedSpec<LaneGroupSpec>>,
    /// The lanes that the proxies know, each with how far it has come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<LaneInForce>,
    /// The clusters that the proxies know, by service and lane.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterInForce>,
    /// The faults that the proxies are to inject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultName>,
    /// The workloads whose applications lose lanes, those that do so most; a bounded number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_lanes: Vec<LostLane>,
    /// Namespaces in which objects of ours stand; they are cleaned up when the group goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// What has happened to the group's lanes, the oldest first; a bounded number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
    /// `Accepted`, `ResolvedRefs`, `Programmed`, and `ClocksAgree` once a proxy has told the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])))]
    pub conditions: Vec<ObjectCondition>,
}

/// What was made of a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LaneStatus {
    /// The hash buckets that the lane's share holds. Kept from one change to the next, so that raising
    /// a share never moves anybody back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<BucketRange>,
    /// The `metadata.generation` that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The spec that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AcceptedSpec<LaneSpec>>,
    /// How far the promotion or rollback that the lane asks for has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseStatus>,
    /// `Accepted` and `Programmed`, and `Ending` where the lane ends soon or has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])))]
    pub conditions: Vec<ObjectCondition>,
}

/// What was made of a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LaneFaultStatus {
    /// The `metadata.generation` that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted` and `Programmed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])))]
    pub conditions: Vec<ObjectCondition>,
}
