//! `lanectl fault` on a cluster: `LaneFault` objects.

use kube::ResourceExt;
use lane::fault::MAX_FAULTS;
use lane::model::{LANE_FAULT, LaneFault as FaultModel};
use lane::name::FaultName;
use lane::problem::Problem;
use lane::validate::{self, Facts};
use serde_json::json;

use super::{objects, wait};
use crate::cli::change_args::DryRun;
use crate::cli::error::CommandError;
use crate::cli::fault::list::{ListArgs, cells, header};
use crate::cli::fault::set::SetArgs;
use crate::cli::fault::stop::StopArgs;
use crate::cli::fault::{FaultArgs, FaultCommand};
use crate::cli::get::names;
use crate::cli::now_ms;
use crate::cli::set_lane::text_of;
use crate::cli::ui::{Output, Ui};
use crate::cluster::client::{Cluster, Error, Goal, Manifest};
use crate::cluster::crd::{LaneFault, LaneGroup};

pub(super) async fn run(cluster: &Cluster, args: &FaultArgs, ui: &Ui) -> Result<u8, CommandError> {
    match &args.command {
        FaultCommand::Set(args) => set(cluster, args, ui).await,
        FaultCommand::List(args) => list(cluster, args, ui).await,
        FaultCommand::Stop(args) => stop(cluster, args, ui).await,
    }
}

async fn set(cluster: &Cluster, args: &SetArgs, ui: &Ui) -> Result<u8, CommandError> {
    let options = args.change.on_cluster()?;
    let from_file = match &args.file {
        Some(path) => {
            let text = text_of(path)?;
            Some((args.fault_in(path, &text)?, objects::manifest(&text, cluster.namespace())?))
        }
        None => None,
    };
    let named = from_file.as_ref().map(|(fault, _)| &fault.spec.group).or(args.group.as_ref());
    let group = cluster.group(named).await?;
    let (fault, manifest) = match from_file {
        Some(both) => both,
        None => {
            let fault = args.fault(&cluster.name_of(&group)?)?;
            let name = args.name.as_str();
            let manifest = Manifest::graylane(LANE_FAULT, cluster.namespace(), name, &fault.spec)?;
            (fault, manifest)
        }
    };
    ui.problems(&check(cluster, &group, &fault).await?);
    if args.change.dry_run() != Some(DryRun::Client) {
        cluster.apply(&manifest, options).await?;
    }
    if args.change.dry_run().is_some() {
        ui.say(&format!("fault {} would be set", args.name));
        return Ok(0);
    }
    ui.say(&format!("fault {} applied in group {}", args.name, group.name_any()));
    wait::after_change(cluster, &group, Goal::Fault(&args.name), &args.change, ui).await
}

/// The problems of one fault beside the others: errors refuse it, the warnings are returned.
async fn check(
    cluster: &Cluster,
    group: &LaneGroup,
    fault: &FaultModel,
) -> Result<Vec<Problem>, CommandError> {
    let lanes = objects::lanes(&cluster.lanes_of(group).await?);
    let facts = Facts { now_ms: now_ms(), ..Facts::default() };
    let model = objects::group(group)?;
    let mut problems = validate::faults(&model, &lanes, std::slice::from_ref(fault), &facts);
    let others = cluster.faults_of(group).await?;
    let others = others.iter().filter(|other| other.name_any() != fault.metadata.name.as_str()).count();
    if others >= MAX_FAULTS {
        let reason = format!("the group has {others} faults already, and {MAX_FAULTS} at most");
        problems.push(Problem::error("metadata.name", reason, "stop those that are over"));
    }
    Ok(objects::refuse(problems)?)
}

async fn list(cluster: &Cluster, args: &ListArgs, ui: &Ui) -> Result<u8, CommandError> {
    let faults = cluster.faults().await?;
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&faults, args.output),
        Output::Name => {
            let all: Vec<String> = faults.iter().map(ResourceExt::name_any).collect();
            names(ui, "lanefault", all.iter().map(String::as_str))
        }
        Output::Table | Output::Wide => {
            let row = |fault: &LaneFault| cells(&fault.name_any(), &fault.spec.0, args.output);
            let rows: Vec<_> = faults.iter().map(row).collect();
            ui.table(&header(args.output), &rows)
        }
    };
    Ok(code?)
}

async fn stop(cluster: &Cluster, args: &StopArgs, ui: &Ui) -> Result<u8, CommandError> {
    let options = args.change.on_cluster()?;
    let group = cluster.group(args.group.as_ref()).await?;
    let mut faults = cluster.faults_of(&group).await?;
    faults.retain(|fault| args.is_meant(&fault.name_any()));
    if let Some(name) = args.name.as_ref().filter(|_| faults.is_empty() && !args.ignore_not_found) {
        return Err(Error::NotFound { kind: "fault".to_owned(), name: name.to_string() }.into());
    }
    let names: Vec<FaultName> = faults.iter().filter_map(|fault| fault.name_any().parse().ok()).collect();
    if args.change.dry_run() == Some(DryRun::Client) {
        names.iter().for_each(|name| ui.say(&format!("fault {name} would be stopped")));
        return Ok(0);
    }
    // All at once, so that the controller sees them go together.
    let removals = names.iter().map(|name| async {
        let spec = json!({ "group": group.name_any() });
        let manifest = Manifest::graylane(LANE_FAULT, cluster.namespace(), name.as_str(), &spec)?;
        cluster.remove(&manifest, options.dry_run).await
    });
    futures_util::future::try_join_all(removals).await?;
    let verb = if options.dry_run { "would be stopped" } else { "stopped" };
    names.iter().for_each(|name| ui.say(&format!("fault {name} {verb}")));
    if options.dry_run {
        return Ok(0);
    }
    wait::after_change(cluster, &group, Goal::Stopped(&names), &args.change, ui).await
}
