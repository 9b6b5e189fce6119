//! `lanectl remove-lane` on a cluster: remove a Lane.

use kube::ResourceExt as _;
use lane::model::LANE;
use serde_json::json;

use super::wait;
use crate::cli::change_args::DryRun;
use crate::cli::error::CommandError;
use crate::cli::remove_lane::RemoveLaneArgs;
use crate::cli::ui::Ui;
use crate::cluster::client::{Cluster, Error, Goal, Manifest};

pub(super) async fn run(cluster: &Cluster, args: &RemoveLaneArgs, ui: &Ui) -> Result<u8, CommandError> {
    let options = args.change.on_cluster()?;
    let found = cluster.lane(&args.name).await?;
    // A lane of another group is none of ours.
    let is_ours = |group: &str| args.group.as_ref().is_none_or(|wanted| wanted.as_str() == group);
    let Some(lane) = found.filter(|lane| is_ours(lane.spec.0.group.as_str())) else {
        if args.ignore_not_found {
            ui.say(&format!("there is no lane {}", args.name));
            return still_waited_for(cluster, args, ui).await;
        }
        return Err(Error::NotFound { kind: "lane".to_owned(), name: args.name.to_string() }.into());
    };
    if args.change.dry_run() == Some(DryRun::Client) {
        ui.say(&format!("lane {} would be removed", args.name));
        return Ok(0);
    }
    let spec = json!({ "group": lane.spec.0.group });
    let manifest = Manifest::graylane(LANE, cluster.namespace(), args.name.as_str(), &spec)?;
    let existed = cluster.remove(&manifest, options.dry_run).await?;
    if options.dry_run {
        ui.say(&format!("lane {} would be removed", args.name));
        return Ok(0);
    }
    if existed {
        ui.say(&format!("lane {} removed from group {}", args.name, lane.spec.0.group));
    }
    if args.change.wait().is_none() {
        return Ok(0);
    }
    let group = cluster.group(Some(&lane.spec.0.group)).await?;
    wait::after_change(cluster, &group, Goal::Gone(&args.name), &args.change, ui).await
}

/// A removal that was begun before, and whose end was not seen, can be waited for again.
async fn still_waited_for(cluster: &Cluster, args: &RemoveLaneArgs, ui: &Ui) -> Result<u8, CommandError> {
    if args.change.wait().is_none() || args.change.dry_run().is_some() {
        return Ok(0);
    }
    match cluster.group(args.group.as_ref()).await {
        Ok(group) => {
            let name = group.name_any();
            ui.say(&format!("waiting until the proxies of group {name} know it no more"));
            wait::after_change(cluster, &group, Goal::Gone(&args.name), &args.change, ui).await
        }
        // Without a group there is no lane in it.
        Err(Error::NotFound { .. } | Error::NoGroup { .. }) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
