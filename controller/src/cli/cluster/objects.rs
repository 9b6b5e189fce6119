//! The objects of a cluster as the model has them, and their problems in the words of `lanectl validate`.

use jiff::Timestamp;
use kube::ResourceExt as _;
use lane::model::{Lane as LaneModel, LaneGroup as GroupModel};
use lane::name::NamespaceName;
use lane::problem::Problem;
use lane::validate::{self, Facts};
use serde_json::Value;

use crate::cli::now_ms;
use crate::cluster::client::{Error, Manifest, Result};
use crate::cluster::crd::{Lane, LaneGroup};
use crate::cluster::{dereference, release};

/// The group as the model has it.
pub(super) fn group(group: &LaneGroup) -> Result<GroupModel> {
    let model = dereference::group_model(group);
    model.ok_or_else(|| Error::Internal(format!("{:?} is no name of a group", group.name_any())))
}

/// The namespace of a group, as tickets name it.
pub(super) fn namespace(group: &LaneGroup) -> Option<NamespaceName> {
    group.namespace().and_then(|namespace| namespace.parse().ok())
}

/// The lanes as the model has them, without those that were promoted or rolled back: they take no requests.
pub(super) fn lanes(lanes: &[Lane]) -> Vec<LaneModel> {
    let models = lanes.iter().filter_map(dereference::lane_model);
    models.filter(|lane| !has_ended(lane)).collect()
}

fn has_ended(lane: &LaneModel) -> bool {
    let status = lane.status.clone().unwrap_or_default();
    release::current(&lane.spec, &status, Timestamp::now())
        .is_some_and(|release| release::has_ended(&release))
}

/// Puts a lane among the others, in the place of the one of that name.
pub(super) fn put(lanes: &mut Vec<LaneModel>, lane: LaneModel) {
    lanes.retain(|other| other.metadata.name != lane.metadata.name);
    lanes.push(lane);
    lanes.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
}

/// The problems of one lane among the others of its group: errors refuse it, the warnings are returned.
///
/// What is wrong with the others is not its fault.
pub(super) fn check(group: &GroupModel, lanes: &[LaneModel], lane: &LaneModel) -> Result<Vec<Problem>> {
    let facts = Facts { now_ms: now_ms(), ..Facts::default() };
    let prefix = format!("Lane/{} ", lane.metadata.name);
    let all = validate::lanes(group, lanes, &facts);
    // Which workloads there are is not asked here: a lane may come before they do.
    let own = all.into_iter().filter(|problem| problem.path.starts_with(&prefix) && !is_gap(problem));
    refuse(own.collect())
}

/// Whether a problem is about workloads.
fn is_gap(problem: &Problem) -> bool {
    problem.path.ends_with(" metadata.name") && !problem.is_error()
}

/// Errors are an error, warnings are returned.
pub(super) fn refuse(problems: Vec<Problem>) -> Result<Vec<Problem>> {
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Problem::is_error);
    if errors.is_empty() { Ok(warnings) } else { Err(Error::Refused(errors)) }
}

/// The object in the text of a file, with everything that stands in it, in the namespace of the command.
pub(super) fn manifest(text: &str, namespace: &str) -> Result<Manifest> {
    let value: Value = serde_saphyr::from_str(text).map_err(|error| Error::Internal(error.to_string()))?;
    let manifest = Manifest::new(value)?;
    match manifest.namespace() {
        Some(named) if named != namespace => {
            let reason = format!("the file is about namespace {named}, the command about {namespace}");
            let remedy = "use the same namespace in both";
            Err(Error::Refused(vec![Problem::error("metadata.namespace", reason, remedy)]))
        }
        _ => Ok(manifest.within(namespace)),
    }
}
