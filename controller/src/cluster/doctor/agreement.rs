//! Policies of the network against policies of the mesh, and both against lanes: who is let in by the one must not be
//! kept out by the other, and a lane's workloads must get as far as the baseline's.

mod parity;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;
use serde_json::json;

use super::authorization::{Action, Identity, Policy, admit, policies};
use super::network::{Direction, Peer, Pods, Port, admits, closing};
use super::reach::open;
use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, Workload, has_labels};
use super::snapshot::Kind;

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let policies = policies(scene);
    let mut symptoms = Vec::new();
    for workload in &scene.workloads {
        symptoms.extend(dropped(scene, workload, &policies));
        symptoms.extend(refused(scene, workload, &policies));
        symptoms.extend(unproven(scene, workload, &policies));
    }
    symptoms.extend(parity::run(scene, &policies));
    symptoms
}

/// Namespaces that the mesh lets in and the network does not.
fn dropped(scene: &Scene<'_>, workload: &Workload, policies: &[Policy]) -> Vec<Symptom> {
    let pods = Pods { namespace: &workload.namespace, labels: &workload.labels };
    let Some(network) = closing(scene, Direction::Ingress, pods).into_iter().next() else {
        return Vec::new();
    };
    let allowing = policies.iter().filter(|policy| policy.action == Action::Allow && policy.guards(workload));
    let mut symptoms = Vec::new();
    let mut seen = BTreeSet::new();
    for policy in allowing {
        for namespace in policy.namespaces() {
            let who = Identity { namespace: &namespace, account: None };
            let shut: Vec<i32> = ports(scene, workload)
                .into_iter()
                .filter(|port| {
                    let peer = Peer { namespace: &namespace, labels: None };
                    !admits(scene, Direction::Ingress, pods, peer, port)
                })
                .map(|port| port.number)
                .collect();
            if shut.is_empty() || !admit(policies, workload, who) || !seen.insert(namespace.clone()) {
                continue;
            }
            let shown = shut.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let message = format!(
                "{} lets namespace {namespace} call {}, and it lets nothing from there through to port {shown}: \
                 callers wait for a connection until it times out",
                policy.object,
                workload.object()
            );
            let remedy = open(network, Direction::Ingress, &namespace, shut.first().copied());
            symptoms.push(Symptom::fail(ObjectName::of("networkpolicy", network), message, remedy));
        }
    }
    symptoms
}

/// Namespaces that the network lets in by name and the mesh does not.
fn refused(scene: &Scene<'_>, workload: &Workload, policies: &[Policy]) -> Vec<Symptom> {
    let pods = Pods { namespace: &workload.namespace, labels: &workload.labels };
    let Some(policy) =
        policies.iter().find(|policy| policy.action == Action::Allow && policy.guards(workload))
    else {
        return Vec::new();
    };
    let named: BTreeSet<String> = closing(scene, Direction::Ingress, pods)
        .into_iter()
        .flat_map(|network| network.spec.iter().flat_map(|spec| spec.ingress.iter().flatten()))
        .flat_map(|rule| rule.from.iter().flatten())
        .filter_map(|peer| peer.namespace_selector.as_ref()?.match_labels.as_ref())
        .filter_map(|labels| labels.get("kubernetes.io/metadata.name").cloned())
        .collect();
    let is_metrics = |name: &String| *name == scene.snapshot.controller_namespace;
    let refused = named.into_iter().filter(|name| {
        let who = Identity { namespace: name, account: None };
        !is_metrics(name) && !admit(policies, workload, who)
    });
    let symptom = |namespace: String| {
        let message = format!(
            "NetworkPolicies let namespace {namespace} through to {}, and no AuthorizationPolicy lets it call: \
             it is answered 403",
            workload.object()
        );
        let own = policy.object.namespace.as_deref().unwrap_or_default();
        let rule = json!({ "from": [{ "source": { "namespaces": [namespace] } }] });
        let (path, value) =
            if policy.rules.is_empty() { ("/spec/rules", json!([rule])) } else { ("/spec/rules/-", rule) };
        let remedy = remedy::add("authorizationpolicy", own, &policy.object.name, path, &value);
        Symptom::warn(policy.object.clone(), message, remedy)
    };
    refused.map(symptom).collect()
}

/// Policies that name callers by identity, at workloads where nobody can prove theirs.
fn unproven(scene: &Scene<'_>, workload: &Workload, policies: &[Policy]) -> Option<Symptom> {
    let policy = policies.iter().find(|policy| policy.guards(workload) && policy.names_identities())?;
    let authentication = scene.snapshot.of(Kind::PeerAuthentication).iter().filter(|found| {
        let is_here = found.namespace().as_deref() == Some(&workload.namespace);
        let labels = found.data.pointer("/spec/selector/matchLabels");
        let selects = labels.is_none_or(|labels| {
            labels
                .as_object()
                .into_iter()
                .flatten()
                .all(|(key, value)| workload.labels.get(key).map(String::as_str) == value.as_str())
        });
        (is_here && selects) || (scene.is_root(found.namespace().as_deref()) && labels.is_none())
    });
    // The most specific one counts: by selector, by namespace, of the mesh.
    let rank = |found: &&kube::api::DynamicObject| {
        let is_here = found.namespace().as_deref() == Some(&workload.namespace);
        (is_here, found.data.pointer("/spec/selector").is_some())
    };
    let found = authentication.max_by_key(rank)?;
    let mode = found.data.pointer("/spec/mtls/mode").and_then(serde_json::Value::as_str);
    if mode != Some("DISABLE") {
        return None;
    }
    let object = ObjectName::of("peerauthentication", found);
    let message = format!(
        "it turns mTLS off for {}, where {} knows callers by an identity that only mTLS proves",
        workload.object(),
        policy.object
    );
    let change = json!({ "spec": { "mtls": { "mode": "PERMISSIVE" } } });
    let remedy = remedy::patch(
        "peerauthentication",
        object.namespace.as_deref().unwrap_or_default(),
        &object.name,
        &change,
    );
    Some(Symptom::fail(object, message, remedy))
}

/// The ports of a workload's pods that its service leads to.
fn ports(scene: &Scene<'_>, workload: &Workload) -> Vec<Port> {
    let service = scene.services.iter().find(|service| {
        service.namespace().as_ref() == Some(&workload.namespace)
            && workload.service.as_ref() == Some(&service.name_any())
    });
    let ports = service.and_then(|service| service.spec.as_ref()?.ports.as_ref()).into_iter().flatten();
    let pod = scene.pods_of(workload).next();
    let target = |port: &k8s_openapi::api::core::v1::ServicePort| match &port.target_port {
        None => Some(Port { number: port.port, name: None }),
        Some(IntOrString::Int(number)) => Some(Port { number: *number, name: named(pod?, *number) }),
        Some(IntOrString::String(name)) => numbered(pod?, name),
    };
    ports.filter_map(target).collect()
}

fn named(pod: &Pod, number: i32) -> Option<String> {
    container_ports(pod).find(|port| port.container_port == number)?.name.clone()
}

fn numbered(pod: &Pod, name: &str) -> Option<Port> {
    let found = container_ports(pod).find(|port| port.name.as_deref() == Some(name))?;
    Some(Port { number: found.container_port, name: found.name.clone() })
}

fn container_ports(pod: &Pod) -> impl Iterator<Item = &k8s_openapi::api::core::v1::ContainerPort> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.flat_map(|container| container.ports.iter().flatten())
}

/// The account of a workload's pods.
fn account<'a>(scene: &'a Scene<'_>, workload: &Workload) -> &'a str {
    let mut pods = scene.pods.iter();
    let pod = pods.find(|pod| {
        pod.namespace().as_ref() == Some(&workload.namespace) && has_labels(pod, &workload.selector)
    });
    let account = pod.and_then(|pod| pod.spec.as_ref()?.service_account_name.as_deref());
    account.unwrap_or("default")
}
