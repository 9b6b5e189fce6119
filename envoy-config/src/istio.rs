//! The Istio objects that follow from a lane group and what stands in the cluster: pure generation.
//!
//! ```text
//! Input ── Mesh (what is routed) ──▶ subsets ▶ clusters ▶ routes ▶ filters ──▶ Vec<IstioObject>, findings
//! Input of several groups ── gateway::filters ──▶ the EnvoyFilter of a gateway that they share
//! ```
//!
//! | object | where | what |
//! |---|---|---|
//! | `DestinationRule` | where istiod looks for the host's rules | a subset for each lane and for the baseline |
//! | `EnvoyFilter` `…clusters` | each namespace of callers | an aggregate for each lane that falls back |
//! | `EnvoyFilter` `…routes` | each namespace of callers | the cluster by lane header on the routes that qualify |
//! | `EnvoyFilter` `…replies` | each namespace of callers, strict groups | the body of the 503 without an endpoint |
//! | `EnvoyFilter` `…gateways.GATEWAY.clusters`, `.routes`, `.replies` | the root namespace | the same for a gateway that is there |
//! | `EnvoyFilter` `…filters.WORKLOAD` | the workload's namespace | the Wasm filter in its roles; for lanes, what the proxy says of a dead application, and how many streams it opens |
//! | `EnvoyFilter` `graylane.entry.GATEWAY` | the gateway's namespace | entry roles of all groups |
//!
//! What of this was run on a real istiod, and what was only read in its source, stands in
//! `docs/istio-support.md`.

mod audience;
mod clusters;
mod dead_application;
mod destination_rule;
mod envoy_filter;
mod faults;
mod filters;
mod finding;
pub mod gateway;
mod hosts;
mod http_route;
pub mod input;
mod mesh;
#[cfg(test)]
mod mk_input;
mod module;
pub mod names;
mod object;
mod off_mesh;
mod policy;
mod protocol;
mod replies;
mod routes;
mod rules;
mod streams;
mod subsets;
mod version;
mod virtual_service;

pub use finding::{Condition, Finding, Reason};
pub use input::{ClusterKey, Input};
pub use module::{InvalidModule, Module};
pub use object::{IstioObject, MAX_OBJECT_BYTES};
pub use protocol::Protocol;
pub use version::{Emission, MATCHER_SINCE, emission, minor};

use std::collections::BTreeSet;

use mesh::Mesh;

/// Everything that one group needs, but for the gateways that it may share with others.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// In the order in which they are written when something is added; the other way when it is removed.
    pub objects: Vec<IstioObject>,
    /// What cannot have lanes, and what was left alone.
    pub findings: Vec<Finding>,
}

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// An object that the API server would refuse.
    #[error("{kind} {namespace}/{name} has {bytes} bytes, more than {MAX_OBJECT_BYTES}")]
    TooLarge {
        /// Kind of the object.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its length as JSON.
        bytes: usize,
    },
    /// A structure that JSON cannot express.
    #[error("not expressible as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The clusters that a group needs, by service and lane, whatever routes lead there.
#[must_use]
pub fn clusters_of(input: &Input) -> BTreeSet<ClusterKey> {
    let input = Input { unrouted: BTreeSet::new(), ..input.clone() };
    let (mesh, _) = Mesh::new(&input);
    mesh.callees.values().flat_map(mesh::Callee::keys).collect()
}

/// The objects of one group.
///
/// # Errors
/// An object is larger than the API server accepts.
pub fn generate(input: &Input) -> Result<Generated, GenerateError> {
    let (mesh, mut findings) = Mesh::new(input);
    findings.extend(filters::unknown_addresses(&mesh));
    let mut objects = subsets::destination_rules(&mesh)?;
    objects.extend(clusters::envoy_filters(&mesh)?);
    objects.extend(routes::envoy_filters(&mesh, &mut findings)?);
    objects.extend(replies::envoy_filters(&mesh)?);
    objects.extend(filters::envoy_filters(&mesh)?);
    objects.sort_by_key(|object| object.stage);
    for object in &objects {
        object.check_size()?;
    }
    let mut seen = Vec::new();
    for finding in findings {
        if !seen.contains(&finding) {
            seen.push(finding);
        }
    }
    Ok(Generated { objects, findings: seen })
}
