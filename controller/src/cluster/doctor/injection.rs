//! Whether pods get a proxy, and if not, why: the labels of namespaces and pods, and who acts on them.
//!
//! The API server asks an injector about a pod whose labels, and those of its namespace, its webhook selects. That is
//! evaluated here as the API server does it, so that `istio-injection`, `istio.io/rev`, tags and selectors of one's
//! own all count as they would.

use std::collections::BTreeSet;

use envoy_config::istio::input::Labels;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhook;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt as _;
use kube::core::{Selector, SelectorExt as _};
use serde_json::json;

use super::control_plane::{REVISION, revision};
use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, Workload, pod_names, proxy};

/// Label of a namespace that asks for the default revision, or for none.
const INJECTION: &str = "istio-injection";
/// Label of a pod, once an annotation, that asks for a proxy or wants none.
const INJECT: &str = "sidecar.istio.io/inject";
/// Label of a namespace in ambient mode, whose pods have no proxies.
const DATAPLANE: &str = "istio.io/dataplane-mode";

pub(super) fn sidecars(scene: &Scene<'_>) -> Vec<Symptom> {
    scene.workloads.iter().filter_map(|workload| sidecar(scene, workload)).collect()
}

fn sidecar(scene: &Scene<'_>, workload: &Workload) -> Option<Symptom> {
    let pods: Vec<&Pod> = scene.pods_of(workload).collect();
    let without: Vec<&Pod> = pods.iter().copied().filter(|pod| proxy(pod).is_none()).collect();
    let first = without.first()?;
    let (why, remedy) = why(scene, workload, first);
    let names = pod_names(without.iter().copied());
    let message = format!("{} of {} pods have no proxy ({names}): {why}", without.len(), pods.len());
    Some(Symptom::fail(workload.object(), message, remedy))
}

/// Why the pods of a workload have no proxy, and what gives them one.
fn why(scene: &Scene<'_>, workload: &Workload, pod: &Pod) -> (String, String) {
    let Workload { kind, namespace, name, .. } = workload;
    let template = |value| remedy::patch_template(kind, namespace, name, &value);
    if pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true)) {
        let remedy = template(json!({ "spec": { "hostNetwork": false } }));
        return ("they are on the network of their node".to_owned(), remedy);
    }
    let refuses = |labels: &Labels| labels.get(INJECT).is_some_and(|inject| inject == "false");
    if refuses(pod.labels()) {
        let remedy = template(json!({ "metadata": { "labels": { INJECT: "true" } } }));
        return (format!("their label {INJECT} is false"), remedy);
    }
    if refuses(pod.annotations()) && !pod.labels().contains_key(INJECT) {
        let remedy = template(json!({ "metadata": { "annotations": { INJECT: null } } }));
        return (format!("their annotation {INJECT} is false"), remedy);
    }
    let labels = scene.namespace_labels(namespace);
    let restart = remedy::restart(kind, namespace, name);
    if labels.get(DATAPLANE).is_some_and(|mode| mode == "ambient") {
        let label = relabel(scene, namespace, pod.labels());
        let why = format!("namespace {namespace} is in ambient mode, where there are no lanes");
        return (why, format!("kubectl label namespace {namespace} {DATAPLANE}- && {label} && {restart}"));
    }
    match unselected(scene, namespace, &labels, pod.labels()) {
        Some(why) => (why, format!("{} && {restart}", relabel(scene, namespace, pod.labels()))),
        None => ("they are older than the labels that ask for one".to_owned(), restart),
    }
}

pub(super) fn injectors(scene: &Scene<'_>) -> Vec<Symptom> {
    let Some(webhooks) = &scene.webhooks else { return Vec::new() };
    if webhooks.iter().all(|config| !is_injector(config.labels())) {
        let message = "there is no MutatingWebhookConfiguration of Istio: no pod gets a proxy";
        let object = ObjectName::namespace(&scene.snapshot.istio_namespace);
        return vec![Symptom::fail(object, message.to_owned(), "istioctl install".to_owned())];
    }
    let namespaces: BTreeSet<&str> =
        scene.workloads.iter().map(|workload| workload.namespace.as_str()).collect();
    let mut symptoms = Vec::new();
    for namespace in namespaces {
        let labels = scene.namespace_labels(namespace);
        // Pods may ask for themselves: only those count that neither ask nor refuse.
        let plain = scene
            .pods_in(namespace)
            .any(|pod| !pod.labels().contains_key(INJECT) && !pod.labels().contains_key(REVISION));
        if let (true, Some(why)) = (plain, unselected(scene, namespace, &labels, &Labels::new())) {
            let remedy = relabel(scene, namespace, &Labels::new());
            symptoms.push(Symptom::warn(ObjectName::namespace(namespace), why, remedy));
        }
    }
    symptoms
}

/// Why no injector is asked about a pod with these labels; nothing where one is.
fn unselected(scene: &Scene<'_>, namespace: &str, labels: &Labels, pod: &Labels) -> Option<String> {
    let is_selected = match &scene.webhooks {
        Some(_) => selected_by(scene, labels, pod).is_some(),
        None => labels.get(INJECTION).is_some_and(|wish| wish == "enabled") || labels.contains_key(REVISION),
    };
    if is_selected {
        return None;
    }
    Some(match (labels.get(INJECTION).map(String::as_str), revision(pod).or_else(|| revision(labels))) {
        (Some("disabled"), _) => format!("namespace {namespace} has the label {INJECTION}=disabled"),
        (_, Some(revision)) => {
            format!("namespace {namespace} or its pods ask for revision {revision}, which no injector has")
        }
        (Some(wish), None) => format!("no injector acts on the label {INJECTION}={wish} of {namespace}"),
        (None, None) => format!("namespace {namespace} has no label that asks for proxies"),
    })
}

/// The label of a namespace by which an injector is asked about its pods.
fn relabel(scene: &Scene<'_>, namespace: &str, pod: &Labels) -> String {
    let usual = (INJECTION.to_owned(), "enabled".to_owned());
    let webhooks = scene.webhooks.iter().flatten().filter(|config| is_injector(config.labels()));
    let revisions = webhooks.filter_map(|config| revision(config.labels()));
    let candidates: Vec<(String, String)> = [usual.clone()]
        .into_iter()
        .chain(revisions.map(|revision| (REVISION.to_owned(), revision.to_owned())))
        .collect();
    let works = |(key, value): &&(String, String)| {
        let mut labels = scene.namespace_labels(namespace);
        labels.remove(INJECTION);
        labels.remove(REVISION);
        labels.insert(key.clone(), value.clone());
        selected_by(scene, &labels, pod).is_some()
    };
    let (key, value) = candidates.iter().find(works).unwrap_or(&usual);
    // The two labels contradict each other.
    let other = if key == INJECTION { REVISION } else { INJECTION };
    let drop = if scene.namespace_labels(namespace).contains_key(other) {
        format!(" {other}-")
    } else {
        String::new()
    };
    format!("kubectl label namespace {namespace} {key}={value}{drop} --overwrite")
}

/// The injector that is asked about a pod: the name of its configuration.
fn selected_by(scene: &Scene<'_>, namespace: &Labels, pod: &Labels) -> Option<String> {
    let mut configs = scene.webhooks.iter().flatten().filter(|config| is_injector(config.labels()));
    let selects = |webhook: &MutatingWebhook| {
        matches(webhook.namespace_selector.as_ref(), namespace)
            && matches(webhook.object_selector.as_ref(), pod)
    };
    let found = configs.find(|config| config.webhooks.iter().flatten().any(selects))?;
    Some(found.name_any())
}

fn is_injector(labels: &Labels) -> bool {
    labels.get("app").is_some_and(|app| app == "sidecar-injector")
}

/// Whether a selector selects labels; none selects all.
pub(super) fn matches(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    let Some(selector) = selector else { return true };
    Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(labels))
}
