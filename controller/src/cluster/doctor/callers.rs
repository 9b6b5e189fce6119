//! Callers that our routes do not reach: they call the Service itself, and so every version of it.

use std::collections::BTreeSet;

use envoy_config::istio::{Reason, generate};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde_json::json;

use super::authorization::{Action, policies};
use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, has_labels, pod_names, proxy};
use crate::cluster::dereference::{ACCEPT_FROM, consent_command};

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let mut symptoms = unresolved(scene);
    symptoms.extend(routes(scene));
    symptoms.extend(without_proxy(scene));
    symptoms.extend(elsewhere(scene));
    symptoms
}

/// Namespaces that have not consented, services and entries that are not there.
fn unresolved(scene: &Scene<'_>) -> Vec<Symptom> {
    let Some(reading) = &scene.reading else { return Vec::new() };
    let group = ObjectName::of("lanegroup", &scene.snapshot.group);
    let namespace = group.namespace.clone().unwrap_or_default();
    let all = reading.not_granted.iter().chain(&reading.missing);
    all.map(|unresolved| {
        let (message, remedy) = match unresolved.message.split_once("; kubectl ") {
            Some((message, command)) => (message.to_owned(), format!("kubectl {command}")),
            None => (unresolved.message.clone(), remedy::edit("lanegroup", &namespace, &group.name)),
        };
        Symptom::fail(group.clone(), message, remedy)
    })
    .collect()
}

/// Routes of the user that were left alone, or cannot be changed.
fn routes(scene: &Scene<'_>) -> Vec<Symptom> {
    let Some(generated) = scene.input().and_then(|input| generate(input).ok()) else { return Vec::new() };
    let findings = generated.findings.into_iter().filter(|finding| {
        let is_of_pods = finding.reason == Reason::BaselineNotSelectable;
        let says_nothing_of_lanes =
            matches!(finding.reason, Reason::RedirectRoute | Reason::DirectResponseRoute | Reason::OtherHost);
        !is_of_pods && !says_nothing_of_lanes
    });
    let symptom = |finding: envoy_config::istio::Finding| {
        let (namespace, name) = finding.service.split_once('/').unwrap_or(("", &finding.service));
        let port = finding.port.map_or_else(String::new, |port| format!("port {port}: "));
        let message = format!("{port}{}: {}", finding.reason, finding.message);
        let object = ObjectName::new("service", namespace, name);
        let remedy = format!("kubectl get virtualservices --namespace={namespace} --output=yaml");
        match finding.reason.condition() {
            Some(_) => Symptom::fail(object, message, remedy),
            None => Symptom::warn(object, message, remedy),
        }
    };
    findings.map(symptom).collect()
}

/// Pods without a proxy in the namespaces of callers; those of the group itself are another check's.
fn without_proxy(scene: &Scene<'_>) -> Vec<Symptom> {
    let is_member = |pod: &Pod| {
        scene.workloads.iter().any(|workload| {
            pod.namespace().as_ref() == Some(&workload.namespace) && has_labels(pod, &workload.selector)
        })
    };
    let of = |namespace: &&str| {
        let pods: Vec<&Pod> =
            scene.pods_in(namespace).filter(|pod| proxy(pod).is_none() && !is_member(pod)).collect();
        let is_system = scene.is_root(Some(namespace));
        let message = format!(
            "pods without a proxy ({}) reach every version of the services that they call, lanes included",
            pod_names(pods.iter().copied())
        );
        let remedy = format!("kubectl label namespace {namespace} istio-injection=enabled --overwrite");
        (!pods.is_empty() && !is_system)
            .then(|| Symptom::warn(ObjectName::namespace(namespace), message, remedy))
    };
    scene.callers().iter().filter_map(of).collect()
}

/// Namespaces that an AuthorizationPolicy lets call a service, and where we write no routes.
fn elsewhere(scene: &Scene<'_>) -> Vec<Symptom> {
    let callers = scene.callers();
    let mut strangers: BTreeSet<String> = BTreeSet::new();
    for policy in policies(scene).iter().filter(|policy| policy.action == Action::Allow) {
        // Whoever calls an entry gets their lane there.
        let services = scene.workloads.iter().filter(|workload| {
            let entries = scene.input().into_iter().flat_map(|input| &input.entries);
            let mut entries = entries.map(|entry| (entry.namespace.as_str(), entry.name.as_str()));
            !entries.any(|entry| entry == (workload.namespace.as_str(), workload.name.as_str()))
        });
        let mut guarded = services.filter(|workload| policy.guards(workload));
        if guarded.next().is_some() {
            let named = policy.namespaces();
            strangers.extend(named.into_iter().filter(|name| !callers.contains(name.as_str())));
        }
    }
    let group = ObjectName::of("lanegroup", &scene.snapshot.group);
    let own = group.namespace.clone().unwrap_or_default();
    let symptom = |stranger: String| {
        let mut all: BTreeSet<String> =
            scene.snapshot.group.spec.0.callers.iter().map(ToString::to_string).collect();
        all.insert(stranger.clone());
        let message = format!(
            "an AuthorizationPolicy lets namespace {stranger} call services of the group, and it has no routes: \
             its calls reach every version"
        );
        let patch = remedy::patch("lanegroup", &own, &group.name, &json!({ "spec": { "callers": all } }));
        let consent = consent(scene, &stranger, &own)?;
        Some(Symptom::warn(group.clone(), message, format!("{consent} && {patch}")))
    };
    strangers.into_iter().filter_map(symptom).collect()
}

/// The command by which a namespace lets us write our routes there.
fn consent(scene: &Scene<'_>, namespace: &str, from: &str) -> Option<String> {
    let mut all = scene.namespaces.iter();
    let found = all.find(|found| found.name_any() == namespace);
    let said = found.and_then(|found| found.annotations().get(ACCEPT_FROM));
    Some(consent_command(said.map(String::as_str), &namespace.parse().ok()?, &from.parse().ok()?))
}
