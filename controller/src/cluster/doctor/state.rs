//! What the controller says: whether there is one, and what it thinks of the group.

use kube::ResourceExt as _;
use lane::model::ObjectCondition;

use super::report::{ObjectName, Symptom};
use super::scene::Scene;
use super::snapshot::Kind;
use crate::cluster::conditions::CLOCKS_AGREE;

pub(super) fn controller(scene: &Scene<'_>) -> Vec<Symptom> {
    let namespace = scene.snapshot.controller_namespace.as_str();
    let Some(found) = scene.snapshot.of(Kind::Controller).first() else {
        let message =
            format!("there is no controller in namespace {namespace}: nothing turns lanes into routes");
        let remedy = format!("lanectl install --namespace={namespace} --image=IMAGE");
        return vec![Symptom::fail(ObjectName::namespace(namespace), message, remedy)];
    };
    let ready = found.data.pointer("/status/readyReplicas").and_then(serde_json::Value::as_i64).unwrap_or(0);
    if ready == 0 {
        let message = "no replica of the controller is ready: what changes does not come to the proxies";
        let remedy = format!(
            "kubectl describe pods --namespace={namespace} --selector=app.kubernetes.io/name={}",
            found.name_any()
        );
        return vec![Symptom::fail(ObjectName::of("deployment", found), message.to_owned(), remedy)];
    }
    let group = &scene.snapshot.group;
    let seen = group.status.as_ref().and_then(|status| status.observed_generation);
    let mut unseen = Vec::new();
    if seen != group.metadata.generation {
        unseen.push(ObjectName::of("lanegroup", group));
    }
    let lanes = scene.snapshot.lanes.iter();
    unseen.extend(
        lanes
            .filter(|lane| {
                let seen = lane.status.as_ref().and_then(|status| status.observed_generation);
                seen != lane.metadata.generation
            })
            .map(|lane| ObjectName::of("lane", lane)),
    );
    let symptom = |object| {
        let message = "the controller has not looked at its newest version".to_owned();
        let remedy = format!("kubectl logs deployment/{} --namespace={namespace}", found.name_any());
        Symptom::warn(object, message, remedy)
    };
    unseen.into_iter().map(symptom).collect()
}

/// What the controller has found of the proxies' clocks.
pub(super) fn clocks(scene: &Scene<'_>) -> Vec<Symptom> {
    let conditions = scene.snapshot.group.status.iter().flat_map(|status| &status.conditions);
    let apart = conditions.filter(|condition| condition.kind == CLOCKS_AGREE && condition.status != "True");
    let symptom = |condition: &ObjectCondition| {
        let remedy = "chronyc tracking  # on the nodes of these pods".to_owned();
        Symptom::warn(scene.group_name(), condition.message.clone(), remedy)
    };
    apart.map(symptom).collect()
}

/// What it says of the group and its lanes, but for clocks, by which lanes work all the same.
pub(super) fn conditions(scene: &Scene<'_>) -> Vec<Symptom> {
    let group = &scene.snapshot.group;
    let of_group = group.status.iter().flat_map(|status| &status.conditions);
    let of_group = of_group.filter(|condition| condition.kind != CLOCKS_AGREE);
    let mut symptoms: Vec<Symptom> =
        of_group.filter_map(|condition| untrue(scene.group_name(), "lanegroup", condition)).collect();
    for lane in &scene.snapshot.lanes {
        let conditions = lane.status.iter().flat_map(|status| &status.conditions);
        let object = || ObjectName::of("lane", lane);
        symptoms.extend(conditions.filter_map(|condition| untrue(object(), "lane", condition)));
    }
    symptoms
}

/// A condition that is not true. Its message ends with what to do.
fn untrue(object: ObjectName, kind: &str, condition: &ObjectCondition) -> Option<Symptom> {
    let ObjectCondition { kind: condition_kind, status, reason, message, .. } = condition;
    let message = format!("{condition_kind} is {status}, {reason}: {}", message.replace('\n', "; "));
    let remedy = format!(
        "kubectl describe {kind} {} --namespace={}",
        object.name,
        object.namespace.as_deref().unwrap_or_default()
    );
    match status.as_str() {
        "True" => None,
        "False" => Some(Symptom::fail(object, message, remedy)),
        _ => Some(Symptom::warn(object, message, remedy)),
    }
}
