//! `lanectl set-lane` on a cluster: apply a Lane.

use kube::ResourceExt as _;
use lane::model::{LANE, Lane as LaneModel};
use lane::name::LaneName;

use super::{objects, wait};
use crate::cli::change_args::DryRun;
use crate::cli::error::CommandError;
use crate::cli::set_lane::{SetLaneArgs, text_of};
use crate::cli::ui::Ui;
use crate::cluster::client::{Cluster, Error, Goal, Manifest, says_the_same};
use crate::cluster::release::history::CHANGED_BY;

pub(super) async fn run(cluster: &Cluster, args: &SetLaneArgs, ui: &Ui) -> Result<u8, CommandError> {
    let options = args.change.on_cluster()?;
    let from_file = match &args.file {
        Some(path) => {
            let text = text_of(path)?;
            let lane = args.lane_in(path, &text)?;
            Some((lane, objects::manifest(&text, cluster.namespace())?))
        }
        None => None,
    };
    let named = from_file.as_ref().map(|(lane, _)| &lane.spec.group).or(args.group.as_ref());
    let group = cluster.group(named).await?;
    let (lane, manifest) = match from_file {
        Some(both) => both,
        None => {
            let lane = args.lane(&cluster.name_of(&group)?);
            let manifest = Manifest::graylane(LANE, cluster.namespace(), args.name.as_str(), &lane.spec)?;
            (lane, manifest)
        }
    };
    let mut lanes = objects::lanes(&cluster.lanes_of(&group).await?);
    objects::put(&mut lanes, lane.clone());
    ui.problems(&objects::check(&objects::group(&group)?, &lanes, &lane)?);

    let before = cluster.live(&manifest).await?;
    refuse_during_a_release(cluster, &lane).await?;
    if args.change.dry_run() == Some(DryRun::Client) {
        let changes =
            before.as_ref().is_none_or(|before| before.data.get("spec") != manifest.value().get("spec"));
        ui.say(&format!("lane {} {}", args.name, would(before.is_some(), changes)));
        return Ok(0);
    }
    let manifest = match cluster.user().await {
        Some(user) => manifest.annotated(CHANGED_BY, &user),
        None => manifest,
    };
    let after = cluster.apply(&manifest, options).await?;
    let changes = before.as_ref().is_none_or(|before| !says_the_same(before, &after));
    if options.dry_run {
        ui.say(&format!("lane {} {}", args.name, would(before.is_some(), changes)));
        return Ok(0);
    }
    let changes = begin_anew(cluster, &args.name).await? || changes;
    let verb = if changes { "applied" } else { "unchanged" };
    ui.say(&format!("lane {} {verb} in group {}", args.name, group.name_any()));
    wait::after_change(cluster, &group, Goal::Lane(&args.name), &args.change, ui).await
}

/// A lane whose version is being promoted or rolled back is not changed at the same time.
async fn refuse_during_a_release(cluster: &Cluster, lane: &LaneModel) -> Result<(), Error> {
    let Some(live) = cluster.lane(&lane.metadata.name).await? else { return Ok(()) };
    let status = live.status.and_then(|status| status.release).filter(|release| !release.phase.is_final());
    match (live.spec.0.release, status) {
        (Some(_), Some(release)) => Err(Error::UnderRelease {
            lane: lane.metadata.name.to_string(),
            action: super::release::noun(release.action),
            phase: format!("{:?}", release.phase),
        }),
        _ => Ok(()),
    }
}

/// A lane that was promoted or rolled back is in force again once it is set again; says whether it was.
async fn begin_anew(cluster: &Cluster, name: &LaneName) -> Result<bool, Error> {
    match cluster.lane(name).await? {
        Some(lane) if lane.spec.0.release.is_some() => cluster.ask(&lane, None).await.map(|()| true),
        _ => Ok(false),
    }
}

fn would(exists: bool, changes: bool) -> &'static str {
    match (exists, changes) {
        (false, _) => "would be created",
        (true, true) => "would change",
        (true, false) => "would stay as it is",
    }
}
