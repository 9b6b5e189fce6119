//! `lanectl validate` on a cluster: are the objects right, and would those of files be?

use std::collections::BTreeSet;

use lane::model::Lane as LaneModel;
use lane::validate::{self, Facts};

use super::objects;
use crate::cli::error::CommandError;
use crate::cli::now_ms;
use crate::cli::set_lane::text_of;
use crate::cli::ui::Ui;
use crate::cli::validate::ValidateArgs;
use crate::cluster::client::{Cluster, Surroundings};
use crate::cluster::crd::LaneGroup;
use crate::standalone::documents::{in_file, parse_lane};

pub(super) async fn run(cluster: &Cluster, args: &ValidateArgs, ui: &Ui) -> Result<u8, CommandError> {
    let mut problems = Vec::new();
    let mut added: Vec<LaneModel> = Vec::new();
    for path in &args.files {
        match parse_lane(&text_of(path)?) {
            Ok(lane) => added.push(lane),
            Err(found) => problems.extend(in_file(path, found)),
        }
    }
    let groups = match added.first() {
        // A file names its group; without files all of the namespace are meant.
        Some(lane) => vec![cluster.group(Some(&lane.spec.group)).await?],
        None => cluster.groups(false).await?,
    };
    let mut valid = Vec::new();
    for group in &groups {
        let model = objects::group(group)?;
        let mut lanes = objects::lanes(&cluster.lanes_of(group).await?);
        for lane in &added {
            objects::put(&mut lanes, lane.clone());
        }
        let surroundings = cluster.surroundings(group, false).await?;
        let facts = Facts { now_ms: now_ms(), versions: versions(group, &surroundings) };
        problems.extend(validate::group(&model));
        problems.extend(validate::lanes(&model, &lanes, &facts));
        valid.push(format!("group {} is valid, lanes: {}", model.metadata.name, lanes.len()));
    }
    ui.problems(&objects::refuse(problems)?);
    valid.iter().for_each(|line| ui.say(line));
    Ok(0)
}

/// The services of which each lane has a workload.
fn versions(
    group: &LaneGroup,
    surroundings: &Surroundings,
) -> BTreeSet<(lane::name::LaneName, lane::name::ServiceName)> {
    let reading = surroundings.read(group, &[]);
    let services = reading.iter().flat_map(|reading| &reading.input.services);
    let versions = services.flat_map(|service| {
        let lanes = service.workloads.iter().filter_map(|workload| workload.lane.clone());
        lanes.map(|lane| (lane, service.name.clone()))
    });
    versions.collect()
}
