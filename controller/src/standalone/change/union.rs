//! The objects of the way between: old and new together.

use lane::model::Service;
use lane::problem::Problem;

use crate::standalone::store::Objects;

/// What is wanted (faults come and go at once), and beside it the lanes, places and services that are in force and wanted no more.
pub(super) fn union(in_force: Option<&Objects>, wanted: &Objects) -> Objects {
    let mut union = wanted.clone();
    let Some(old) = in_force else { return union };
    let old_lanes = old.lanes.iter().filter(|lane| wanted.lane(&lane.metadata.name).is_none());
    union.lanes.extend(old_lanes.cloned());
    union.lanes.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    keep_services(&mut union, old);
    keep_places(&mut union, old);
    // An old place that collides with a new one (a renamed workload on the same port) cannot stay.
    let collides =
        envoy_config::topology::validate(&union.topology, &union.group).iter().any(Problem::is_error);
    if collides {
        union.group = wanted.group.clone();
        union.topology = wanted.topology.clone();
    }
    union
}

fn keep_services(union: &mut Objects, old: &Objects) {
    let services = &mut union.group.spec.services;
    let gone = |service: &&Service| services.iter().all(|other| other.name != service.name);
    let old_services: Vec<_> = old.group.spec.services.iter().filter(gone).cloned().collect();
    services.extend(old_services);
}

fn keep_places(union: &mut Objects, old: &Objects) {
    let spec = &mut union.topology.spec;
    for workload in &old.topology.spec.workloads {
        if !spec.workloads.iter().any(|other| other.name == workload.name) {
            spec.workloads.push(workload.clone());
        }
    }
    for gateway in &old.topology.spec.gateways {
        if !spec.gateways.iter().any(|other| other.name == gateway.name) {
            spec.gateways.push(gateway.clone());
        }
    }
}
