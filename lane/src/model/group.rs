//! Lane groups: the applications of one call chain and how lanes behave among them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fault::Faults;
use super::trust::Tickets;
use crate::name::{BaggageKey, EntryName, HeaderName, NamespaceName, ServiceName};
use crate::trace_id;

/// The applications of one call chain, their entries, and how a lane is carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LaneGroupSpec {
    /// Gateways or workloads where requests enter the chain and their lane is decided. On Kubernetes these are
    /// Deployments, `NAMESPACE/NAME` where they are not in the group's namespace.
    pub entries: Vec<EntryName>,
    /// The services of the chain.
    pub services: Vec<Service>,
    /// Header that carries the lane from hop to hop.
    #[serde(default = "default_lane_header")]
    pub lane_header: HeaderName,
    /// What else carries the lane.
    #[serde(default)]
    pub propagation: Propagation,
    /// What happens where a lane has no version of a service.
    #[serde(default)]
    pub fallback: Fallback,
    /// Lane tickets, for lanes that ask for them; none count where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets: Option<Tickets>,
    /// Makes place for faults in every proxy, which is a change of its listeners; no fault can be injected where
    /// nothing is said. It puts the filter on every hop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
    /// Namespaces, beside those of the group's services and entries, whose workloads call the services.
    /// Kubernetes only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<NamespaceName>,
    /// Label of pods that names their lane. Kubernetes only.
    #[serde(default = "default_lane_label", skip_serializing_if = "is_default_lane_label")]
    pub lane_label: String,
    /// How requests are routed by lane. Istio only.
    #[serde(default, skip_serializing_if = "RouteMode::is_default")]
    pub route_mode: RouteMode,
}

impl LaneGroupSpec {
    /// A group with defaults in all else.
    #[must_use]
    pub fn new(entries: Vec<EntryName>, services: Vec<Service>) -> Self {
        Self {
            entries,
            services,
            lane_header: default_lane_header(),
            propagation: Propagation::default(),
            fallback: Fallback::default(),
            tickets: None,
            faults: None,
            callers: Vec::new(),
            lane_label: default_lane_label(),
            route_mode: RouteMode::default(),
        }
    }
}

/// A service of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Service {
    /// Name of the service: the host that callers use.
    pub name: ServiceName,
    /// Namespace of the service; that of the lane group where nothing is said. Kubernetes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespaceName>,
    /// Labels that every pod of the baseline has and no pod of a lane has; found out from the Deployments
    /// where nothing is said. Kubernetes only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baseline: BTreeMap<String, String>,
}

impl Service {
    /// A service in the group's own namespace.
    #[must_use]
    pub fn named(name: ServiceName) -> Self {
        Self { name, namespace: None, baseline: BTreeMap::new() }
    }
}

/// How requests are routed by lane under Istio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RouteMode {
    /// `Matcher` where all proxies are of Istio 1.30 or newer, else `Routes`.
    #[default]
    Auto,
    /// One matcher for each route of the user, which keeps everything else that the route says.
    Matcher,
    /// Routes of our own before those of the user, for older proxies.
    Routes,
}

impl RouteMode {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What carries a request's lane beside the lane header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Propagation {
    /// Member of the W3C `baggage` header that carries the lane; `null` for none.
    #[serde(default = "default_baggage")]
    pub baggage: Option<BaggageKey>,
    /// Whether a workload of a lane stamps its own lane on requests that carry none.
    #[serde(default = "default_true")]
    pub workload_lane: bool,
    /// Header in which every hop writes workload, lane and reason; `null` for none.
    /// It puts the filter on every hop, since only the callee knows who was reached.
    #[serde(default)]
    pub trail: Option<HeaderName>,
    /// Finds the lane of a request again by its trace, for applications that drop all that carries the lane;
    /// `null` for not. It puts the filter on every hop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
}

/// How a sidecar finds a lost lane again by the request's trace. It notes what arrives for the application, and
/// looks up what the application sends without a lane. A trace that arrives with two lanes, or with and
/// without one, is ambiguous, and its requests stay on the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// Headers that tell a request's trace, of which applications forward at least one. `traceparent`, `b3`,
    /// `x-b3-traceid` and `x-request-id` are understood; of any other header the whole value counts.
    #[serde(default = "default_trace_headers")]
    pub headers: Vec<HeaderName>,
    /// How long an arrival is remembered, in seconds: longer than an application takes to send its own requests.
    #[serde(default = "default_ttl_seconds")]
    pub ttl_seconds: u32,
    /// Slots of each sidecar's table, each for eight traces; roughly 640 bytes of memory each.
    #[serde(default = "default_slots")]
    pub slots: u32,
}

impl Default for Recovery {
    fn default() -> Self {
        Self { headers: default_trace_headers(), ttl_seconds: default_ttl_seconds(), slots: default_slots() }
    }
}

/// What happens where a lane has no ready workload of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Fallback {
    /// The request goes to the baseline and returns to the lane at a later hop.
    #[default]
    Permissive,
    /// The request is answered with 503 (gRPC 14), naming lane and service.
    Strict,
}

impl Default for Propagation {
    fn default() -> Self {
        Self { baggage: default_baggage(), workload_lane: true, trail: None, recovery: None }
    }
}

fn default_lane_header() -> HeaderName {
    HeaderName::constant(DEFAULT_LANE_HEADER)
}

fn default_baggage() -> Option<BaggageKey> {
    Some(BaggageKey::constant(DEFAULT_BAGGAGE_KEY))
}

fn default_lane_label() -> String {
    DEFAULT_LANE_LABEL.to_owned()
}

fn is_default_lane_label(label: &String) -> bool {
    label == DEFAULT_LANE_LABEL
}

fn default_trace_headers() -> Vec<HeaderName> {
    DEFAULT_TRACE_HEADERS.map(HeaderName::constant).into()
}

fn default_ttl_seconds() -> u32 {
    DEFAULT_TTL_SECONDS
}

fn default_slots() -> u32 {
    DEFAULT_SLOTS
}

fn default_true() -> bool {
    true
}

/// The lane header where the group says nothing.
pub const DEFAULT_LANE_HEADER: &str = "x-lane";

/// The label of pods that names their lane where the group says nothing.
pub const DEFAULT_LANE_LABEL: &str = "graylane.dev/lane";

/// The baggage member where the group says nothing.
pub const DEFAULT_BAGGAGE_KEY: &str = "lane";

/// The trail header that `lanectl init --trail` writes.
pub const DEFAULT_TRAIL_HEADER: &str = "x-lane-path";

/// The headers that tell a request's trace where the group says nothing.
pub const DEFAULT_TRACE_HEADERS: [&str; 4] =
    [trace_id::TRACEPARENT, trace_id::B3, trace_id::B3_TRACE_ID, trace_id::REQUEST_ID];

/// How long an arrival is remembered where the group says nothing.
pub const DEFAULT_TTL_SECONDS: u32 = 30;

/// The slots of a table where the group says nothing: enough for 50,000 traces of which an application may still
/// send requests.
pub const DEFAULT_SLOTS: u32 = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_valid_names() {
        assert_eq!(DEFAULT_LANE_HEADER.parse(), Ok(default_lane_header()));
        assert_eq!(DEFAULT_BAGGAGE_KEY.parse().ok(), default_baggage());
        assert!(DEFAULT_TRAIL_HEADER.parse::<HeaderName>().is_ok());
        for (text, name) in DEFAULT_TRACE_HEADERS.into_iter().zip(default_trace_headers()) {
            assert_eq!(text.parse(), Ok(name));
        }
    }
}
