//! The aggregates: for each lane that has workloads of a service, a cluster that falls back to the baseline.

use super::GenerateError;
use super::audience;
use super::envoy_filter::ConfigPatch;
use super::input::{Caller, ProxyKind};
use super::mesh::Mesh;
use super::names::{self, Part};
use super::object::IstioObject;
use super::policy::like_subset;
use crate::standalone::Stage;
use crate::upstream;

/// The EnvoyFilters that add aggregates. None in a strict group, where nothing falls back.
pub(super) fn envoy_filters(mesh: &Mesh<'_>) -> Result<Vec<IstioObject>, GenerateError> {
    audience::envoy_filters(mesh, Part::Clusters, Stage::Clusters, |caller, kind| patches(mesh, caller, kind))
}

fn patches<'a>(mesh: &Mesh<'a>, caller: &'a Caller, kind: ProxyKind) -> Vec<ConfigPatch> {
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
                let proxies = (&caller.namespace, kind);
                let cluster = like_subset(aggregate, mesh, proxies, (service, port, lane));
                patches.push(ConfigPatch::cluster(kind.into(), cluster));
            }
        }
    }
    patches
}
