//! `lanectl status`: its arguments, and the status of files; for a cluster see `cluster/status.rs`.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;
use lane::model::LostLane;
use lane::name::GroupName;
use serde::Serialize;

use super::error::CommandError;
use super::proxy_view::ProxyView;
use super::ui::{self, Output, Ui};
use super::{lost_lanes, state, target};
use crate::ending;
use crate::losses::Loss;
use crate::standalone::error::Error;
use crate::standalone::receipts::{Answer, Demand, lagging};
use crate::standalone::store::{Objects, State, Store};

/// Show a lane group as it is in force: its proxies, its lanes and when they end, and which applications lose lanes
///
/// On a cluster also conditions, and the workloads of every service: a condition that is not true says what to do about
/// it, and callers that the group's routes do not reach are named, since they call every version of a service. So are
/// applications that send requests without the lane of those that they serve.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Name of the lane group; the only one of the namespace if not given (cluster)
    #[arg(long = "group", value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Output,
}

/// Everything about the group of a directory.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    group: String,
    /// The generation that the proxies are to run.
    generation: u64,
    lanes: Vec<LaneLine>,
    proxies: Vec<ProxyView>,
    lost_lanes: Vec<LostLane>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LaneLine {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

/// Asks the proxies of files.
pub(super) async fn run(store: &Store, args: &StatusArgs, ui: &Ui) -> Result<u8, CommandError> {
    target::refuse("files", &[("--group", args.group.is_some())])?;
    let state = state(store)?;
    let status = look(store, &state).await?;
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&status, args.output),
        Output::Name => ui.data(&format!("lanegroup/{}\n", status.group)),
        Output::Table | Output::Wide => ui.data(&text(&status, Timestamp::now())),
    };
    Ok(code?)
}

async fn look(store: &Store, state: &State) -> Result<Status, CommandError> {
    let objects = state.in_force().ok_or_else(|| Error::Unfinished(store.dir().to_owned()))?;
    let lanes = objects.lanes.iter();
    let proxies = ProxyView::all(store, state).await?;
    Ok(Status {
        group: objects.group.metadata.name.to_string(),
        generation: state.generation,
        lanes: lanes
            .map(|lane| LaneLine { name: lane.metadata.name.to_string(), expires: lane.spec.expires })
            .collect(),
        lost_lanes: proxies.iter().flat_map(|proxy| lost(objects, proxy)).collect(),
        proxies,
    })
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
fn text(status: &Status, now: Timestamp) -> String {
    let Status { group, generation, lanes, proxies, lost_lanes } = status;
    let answers: Vec<_> = proxies.iter().map(ProxyView::answer).collect();
    let lagging = lagging(&answers, Demand::All);
    let ready = answers.len().saturating_sub(lagging.len());
    let mut text =
        format!("group {group}: {ready} of {} proxies run generation {generation}\n", answers.len());
    let clocks = answers.iter().filter_map(Answer::clock_warning);
    for line in lagging.iter().map(ToString::to_string).chain(clocks) {
        let _ = writeln!(text, "  {line}");
    }
    if !lanes.is_empty() {
        let rows: Vec<_> =
            lanes.iter().map(|lane| vec![lane.name.clone(), ending::cell(lane.expires, now)]).collect();
        text.push('\n');
        text.push_str(&ui::table(&["LANE", "ENDS"], &rows));
        for line in lanes.iter().filter_map(|lane| ending::line(&lane.name, lane.expires?, now)) {
            let _ = writeln!(text, "  {line}");
        }
    }
    lost_lanes::show(&mut text, lost_lanes);
    text
}
