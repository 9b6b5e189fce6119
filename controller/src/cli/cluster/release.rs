//! `lanectl promote` and `lanectl rollback` on a cluster: write one intent into the lane, and wait.

use jiff::Timestamp;
use kube::ResourceExt as _;
use lane::model::{Release, ReleaseAction, ReleasePhase, ReleaseStatus};
use lane::name::LaneName;

use crate::cli::change_args::DryRun;
use crate::cli::error::CommandError;
use crate::cli::release::{PromoteArgs, ReleaseArgs, RollbackArgs};
use crate::cli::ui::{self, Ui};
use crate::cluster::client::{Cluster, Error};
use crate::cluster::crd::{Lane, LaneGroup};
use crate::cluster::release::workload::Taking;

pub(super) async fn promote(cluster: &Cluster, args: &PromoteArgs, ui: &Ui) -> Result<u8, CommandError> {
    let args = &args.release;
    let lane = found(cluster, args).await?.ok_or_else(|| not_found(&args.name))?;
    let group = cluster.group(Some(&lane.spec.0.group)).await?;
    match args.dry_run {
        Some(how) => preview(cluster, &group, args, how, ui).await,
        None => carry_out(cluster, &lane, ReleaseAction::Promote, args, ui).await,
    }
}

pub(super) async fn rollback(cluster: &Cluster, args: &RollbackArgs, ui: &Ui) -> Result<u8, CommandError> {
    let ignores = args.ignore_not_found;
    let args = &args.release;
    let Some(lane) = found(cluster, args).await? else {
        if ignores {
            ui.say(&format!("there is no lane {}", args.name));
            return Ok(0);
        }
        return Err(not_found(&args.name).into());
    };
    if args.dry_run.is_some() {
        let promotion = lane.status.and_then(|status| status.release).and_then(|release| release.promotion);
        let baseline = match promotion {
            Some(_) => "and the baseline would get back what it ran before",
            None => "and the baseline would stay as it is",
        };
        ui.say(&format!("lane {} would end, {baseline}", args.name));
        return Ok(0);
    }
    carry_out(cluster, &lane, ReleaseAction::Rollback, args, ui).await
}

/// The lane, where it is one of the group that is meant.
async fn found(cluster: &Cluster, args: &ReleaseArgs) -> Result<Option<Lane>, Error> {
    let lane = cluster.lane(&args.name).await?;
    Ok(lane.filter(|lane| args.group.as_ref().is_none_or(|group| *group == lane.spec.0.group)))
}

fn not_found(name: &LaneName) -> Error {
    Error::NotFound { kind: "lane".to_owned(), name: name.to_string() }
}

async fn carry_out(
    cluster: &Cluster,
    lane: &Lane,
    action: ReleaseAction,
    args: &ReleaseArgs,
    ui: &Ui,
) -> Result<u8, CommandError> {
    let name = &args.name;
    let request = match known(lane, action) {
        Some(known) if known.phase.is_final() => {
            ui.say(&format!("lane {name} is {:?} already", known.phase));
            return Ok(0);
        }
        Some(known) => {
            ui.say(&format!("lane {name} is being released already: {:?}", known.phase));
            known.request
        }
        None => {
            let release = Release {
                action,
                request: Timestamp::now().strftime("%Y%m%dT%H%M%S.%6fZ").to_string(),
                workloads: args.afterwards(),
                force_conflicts: args.force_conflicts,
                deadline_seconds: u32::try_from(args.timeout.as_secs()).unwrap_or(u32::MAX).max(1),
                by: cluster.user().await,
            };
            cluster.ask(lane, Some(&release)).await?;
            ui.say(&format!("{} of lane {name} asked for", noun(action)));
            release.request
        }
    };
    if args.wait {
        let timeout = args.timeout.saturating_mul(2);
        cluster.wait_for_release(name, &request, timeout, |status| tell(name, status, ui)).await?;
    }
    Ok(0)
}

/// The release of the same kind that the lane has had or has, unless it came to nothing and can be tried again.
fn known(lane: &Lane, action: ReleaseAction) -> Option<ReleaseStatus> {
    let wanted = lane.spec.0.release.as_ref().filter(|release| release.action == action)?;
    let begun = ReleaseStatus {
        request: wanted.request.clone(),
        action,
        promotion: None,
        phase: ReleasePhase::Checking,
        since: Timestamp::now(),
        message: String::new(),
    };
    let status = lane.status.as_ref().and_then(|status| status.release.clone());
    let status = status.filter(|status| status.request == wanted.request).unwrap_or(begun);
    (!matches!(status.phase, ReleasePhase::Refused | ReleasePhase::Failed)).then_some(status)
}

fn tell(name: &LaneName, status: &ReleaseStatus, ui: &Ui) {
    if status.phase.is_final() && !status.message.is_empty() {
        // Said as an error.
        return;
    }
    let message = status.message.replace('\n', "; ");
    let text = format!("lane {name}: {:?}", status.phase);
    ui.say(&if message.is_empty() { text } else { format!("{text}: {message}") });
}

pub(super) fn noun(action: ReleaseAction) -> &'static str {
    match action {
        ReleaseAction::Promote => "promotion",
        ReleaseAction::Rollback => "rollback",
    }
}

/// What a promotion would put where.
async fn preview(
    cluster: &Cluster,
    group: &LaneGroup,
    args: &ReleaseArgs,
    how: DryRun,
    ui: &Ui,
) -> Result<u8, CommandError> {
    let surroundings = cluster.surroundings(group, false).await?;
    let workloads = surroundings.workloads(group, &args.name);
    let pairs =
        workloads.pairs().map_err(|why| Error::ReleaseRefused(vec![format!("lane {}: {why}", args.name)]))?;
    let taking = Taking { lane: args.name.as_str(), request: "dry-run", force: args.force_conflicts };
    let mut rows = Vec::new();
    let mut obstacles = Vec::new();
    for pair in pairs {
        let (version, now) = cluster.versions(pair).await?;
        if how == DryRun::Server {
            obstacles.extend(cluster.would_take(&pair.baseline, &version, taking).await?);
        }
        rows.push(vec![pair.baseline.to_string(), now.images().join(", "), version.images().join(", ")]);
    }
    if !obstacles.is_empty() {
        return Err(Error::ReleaseRefused(obstacles).into());
    }
    ui.say(&format!("lane {} of group {} would become the baseline:", args.name, group.name_any()));
    Ok(ui.data(&ui::table(&["WORKLOAD", "RUNS", "WOULD RUN"], &rows))?)
}
