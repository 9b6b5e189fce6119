//! The versions of Istio that proxies run, by the tags of their images; Istio's version is its Envoy's too.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use lane::model::RouteMode;
use serde_json::json;

use super::control_plane::istiods;
use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, Workload, pod_names, proxy};
use crate::cluster::dereference::{PROXY_CONTAINER, version};
use envoy_config::istio::{MATCHER_SINCE, minor};

/// The oldest minor version of Istio that lanes are made for.
const OLDEST: (u32, u32) = (1, 28);

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let mut symptoms: Vec<Symptom> = Vec::new();
    let mut seen = BTreeSet::new();
    for workload in &scene.workloads {
        let pods: Vec<&Pod> = scene.pods_of(workload).filter(|pod| proxy(pod).is_some()).collect();
        let versions: BTreeSet<Option<String>> =
            pods.iter().filter_map(|pod| proxy(pod)).map(version).collect();
        symptoms.extend(
            versions.iter().filter_map(|version| verdict(scene, workload, &pods, version.as_deref())),
        );
        seen.extend(versions.into_iter().flatten());
    }
    if symptoms.is_empty() && !seen.is_empty() {
        let versions = seen.into_iter().collect::<Vec<_>>().join(", ");
        symptoms.push(Symptom::pass(scene.group_name(), format!("the proxies are of Istio {versions}")));
    }
    symptoms
}

fn verdict(scene: &Scene<'_>, workload: &Workload, pods: &[&Pod], version: Option<&str>) -> Option<Symptom> {
    let Workload { kind, namespace, name, .. } = workload;
    let (Some(found), Some(said)) = (version.and_then(minor), version) else {
        return Some(unnamed(workload, pods));
    };
    if found < OLDEST {
        let message = format!("its proxies are of Istio {said}; lanes need 1.28 or newer");
        let remedy = format!("istioctl upgrade && {}", remedy::restart(kind, namespace, name));
        return Some(Symptom::fail(workload.object(), message, remedy));
    }
    if found < MATCHER_SINCE && scene.snapshot.group.spec.0.route_mode == RouteMode::Matcher {
        let message = format!(
            "routeMode is Matcher, and the proxies of {kind} {namespace}/{name} are of Istio {said}, whose Envoy \
             rejects such routes"
        );
        let group = ObjectName::of("lanegroup", &scene.snapshot.group);
        let change = json!({ "spec": { "routeMode": RouteMode::Auto } });
        let remedy =
            remedy::patch("lanegroup", group.namespace.as_deref().unwrap_or_default(), &group.name, &change);
        return Some(Symptom::fail(group, message, remedy));
    }
    let newest = istiod_versions(scene).into_iter().max()?;
    (found > newest).then(|| {
        let message =
            format!("its proxies are of Istio {said}, newer than istiod, {}.{}", newest.0, newest.1);
        Symptom::warn(workload.object(), message, "istioctl upgrade".to_owned())
    })
}

/// The image does not say its version.
fn unnamed(workload: &Workload, pods: &[&Pod]) -> Symptom {
    let message = format!(
        "the images of its proxies name no version ({}): routes are written as for the oldest",
        pod_names(pods.iter().copied())
    );
    let remedy = pods.first().map(|pod| {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        format!(
            "kubectl exec {name} --namespace={namespace} --container={PROXY_CONTAINER} -- \
             pilot-agent request GET server_info"
        )
    });
    Symptom::unknown(workload.object(), message, remedy)
}

fn istiod_versions(scene: &Scene<'_>) -> Vec<(u32, u32)> {
    let containers = istiods(scene)
        .filter_map(|deployment| deployment.spec.as_ref()?.template.spec.as_ref())
        .flat_map(|spec| &spec.containers);
    containers.filter_map(version).filter_map(|version| minor(&version)).collect()
}
