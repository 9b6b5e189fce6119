//! The EnvoyFilters that route by lane: for each namespace of callers, the changes of its virtual hosts.
//!
//! A change always finds the cluster of the baseline first, and then those of lanes; how both are written is
//! up to a [`RouteEmitter`].

mod header_routes;
mod matcher;

use lane::name::{LaneName, NamespaceName};
use serde_json::Value;

use self::header_routes::HeaderRoutes;
use self::matcher::MatcherRoutes;
use super::GenerateError;
use super::audience;
use super::dead_application;
use super::envoy_filter::{ConfigPatch, Context};
use super::finding::Finding;
use super::hosts::{Change, VirtualHost, virtual_hosts};
use super::mesh::Mesh;
use super::names::Part;
use super::object::IstioObject;
use super::off_mesh;
use super::policy;
use super::version::Emission;
use crate::envoy::route::RouteHeaders;
use crate::names::{METADATA, METADATA_SERVICE};
use crate::standalone::Stage;

/// A way to write the routes of a change.
trait RouteEmitter {
    /// The patches of one change of one virtual host.
    fn patches(&self, route: &LaneRoute<'_>, findings: &mut Vec<Finding>) -> Vec<ConfigPatch>;
}

/// What an emitter writes.
struct LaneRoute<'m> {
    mesh: &'m Mesh<'m>,
    /// Where the callers are.
    caller: &'m NamespaceName,
    context: Context,
    host: &'m VirtualHost<'m>,
    change: &'m Change<'m>,
    /// The cluster of each lane that is told apart.
    lanes: Vec<(&'m LaneName, String)>,
    /// The cluster of all other requests.
    baseline: String,
}

/// The EnvoyFilters of routes.
pub(super) fn envoy_filters(
    mesh: &Mesh<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<IstioObject>, GenerateError> {
    let emitter: &dyn RouteEmitter = match mesh.input.emission {
        Emission::Matcher => &MatcherRoutes,
        Emission::Routes => &HeaderRoutes,
    };
    audience::envoy_filters(mesh, Part::Routes, Stage::Routes, |caller, kind| {
        let mut patches = Vec::new();
        for host in virtual_hosts(mesh, caller, kind) {
            for change in host.changes(mesh, findings) {
                let Some(callee) = mesh.callees.get(change.target.host.as_str()) else { continue };
                let Some(lanes) = callee.routed() else { continue };
                let port = change.target.port;
                let lanes = lanes.into_iter().map(|lane| (lane, callee.cluster(port, lane)));
                let route = LaneRoute {
                    mesh,
                    caller: &caller.namespace,
                    context: kind.into(),
                    host: &host,
                    change: &change,
                    lanes: lanes.collect(),
                    baseline: callee.baseline(port),
                };
                patches.extend(emitter.patches(&route, findings));
            }
        }
        if !patches.is_empty() {
            patches.extend(off_mesh::patch(mesh.input, caller, kind));
        }
        patches
    })
}

impl LaneRoute<'_> {
    /// What makes a request find its way when a workload of its lane has just died. Without lanes there is
    /// nowhere else to go.
    fn headers(&self) -> RouteHeaders {
        if self.lanes.is_empty() { RouteHeaders::default() } else { dead_application::retries() }
    }

    /// By what the user has requests hashed.
    fn hash_policy(&self) -> Option<Value> {
        let callee = self.mesh.callees.get(self.change.target.host.as_str())?;
        policy::hash_policy(self.mesh, callee.service, self.caller, self.change.target.port)
    }

    /// What a reply without an endpoint says about the service, and the filter that injects faults into what is sent
    /// there.
    fn metadata(&self) -> Option<crate::envoy::route::Metadata> {
        let callee = self.mesh.callees.get(self.change.target.host.as_str())?;
        let service = [(METADATA_SERVICE, callee.service.name.to_string())].into();
        let is_armed = self.mesh.input.group.spec.faults.is_some();
        (callee.is_strict || is_armed)
            .then(|| crate::envoy::route::Metadata { filter_metadata: [(METADATA, service)].into() })
    }
}
