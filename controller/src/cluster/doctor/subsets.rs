//! Pods that no subset selects serve nobody; pods that two select serve those that they should not.

use envoy_config::istio::input::{Labels, Service};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde_json::json;

use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, Workload, has_labels, is_ready, pod_names};

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let label = scene.snapshot.group.spec.0.lane_label.as_str();
    let services = scene.input().into_iter().flat_map(|input| &input.services);
    let mut symptoms = Vec::new();
    for service in services.filter(|service| service.unsupported.is_none()) {
        symptoms.extend(of_workloads(scene, service, label));
        symptoms.extend(alone(scene, service, label));
    }
    symptoms
}

/// The pods of the service's workloads.
fn of_workloads(scene: &Scene<'_>, service: &Service, label: &str) -> Vec<Symptom> {
    let here = scene.workloads.iter().filter(|workload| {
        workload.namespace == service.namespace.as_str()
            && workload.service.as_deref() == Some(service.name.as_str())
    });
    here.filter_map(|workload| {
        let ready: Vec<&Pod> = scene.pods_of(workload).filter(|pod| is_ready(pod)).collect();
        none(scene, service, workload, &ready, label)
            .or_else(|| both(scene, service, workload, &ready, label))
    })
    .collect()
}

fn none(
    scene: &Scene<'_>,
    service: &Service,
    workload: &Workload,
    ready: &[&Pod],
    label: &str,
) -> Option<Symptom> {
    let lost: Vec<&Pod> = ready.iter().copied().filter(|pod| is_lost(service, pod, label)).collect();
    if lost.is_empty() {
        return None;
    }
    let Workload { kind, namespace, name, .. } = workload;
    let pods = pod_names(lost);
    if service.baseline.is_empty() {
        let message = format!(
            "no label tells the baseline of service {} from its lanes ({pods}): nothing is routed to it",
            service.name
        );
        let labels = json!({ "metadata": { "labels": { "version": "v1" } } });
        return Some(Symptom::fail(
            workload.object(),
            message,
            remedy::patch_template(kind, namespace, name, &labels),
        ));
    }
    let message = format!(
        "its ready pods ({pods}) have neither {} nor {label}: no request to service {} reaches them",
        shown(&service.baseline),
        service.name
    );
    // A label that the workload selects its pods by cannot be another one.
    let is_fixed = service.baseline.keys().any(|key| workload.selector.contains_key(key));
    let labels = json!({ "metadata": { "labels": service.baseline } });
    let remedy = if is_fixed {
        derive_anew(scene, service)?
    } else {
        remedy::patch_template(kind, namespace, name, &labels)
    };
    Some(Symptom::warn(workload.object(), message, remedy))
}

fn both(
    scene: &Scene<'_>,
    service: &Service,
    workload: &Workload,
    ready: &[&Pod],
    label: &str,
) -> Option<Symptom> {
    let twice: Vec<&Pod> = ready
        .iter()
        .copied()
        .filter(|pod| {
            !service.baseline.is_empty()
                && has_labels(pod, &service.baseline)
                && pod.labels().contains_key(label)
        })
        .collect();
    if twice.is_empty() {
        return None;
    }
    let message = format!(
        "its pods ({}) are of a lane and have {} too: they serve the baseline's requests",
        pod_names(twice),
        shown(&service.baseline)
    );
    Some(Symptom::fail(workload.object(), message, derive_anew(scene, service)?))
}

/// Lets the controller find the baseline out by itself: what no pod of a lane has.
fn derive_anew(scene: &Scene<'_>, service: &Service) -> Option<String> {
    let group = scene.group_name();
    let mut services = scene.snapshot.group.spec.0.services.iter();
    let index = services.position(|spec| spec.name == service.name)?;
    let path = format!("/spec/services/{index}/baseline");
    Some(remedy::remove("lanegroup", group.namespace.as_deref().unwrap_or_default(), &group.name, &path))
}

/// Pods that the service selects and that belong to no Deployment and no `StatefulSet`.
fn alone(scene: &Scene<'_>, service: &Service, label: &str) -> Option<Symptom> {
    let namespace = service.namespace.as_str();
    let found = scene.services.iter().find(|found| {
        found.namespace().as_deref() == Some(namespace) && found.name_any() == service.name.as_str()
    })?;
    let selector: Labels = found.spec.as_ref()?.selector.clone()?;
    let owned = |pod: &Pod| {
        scene
            .workloads
            .iter()
            .any(|workload| workload.namespace == namespace && has_labels(pod, &workload.selector))
    };
    let pods: Vec<&Pod> = scene
        .pods_in(namespace)
        .filter(|pod| has_labels(pod, &selector) && is_ready(pod) && !owned(pod))
        .filter(|pod| is_lost(service, pod, label))
        .collect();
    let first = pods.first().filter(|_| !service.baseline.is_empty())?;
    let message = format!(
        "ready pods of no Deployment ({}) have neither {} nor {label}: no request to service {} reaches them",
        pod_names(pods.iter().copied()),
        shown(&service.baseline),
        service.name
    );
    let names: Vec<String> = pods.iter().map(|pod| pod.name_any()).collect();
    let labels = shown(&service.baseline).replace(',', " ");
    let remedy = format!("kubectl label pods {} {labels} --namespace={namespace}", names.join(" "));
    Some(Symptom::warn(ObjectName::of("pod", *first), message, remedy))
}

/// Whether neither the baseline's labels nor a lane's mark are on a pod.
fn is_lost(service: &Service, pod: &Pod, label: &str) -> bool {
    let is_baseline = !service.baseline.is_empty() && has_labels(pod, &service.baseline);
    !is_baseline && !pod.labels().contains_key(label)
}

fn shown(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
