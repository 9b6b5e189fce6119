//! The aggregates: for each lane that has workloads of a service, a cluster that falls back to the baseline.

use super::GenerateError;
use super::envoy_filter::{ConfigPatch, Context, EnvoyFilter};
use super::input::Caller;
use super::mesh::Mesh;
use super::names;
use super::object::{IstioObject, group_labels};
use super::policy::like_subset;
use crate::standalone::Stage;
use crate::upstream;

/// The EnvoyFilters that add aggregates, one in each namespace of callers. None in a strict group, where
/// nothing falls back.
pub(super) fn envoy_filters(mesh: &Mesh<'_>) -> Result<Vec<IstioObject>, GenerateError> {
    let mut objects = Vec::new();
    for caller in &mesh.input.callers {
        let patches = patches(mesh, caller);
        if !patches.is_empty() {
            objects.push(IstioObject::envoy_filter(
                caller.namespace.as_str(),
                names::clusters(mesh.input),
                group_labels(mesh.input),
                Stage::Clusters,
                &EnvoyFilter::new(patches),
            )?);
        }
    }
    Ok(objects)
}

fn patches<'a>(mesh: &Mesh<'a>, caller: &'a Caller) -> Vec<ConfigPatch> {
    let mut patches = Vec::new();
    for callee in mesh.callees.values() {
        let service = callee.service;
        for port in &callee.ports {
            for lane in callee.lanes.keys().filter(|lane| callee.falls_back(lane)) {
                let members = vec![
                    names::subset_cluster(&service.host, port.number, Some(lane)),
                    callee.baseline(port.number),
                ];
                let aggregate = upstream::aggregate(callee.cluster(port.number, lane), members);
                patches.extend(caller.proxies.iter().map(|kind| {
                    let proxies = (&caller.namespace, *kind);
                    let cluster = like_subset(aggregate.clone(), mesh, proxies, (service, port, lane));
                    ConfigPatch::cluster(Context::from(*kind), cluster)
                }));
            }
        }
    }
    patches
}
