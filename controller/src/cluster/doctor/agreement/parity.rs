//! A lane's workloads against those of the baseline: what is open to the one, in and out, is to be open to the other.

use std::collections::BTreeMap;

use serde_json::json;

use super::{account, ports};
use crate::cluster::doctor::authorization::{Identity, Policy, admit};
use crate::cluster::doctor::network::{Direction, Peer, Pods, admits, closing, opening};
use crate::cluster::doctor::remedy;
use crate::cluster::doctor::report::{ObjectName, Symptom};
use crate::cluster::doctor::scene::{Scene, Workload};

/// A workload of a lane, and the one of the baseline that it stands in for.
struct Pair<'a> {
    lane: &'a Workload,
    baseline: &'a Workload,
}

pub(super) fn run(scene: &Scene<'_>, policies: &[Policy]) -> Vec<Symptom> {
    let mut symptoms = Vec::new();
    for pair in pairs(scene) {
        symptoms.extend(network_out(scene, &pair));
        symptoms.extend(network_in(scene, &pair));
        symptoms.extend(mesh_out(scene, &pair, policies));
        symptoms.extend(mesh_in(scene, &pair, policies));
    }
    symptoms
}

fn pairs<'a>(scene: &'a Scene<'_>) -> Vec<Pair<'a>> {
    let lanes = scene.workloads.iter().filter(|workload| workload.lane.is_some());
    lanes
        .filter_map(|lane| {
            let baseline = scene.workloads.iter().find(|other| {
                other.lane.is_none() && other.service == lane.service && other.namespace == lane.namespace
            })?;
            Some(Pair { lane, baseline })
        })
        .collect()
}

/// The baseline's workloads behind other services, and entries.
fn others<'a>(scene: &'a Scene<'_>, pair: &Pair<'_>) -> impl Iterator<Item = &'a Workload> {
    let (service, namespace) = (pair.lane.service.clone(), pair.lane.namespace.clone());
    scene.workloads.iter().filter(move |other| {
        other.lane.is_none() && (other.service != service || other.namespace != namespace)
    })
}

fn passes(scene: &Scene<'_>, from: &Workload, to: &Workload) -> bool {
    let pods = Pods { namespace: &to.namespace, labels: &to.labels };
    let peer = Peer { namespace: &from.namespace, labels: Some(&from.labels) };
    ports(scene, to).iter().all(|port| admits(scene, Direction::Ingress, pods, peer, port))
}

fn may_call(scene: &Scene<'_>, policies: &[Policy], from: &Workload, to: &Workload) -> bool {
    let who = Identity { namespace: &from.namespace, account: Some(account(scene, from)) };
    admit(policies, to, who)
}

/// The network lets the baseline through to another service, and the lane not.
fn network_out(scene: &Scene<'_>, pair: &Pair<'_>) -> Vec<Symptom> {
    let Pair { lane, baseline } = pair;
    let shut = others(scene, pair).filter(|to| passes(scene, baseline, to) && !passes(scene, lane, to));
    // One policy may close several services.
    let mut symptoms: BTreeMap<String, Symptom> = BTreeMap::new();
    for to in shut {
        let pods = Pods { namespace: &to.namespace, labels: &to.labels };
        let peer = Peer { namespace: &baseline.namespace, labels: Some(&baseline.labels) };
        let Some(port) = ports(scene, to).into_iter().next() else { continue };
        let opened = closing(scene, Direction::Ingress, pods)
            .into_iter()
            .find_map(|policy| Some((policy, opening(scene, Direction::Ingress, policy, peer, &port)?)));
        let Some((policy, rule)) = opened else { continue };
        let object = ObjectName::of("networkpolicy", policy);
        let message = format!(
            "it lets {} through to {}, and not {} of lane {}: the lane's calls time out there",
            baseline.object(),
            to.object(),
            lane.object(),
            lane.lane.as_deref().unwrap_or_default()
        );
        let mut peer = json!({ "podSelector": { "matchLabels": lane.selector } });
        if let (true, Some(fields)) = (lane.namespace != to.namespace, peer.as_object_mut()) {
            let name = json!({ "matchLabels": { "kubernetes.io/metadata.name": lane.namespace } });
            fields.insert("namespaceSelector".to_owned(), name);
        }
        let path = format!("/spec/ingress/{rule}/from/-");
        let namespace = object.namespace.clone().unwrap_or_default();
        let remedy = remedy::add("networkpolicy", &namespace, &object.name, &path, &peer);
        symptoms.entry(object.to_string()).or_insert_with(|| Symptom::fail(object, message, remedy));
    }
    symptoms.into_values().collect()
}

/// The network lets callers through to the baseline, and not to the lane.
fn network_in(scene: &Scene<'_>, pair: &Pair<'_>) -> Option<Symptom> {
    let Pair { lane, baseline } = pair;
    let from =
        others(scene, pair).find(|from| passes(scene, from, baseline) && !passes(scene, from, lane))?;
    let pods = Pods { namespace: &lane.namespace, labels: &lane.labels };
    let policy = closing(scene, Direction::Ingress, pods).into_iter().next()?;
    let object = ObjectName::of("networkpolicy", policy);
    let message = format!(
        "it keeps {} from {} of lane {}, which reaches {} of the baseline: calls in the lane time out",
        from.object(),
        lane.object(),
        lane.lane.as_deref().unwrap_or_default(),
        baseline.object()
    );
    let remedy = remedy::edit("networkpolicy", &lane.namespace, &object.name);
    Some(Symptom::fail(object, message, remedy))
}

/// The mesh lets the baseline call another service, and the lane not.
fn mesh_out(scene: &Scene<'_>, pair: &Pair<'_>, policies: &[Policy]) -> Option<Symptom> {
    let Pair { lane, baseline } = pair;
    let mut shut = others(scene, pair)
        .filter(|to| may_call(scene, policies, baseline, to) && !may_call(scene, policies, lane, to));
    let to = shut.next()?;
    let (own, wanted) = (account(scene, lane), account(scene, baseline));
    let message = format!(
        "AuthorizationPolicies let the account {wanted} of the baseline call {}, and not {own}: the lane is \
         answered 403 there",
        to.object()
    );
    let template = json!({ "spec": { "serviceAccountName": wanted } });
    let remedy = remedy::patch_template(lane.kind, &lane.namespace, &lane.name, &template);
    Some(Symptom::fail(lane.object(), message, remedy))
}

/// The mesh lets callers call the baseline, and not the lane.
fn mesh_in(scene: &Scene<'_>, pair: &Pair<'_>, policies: &[Policy]) -> Option<Symptom> {
    let Pair { lane, baseline } = pair;
    let from = others(scene, pair)
        .find(|from| may_call(scene, policies, from, baseline) && !may_call(scene, policies, from, lane))?;
    let guarding = policies
        .iter()
        .find(|policy| policy.guards(baseline))
        .or_else(|| policies.iter().find(|policy| policy.guards(lane)))?;
    let message = format!(
        "it lets {} call {}, and nothing lets it call {} of lane {}: the lane answers 403",
        from.object(),
        baseline.object(),
        lane.object(),
        lane.lane.as_deref().unwrap_or_default()
    );
    let namespace = guarding.object.namespace.clone().unwrap_or_default();
    let remedy = remedy::edit("authorizationpolicy", &namespace, &guarding.object.name);
    Some(Symptom::fail(guarding.object.clone(), message, remedy))
}
