//! `lanectl wait` on a cluster: do all proxies run what is wanted, by the status that the controller writes?

use kube::ResourceExt as _;
use lane::model::ProxyCount;
use serde::Serialize;

use crate::cli::change_args::{CLUSTER_TIMEOUT, ChangeArgs};
use crate::cli::error::CommandError;
use crate::cli::ui::{Output, Ui};
use crate::cli::wait::WaitArgs;
use crate::cluster::client::{Cluster, Demand, Goal};
use crate::cluster::crd::LaneGroup;

/// What was waited for.
#[derive(Serialize)]
struct Waited {
    group: String,
    proxies: ProxyCount,
}

pub(super) async fn run(cluster: &Cluster, args: &WaitArgs, ui: &Ui) -> Result<u8, CommandError> {
    let group = cluster.group(args.group.as_ref()).await?;
    let name = cluster.name_of(&group)?;
    let goal = args.lane.as_ref().map_or(Goal::Group, Goal::Lane);
    let demand = if args.allow_unverified { Demand::Verifiable } else { Demand::All };
    let timeout = args.timeout.unwrap_or(CLUSTER_TIMEOUT);
    let proxies = cluster.wait(&name, goal, demand, timeout).await?;
    say(&group, proxies, ui);
    let waited = Waited { group: name.to_string(), proxies };
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&waited, args.output),
        Output::Name => ui.data(&format!("lanegroup/{name}\n")),
        Output::Table | Output::Wide => {
            let ProxyCount { ready, total, unverified } = proxies;
            let row = [waited.group, ready.to_string(), total.to_string(), unverified.to_string()];
            ui.table(&["GROUP", "READY", "PROXIES", "UNVERIFIED"], &[row.into()])
        }
    };
    Ok(code?)
}

/// Waits for a change that was made, if it is to be waited for.
pub(super) async fn after_change(
    cluster: &Cluster,
    group: &LaneGroup,
    goal: Goal<'_>,
    args: &ChangeArgs,
    ui: &Ui,
) -> Result<u8, CommandError> {
    if let Some((demand, timeout)) = args.wait() {
        let proxies = cluster.wait(&cluster.name_of(group)?, goal, demand, timeout).await?;
        say(group, proxies, ui);
    }
    Ok(0)
}

fn say(group: &LaneGroup, ProxyCount { ready, total, unverified }: ProxyCount, ui: &Ui) {
    ui.say(&format!("{ready} of {total} proxies run group {}", group.name_any()));
    if unverified > 0 {
        ui.say(&format!("warning: {unverified} could not be asked"));
    }
}
