//! The way of a request through the services of the group.

use lane::model::Fallback;
use lane::name::{BASELINE, LaneName};
use serde::Serialize;

use super::{Scene, Serving};

/// One service on the way.
#[derive(Debug, Serialize)]
pub(super) struct HopLine {
    pub(super) service: String,
    pub(super) lane: String,
    pub(super) workloads: Vec<String>,
    pub(super) why: String,
}

/// The way through the services of the group in their order; a strict group may end it early.
pub(super) fn hops(scene: &Scene, lane: Option<&LaneName>) -> Vec<HopLine> {
    let is_strict = lane.is_some() && scene.group.spec.fallback == Fallback::Strict;
    let mut hops = Vec::new();
    for service in &scene.group.spec.services {
        let of = |wanted: Option<&LaneName>| -> Vec<&Serving> {
            let all = scene.workloads.iter().filter(|found| found.service == service.name);
            all.filter(|found| found.lane.as_ref() == wanted).collect()
        };
        let ready = |found: &[&Serving]| -> Vec<String> {
            found.iter().filter(|found| found.is_ready).map(|found| found.name.clone()).collect()
        };
        let versions = lane.map(|lane| of(Some(lane))).unwrap_or_default();
        let own = ready(&versions);
        let lacks = if versions.is_empty() { "no version" } else { "no ready version" };
        let (served_by, workloads, why) = match lane {
            Some(lane) if !own.is_empty() => (lane.as_str(), own, "the lane has a version of it".to_owned()),
            Some(lane) if is_strict => {
                (lane.as_str(), own, format!("503: the group is strict and the lane has {lacks}"))
            }
            Some(_) => (BASELINE, ready(&of(None)), format!("the lane has {lacks} of it")),
            None => (BASELINE, ready(&of(None)), "the request has no lane".to_owned()),
        };
        let ends = is_strict && workloads.is_empty();
        hops.push(HopLine { service: service.name.to_string(), lane: served_by.to_owned(), workloads, why });
        if ends {
            break;
        }
    }
    hops
}
