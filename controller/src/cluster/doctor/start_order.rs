//! Whether applications wait for their proxies: the first call of one that does not meets no proxy, and no lane.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::remedy;
use super::report::Symptom;
use super::scene::{Scene, Workload, pod_names, proxy};
use super::snapshot::Kind;
use crate::cluster::dereference::PROXY_CONTAINER;

/// The setting of the mesh, and of a pod, that lets the application wait.
const HOLD: &str = "holdApplicationUntilProxyStarts";
/// Annotation of a pod with settings of its proxy, as YAML.
const PROXY_CONFIG: &str = "proxy.istio.io/config";

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    if mesh_holds(scene) {
        return Vec::new();
    }
    // A gateway has no application that could be too early.
    let sidecars = scene.workloads.iter().filter(|workload| !workload.is_gateway);
    sidecars.filter_map(|workload| early(scene, workload)).collect()
}

fn early(scene: &Scene<'_>, workload: &Workload) -> Option<Symptom> {
    let pods: Vec<&Pod> = scene.pods_of(workload).filter(|pod| proxy(pod).is_some() && !waits(pod)).collect();
    let first = pods.first()?;
    let Workload { kind, namespace, name, .. } = workload;
    let message = format!(
        "applications start beside their proxies, whose first calls may fail or miss their lane ({})",
        pod_names(pods.iter().copied())
    );
    let said = first.annotations().get(PROXY_CONFIG).map_or("", |text| text.trim_end());
    let config = if said.is_empty() { format!("{HOLD}: true") } else { format!("{said}\n{HOLD}: true") };
    let annotations = json!({ "metadata": { "annotations": { PROXY_CONFIG: config } } });
    Some(Symptom::warn(
        workload.object(),
        message,
        remedy::patch_template(kind, namespace, name, &annotations),
    ))
}

/// A native sidecar is ready before the containers start; else the proxy's container holds the others up, because
/// the pod has asked for it.
fn waits(pod: &Pod) -> bool {
    let spec = pod.spec.as_ref();
    let init = spec.into_iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let is_native = init.into_iter().any(|container| container.name == PROXY_CONTAINER);
    let holds = proxy(pod).and_then(|container| container.lifecycle.as_ref()?.post_start.as_ref()).is_some();
    is_native || holds || asked(pod.annotations().get(PROXY_CONFIG).map(String::as_str), &[HOLD])
}

/// Whether the mesh lets every application wait.
fn mesh_holds(scene: &Scene<'_>) -> bool {
    let maps = scene.snapshot.of(Kind::ConfigMap).iter();
    let mut meshes = maps.filter(|map| scene.is_root(map.namespace().as_deref()));
    meshes.any(|map| asked(map.data.pointer("/data/mesh").and_then(Value::as_str), &["defaultConfig", HOLD]))
}

/// Whether YAML says `true` at a path.
fn asked(text: Option<&str>, path: &[&str]) -> bool {
    let said = || {
        let config: Value = serde_saphyr::from_str(text?).ok()?;
        let found = path.iter().try_fold(&config, |value, key| value.get(key));
        found.and_then(Value::as_bool)
    };
    said() == Some(true)
}
