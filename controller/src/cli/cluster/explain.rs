//! `lanectl explain` on a cluster: on the objects as they are now.

use kube::ResourceExt as _;
use lane::model::LanePhase;

use super::objects;
use crate::cli::error::CommandError;
use crate::cli::explain::{ExplainArgs, Scene, Serving, show};
use crate::cli::ui::Ui;
use crate::cluster::client::{Cluster, Place, Surroundings};
use crate::cluster::conditions::ACCEPTED;
use crate::cluster::crd::{Lane, LaneGroup};
use crate::cluster::dereference::Reading;

pub(super) async fn run(cluster: &Cluster, args: &ExplainArgs, ui: &Ui) -> Result<u8, CommandError> {
    let group = cluster.group(args.group.as_ref()).await?;
    let mut lanes = cluster.lanes_of(&group).await?;
    let notes = lanes.iter().filter_map(|lane| note(&group, lane)).collect();
    lanes.retain(|lane| !is_refused(lane));
    let surroundings = cluster.surroundings(&group, false).await?;
    let lanes = objects::lanes(&lanes);
    let reading = surroundings.read(&group, &lanes);
    let workloads = reading.iter().flat_map(|reading| serving(reading, &surroundings)).collect();
    let namespace = objects::namespace(&group);
    let scene = Scene { group: objects::group(&group)?, namespace, lanes, workloads, notes };
    Ok(show(scene, args, ui)?)
}

fn serving(reading: &Reading, surroundings: &Surroundings) -> Vec<Serving> {
    let services = reading.input.services.iter();
    let workloads =
        services.flat_map(|service| service.workloads.iter().map(move |workload| (service, workload)));
    let serving = workloads.map(|(service, workload)| {
        let place = Place { namespace: service.namespace.as_str(), selector: &workload.selector };
        Serving {
            service: service.name.clone(),
            lane: workload.lane.clone(),
            name: workload.name.to_string(),
            is_ready: surroundings.pods(place).0 > 0,
        }
    });
    serving.collect()
}

fn is_refused(lane: &Lane) -> bool {
    let conditions = lane.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| condition.kind == ACCEPTED && condition.status == "False")
}

/// What differs between a lane as it is wanted and as the proxies have it.
fn note(group: &LaneGroup, lane: &Lane) -> Option<String> {
    let name = lane.name_any();
    if is_refused(lane) {
        return Some(format!("lane {name} is not accepted and takes nobody; `lanectl status` says why"));
    }
    let observed = lane.status.as_ref().and_then(|status| status.observed_generation);
    if observed != lane.metadata.generation {
        return Some(format!("lane {name} has changed, and the controller has not looked at it yet"));
    }
    let mut known = group.status.iter().flat_map(|status| &status.lanes);
    match known.find(|known| known.name.as_str() == name).map(|known| known.phase) {
        Some(LanePhase::Admitted) => None,
        Some(phase) => Some(format!("lane {name} is {phase:?}: nobody is admitted at this moment")),
        None => Some(format!("lane {name} has not come to the proxies yet")),
    }
}
