//! `lanectl init` on a cluster: find out what stands behind the names, show it, and apply a LaneGroup.

use envoy_config::istio::input::{Labels, Port, Service, Workload};
use envoy_config::istio::{Condition, Finding, Protocol, generate};
use kube::ResourceExt as _;
use lane::model::{LANE_GROUP, LaneGroupSpec};
use lane::name::BASELINE;
use lane::problem::Problem;
use lane::validate;
use serde_json::Value;

use super::{objects, wait};
use crate::cli::change_args::DryRun;
use crate::cli::error::CommandError;
use crate::cli::init::InitArgs;
use crate::cli::ui::Ui;
use crate::cluster::client::{Cluster, Error, Goal, Manifest, Result};
use crate::cluster::crd::LaneGroup;
use crate::cluster::dereference::{Reading, Unresolved};

pub(super) async fn run(cluster: &Cluster, args: &InitArgs, ui: &Ui) -> Result<u8, CommandError> {
    let options = args.change.on_cluster()?;
    let model = args.group();
    objects::refuse(validate::group(&model))?;
    let manifest =
        Manifest::graylane(LANE_GROUP, cluster.namespace(), args.name.as_str(), &said(&model.spec)?)?;
    if cluster.live(&manifest).await?.is_some() && !args.force {
        let (namespace, name) = (cluster.namespace().to_owned(), args.name.to_string());
        return Err(Error::Exists { namespace, name }.into());
    }
    let mut group = LaneGroup::new(args.name.as_str(), crate::cluster::crd::LaneGroupResource(model.spec));
    group.metadata.namespace = Some(cluster.namespace().to_owned());
    let surroundings = cluster.surroundings(&group, true).await?;
    let Some(reading) = surroundings.read(&group, &[]) else {
        return Err(Error::Internal(format!("{:?} is no name of a namespace", cluster.namespace())).into());
    };
    let rows: Vec<_> = reading.input.services.iter().flat_map(rows).collect();
    ui.table(&["SERVICE", "PORTS", "BASELINE", "WORKLOAD", "LANE"], &rows)?;
    ui.problems(&objects::refuse(problems(&reading)?)?);

    if args.change.dry_run() == Some(DryRun::Client) {
        ui.say(&format!("lane group {} would be written", args.name));
        return Ok(0);
    }
    cluster.apply(&manifest, options).await?;
    if options.dry_run {
        ui.say(&format!("lane group {} would be written", args.name));
        return Ok(0);
    }
    ui.say(&format!("lane group {} written in namespace {}", group.name_any(), cluster.namespace()));
    wait::after_change(cluster, &group, Goal::Group, &args.change, ui).await
}

/// What the user has said of the group, without what holds anyway: the defaults are the API server's to fill in.
fn said(spec: &LaneGroupSpec) -> Result<Value> {
    let json = |value: &LaneGroupSpec| serde_json::to_value(value);
    let failed = |error: serde_json::Error| Error::Internal(error.to_string());
    let defaults = json(&LaneGroupSpec::new(Vec::new(), Vec::new())).map_err(failed)?;
    let mut said = json(spec).map_err(failed)?;
    if let Some(fields) = said.as_object_mut() {
        fields.retain(|name, value| defaults.get(name) != Some(value));
    }
    Ok(said)
}

/// The rows of a service: one for each workload.
fn rows(service: &Service) -> Vec<Vec<String>> {
    let ports: Vec<String> = service.ports.iter().map(port).collect();
    let head =
        [format!("{}/{}", service.namespace, service.name), ports.join(","), labels(&service.baseline)];
    let row =
        |name: &str, lane: &str| head.iter().cloned().chain([name.to_owned(), lane.to_owned()]).collect();
    if service.workloads.is_empty() {
        return vec![row("-", "-")];
    }
    let of = |workload: &Workload| {
        row(workload.name.as_str(), workload.lane.as_ref().map_or(BASELINE, |lane| lane.as_str()))
    };
    service.workloads.iter().map(of).collect()
}

fn port(port: &Port) -> String {
    let protocol = match &port.protocol {
        Protocol::Http => "http",
        Protocol::Http2 => "http2",
        Protocol::Grpc => "grpc",
        Protocol::Auto => "auto",
        Protocol::Other(name) => name,
    };
    format!("{}/{protocol}", port.number)
}

fn labels(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "-".to_owned() } else { pairs.join(",") }
}

/// What the controller would say of the group: what it could not accept is an error, the rest is a warning.
fn problems(reading: &Reading) -> Result<Vec<Problem>> {
    let generated = generate(&reading.input).map_err(|error| Error::Internal(error.to_string()))?;
    let missing = reading.missing.iter().map(|one| unresolved(one, Problem::error));
    let not_granted = reading.not_granted.iter().map(|one| unresolved(one, Problem::warning));
    let found = generated.findings.iter().map(found);
    Ok(missing.chain(not_granted).chain(found).collect())
}

fn unresolved(one: &Unresolved, problem: impl Fn(String, String, String) -> Problem) -> Problem {
    let (reason, remedy) = one.message.split_once("; ").unwrap_or((&one.message, "correct it"));
    problem(one.reason.to_owned(), reason.to_owned(), remedy.to_owned())
}

fn found(finding: &Finding) -> Problem {
    let (reason, remedy) = finding.message.split_once("; ").unwrap_or((&finding.message, "it is left alone"));
    let path = match finding.port {
        Some(port) => format!("{} port {port}", finding.service),
        None => finding.service.clone(),
    };
    match finding.reason.condition() {
        Some(Condition::Accepted) => Problem::error(path, reason, remedy),
        _ => Problem::warning(path, reason, remedy),
    }
}
