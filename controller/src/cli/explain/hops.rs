//! The way of a request through the services of the group.

use lane::model::Fallback;
use lane::name::{BASELINE, LaneName};
use serde::Serialize;

use crate::standalone::store::Objects;

/// One service on the way.
#[derive(Debug, Serialize)]
pub(super) struct HopLine {
    pub(super) service: String,
    pub(super) lane: String,
    pub(super) workloads: Vec<String>,
    pub(super) why: String,
}

/// The way through the services of the group in their order; a strict group may end it early.
pub(super) fn hops(objects: &Objects, lane: Option<&LaneName>) -> Vec<HopLine> {
    let mut hops = Vec::new();
    for service in &objects.group.spec.services {
        let spec = &objects.topology.spec;
        let names = |lane: Option<&LaneName>| -> Vec<String> {
            spec.workloads_of(&service.name, lane).map(|workload| workload.name.to_string()).collect()
        };
        let own = lane.map(|lane| names(Some(lane))).unwrap_or_default();
        let strict = lane.is_some() && objects.group.spec.fallback == Fallback::Strict;
        let (served_by, workloads, why) = match lane {
            Some(lane) if !own.is_empty() => (lane.as_str(), own, "the lane has a version of it"),
            Some(lane) if strict => {
                (lane.as_str(), own, "503: the group is strict and the lane has no version")
            }
            Some(_) => (BASELINE, names(None), "the lane has no version of it"),
            None => (BASELINE, names(None), "the request has no lane"),
        };
        let ends = strict && workloads.is_empty();
        hops.push(HopLine {
            service: service.name.to_string(),
            lane: served_by.to_owned(),
            workloads,
            why: why.to_owned(),
        });
        if ends {
            break;
        }
    }
    hops
}
