//! `lanectl status`, and what it says of files; for a cluster see `cluster/status.rs`.

use clap::Args;
use lane::model::LostLane;
use lane::name::GroupName;
use serde::Serialize;

use super::error::CommandError;
use super::proxy_view::ProxyView;
use super::ui::{Output, Ui};
use super::{lost_lanes, state, target};
use crate::losses::Loss;
use crate::standalone::receipts::{Answer, Demand, Lagging, lagging};
use crate::standalone::store::{Objects, Store};

/// Show a lane group as it is: who follows, which applications lose lanes; on a cluster conditions and workloads, too
///
/// A condition that is not true says what to do about it. Callers that the group's routes do not reach are named: they
/// call every version of a service. So are applications that send requests without the lane of those that they serve.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Name of the lane group; the only one of the namespace if not given (cluster)
    #[arg(long = "group", value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Output,
}

/// A group of files.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    group: String,
    /// The generation of the rules that the proxies are to run.
    generation: u64,
    proxies: Vec<ProxyView>,
    lanes: Vec<String>,
    lost_lanes: Vec<LostLane>,
}

pub(super) async fn run(store: &Store, args: &StatusArgs, ui: &Ui) -> Result<u8, CommandError> {
    target::refuse("files", &[("--group", args.group.is_some())])?;
    let (objects, state) = (store.objects()?, state(store)?);
    let proxies = ProxyView::all(store, &state).await?;
    let status = Status {
        group: objects.group.metadata.name.to_string(),
        generation: state.generation,
        lanes: objects.lanes.iter().map(|lane| lane.metadata.name.to_string()).collect(),
        lost_lanes: proxies.iter().flat_map(|proxy| lost(&objects, proxy)).collect(),
        proxies,
    };
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&status, args.output),
        Output::Name => ui.data(&format!("lanegroup/{}\n", status.group)),
        Output::Table | Output::Wide => ui.data(&text(&status)),
    };
    Ok(code?)
}

/// What the application behind a proxy has lost.
fn lost(objects: &Objects, proxy: &ProxyView) -> Vec<LostLane> {
    let workload =
        objects.topology.spec.workloads.iter().find(|workload| workload.name.as_str() == proxy.name);
    let Some(workload) = workload else { return Vec::new() };
    let losses = proxy.losses.iter().filter(|loss| loss.is_of_all());
    let entries = losses.map(|Loss { lane, reason, requests }| LostLane {
        service: workload.service.to_string(),
        workload: proxy.name.clone(),
        lane: lane.as_ref().and_then(|lane| lane.parse().ok()),
        reason: reason.clone(),
        requests: *requests,
    });
    entries.collect()
}

/// The status for people.
fn text(status: &Status) -> String {
    let Status { group, generation, proxies, lanes, lost_lanes } = status;
    let answers: Vec<Answer> = proxies.iter().map(ProxyView::answer).collect();
    let behind = lagging(&answers, Demand::All);
    let current = answers.len().saturating_sub(behind.len());
    let mut text =
        format!("group {group}: {current} of {} proxies run generation {generation}\n", answers.len());
    let named = |proxy: &Lagging| format!("  {proxy}\n");
    text.extend(behind.iter().map(named));
    let lanes = if lanes.is_empty() { "none".to_owned() } else { lanes.join(", ") };
    text.push_str(&format!("lanes: {lanes}\n"));
    lost_lanes::show(&mut text, lost_lanes);
    text
}
