//! Istio itself: its kinds, istiod, and what istiod is told to leave out.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, has_labels, is_ready, proxy};
use super::snapshot::Kind;
use crate::cluster::dereference::version;

/// The kinds without which no lane can be routed.
const NEEDED: [Kind; 4] = [Kind::EnvoyFilter, Kind::DestinationRule, Kind::VirtualService, Kind::Gateway];
/// Label and annotation that name a revision of Istio.
pub(super) const REVISION: &str = "istio.io/rev";
/// With it istiod sends a gateway only the clusters that VirtualServices name: not the subsets of lanes.
const FILTER_CLUSTERS: &str = "PILOT_FILTER_GATEWAY_CLUSTER_CONFIG";

pub(super) fn installed(scene: &Scene<'_>) -> Vec<Symptom> {
    let missing: Vec<String> = NEEDED
        .iter()
        .filter(|kind| scene.snapshot.unserved.contains(kind))
        .map(|kind| format!("{}.{}", kind.resource().plural, kind.resource().group))
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let message = format!("the API server does not know {}: Istio is not installed", missing.join(", "));
    vec![Symptom::fail(scene.group_name(), message, "istioctl install".to_owned())]
}

pub(super) fn ready(scene: &Scene<'_>) -> Vec<Symptom> {
    let namespace = scene.snapshot.istio_namespace.as_str();
    let pods: Vec<&Pod> = scene.pods_in(namespace).filter(|pod| is_istiod(pod.labels())).collect();
    let Some(first) = pods.first() else { return vec![absent(scene, namespace)] };
    let ready: Vec<&&Pod> = pods.iter().filter(|pod| is_ready(pod)).collect();
    if ready.is_empty() {
        let message = format!("none of {} istiod pods is ready", pods.len());
        let remedy = format!("kubectl describe pods --selector=app=istiod --namespace={namespace}");
        return vec![Symptom::fail(ObjectName::of("pod", *first), message, remedy)];
    }
    let revisions: BTreeSet<&str> = ready.iter().filter_map(|pod| revision(pod.labels())).collect();
    let mut symptoms: Vec<Symptom> = used(scene)
        .into_iter()
        .filter(|used| !revisions.is_empty() && !revisions.contains(used.as_str()))
        .map(|used| {
            let there = revisions.iter().copied().collect::<Vec<_>>().join(", ");
            let message = format!("proxies of the group are of revision {used}; only {there} has an istiod");
            let remedy = format!("istioctl install --revision={}", remedy::word(&used));
            Symptom::fail(ObjectName::namespace(namespace), message, remedy)
        })
        .collect();
    if symptoms.is_empty() {
        let versions: BTreeSet<String> =
            ready.iter().filter_map(|pod| version(pod.spec.as_ref()?.containers.first()?)).collect();
        let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("{} istiod pods are ready, version {versions}", ready.len());
        symptoms.push(Symptom::pass(ObjectName::namespace(namespace), message));
    }
    symptoms
}

fn absent(scene: &Scene<'_>, namespace: &str) -> Symptom {
    let message = format!("there is no istiod pod in namespace {namespace}");
    match istiods(scene).next() {
        Some(found) => {
            let name = found.name_any();
            let remedy = format!("kubectl scale deployment/{name} --namespace={namespace} --replicas=1");
            Symptom::fail(ObjectName::of("deployment", found), message, remedy)
        }
        None => Symptom::fail(ObjectName::namespace(namespace), message, "istioctl install".to_owned()),
    }
}

pub(super) fn gateway_clusters(scene: &Scene<'_>) -> Vec<Symptom> {
    if !scene.has_gateway() {
        return Vec::new();
    }
    let filtering = istiods(scene).filter(|deployment| {
        let spec = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let containers = spec.into_iter().flat_map(|spec| &spec.containers);
        let mut variables = containers.flat_map(|container| container.env.iter().flatten());
        variables.any(|set| set.name == FILTER_CLUSTERS && set.value.as_deref() == Some("true"))
    });
    let symptom = |deployment: &Deployment| {
        let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
        let message = format!(
            "{FILTER_CLUSTERS} is true: gateways are not sent the clusters of lanes, and a lane that enters \
             there answers 503"
        );
        let remedy =
            format!("kubectl set env deployment/{name} --namespace={namespace} {FILTER_CLUSTERS}=false");
        Symptom::fail(ObjectName::of("deployment", deployment), message, remedy)
    };
    filtering.map(symptom).collect()
}

/// The Deployments of istiod.
pub(super) fn istiods<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Deployment> {
    let all = scene.deployments.iter();
    all.filter(|found| scene.is_root(found.namespace().as_deref()) && is_istiod(found.labels()))
}

/// The revision that labels or annotations name.
pub(super) fn revision(labels: &std::collections::BTreeMap<String, String>) -> Option<&str> {
    labels.get(REVISION).map(String::as_str)
}

fn is_istiod(labels: &std::collections::BTreeMap<String, String>) -> bool {
    labels.get("app").is_some_and(|app| app == "istiod")
}

/// The revisions of the group's proxies: an injector writes its own as an annotation.
fn used(scene: &Scene<'_>) -> BTreeSet<String> {
    let pods = scene.pods.iter().filter(|pod| {
        proxy(pod).is_some()
            && scene.workloads.iter().any(|workload| {
                pod.namespace().as_ref() == Some(&workload.namespace) && has_labels(pod, &workload.selector)
            })
    });
    pods.filter_map(|pod| revision(pod.annotations()).map(str::to_owned)).collect()
}
