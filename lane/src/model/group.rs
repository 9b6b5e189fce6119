//! Lane groups: the applications of one call chain and how lanes behave among them.

use serde::{Deserialize, Serialize};

use crate::name::{BaggageKey, HeaderName, ServiceName, WorkloadName};

/// The applications of one call chain, their entries, and how a lane is carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneGroupSpec {
    /// Gateways or workloads where requests enter the chain and their lane is decided.
    pub entries: Vec<WorkloadName>,
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
}

/// A service of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Name of the service: the host that callers use.
    pub name: ServiceName,
}

/// What carries a request's lane beside the lane header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// What happens where a lane has no ready workload of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fallback {
    /// The request goes to the baseline and returns to the lane at a later hop.
    #[default]
    Permissive,
    /// The request is answered with 503 (gRPC 14), naming lane and service.
    Strict,
}

impl Default for Propagation {
    fn default() -> Self {
        Self { baggage: default_baggage(), workload_lane: true, trail: None }
    }
}

fn default_lane_header() -> HeaderName {
    HeaderName::constant(DEFAULT_LANE_HEADER)
}

fn default_baggage() -> Option<BaggageKey> {
    Some(BaggageKey::constant(DEFAULT_BAGGAGE_KEY))
}

fn default_true() -> bool {
    true
}

/// The lane header where the group says nothing.
pub const DEFAULT_LANE_HEADER: &str = "x-lane";

/// The baggage member where the group says nothing.
pub const DEFAULT_BAGGAGE_KEY: &str = "lane";

/// The trail header that `lanectl init --trail` writes.
pub const DEFAULT_TRAIL_HEADER: &str = "x-lane-path";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_valid_names() {
        assert_eq!(DEFAULT_LANE_HEADER.parse(), Ok(default_lane_header()));
        assert_eq!(DEFAULT_BAGGAGE_KEY.parse().ok(), default_baggage());
        assert!(DEFAULT_TRAIL_HEADER.parse::<HeaderName>().is_ok());
    }
}
