//! Extensions of others in the same proxies. Envoy takes the configurations of all extensions of a proxy together or
//! not at all, so that one that it refuses freezes ours.

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use super::envoy_filters::reaches;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, proxy};
use super::snapshot::Kind;

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let plugins = [Kind::WasmPlugin, Kind::TrafficExtension]
        .into_iter()
        .flat_map(|kind| scene.foreign(kind).map(move |object| (kind, object)));
    let filters = scene.foreign(Kind::EnvoyFilter).filter(|filter| adds_extension(filter));
    let all = plugins.chain(filters.map(|filter| (Kind::EnvoyFilter, filter)));
    all.filter(|(_, object)| reaches(scene, object))
        .filter_map(|(kind, object)| symptom(scene, kind, object))
        .collect()
}

fn symptom(scene: &Scene<'_>, kind: Kind, object: &DynamicObject) -> Option<Symptom> {
    let name = ObjectName::of(&kind.word(), object);
    let shared = "it shares the discovery of extensions with ours: should Envoy refuse it, changes of lanes do \
                  not arrive";
    let (pod, namespace) = scene.workloads.iter().find_map(|workload| {
        let pod = scene.pods_of(workload).find(|pod| proxy(pod).is_some())?;
        Some((pod.name_any(), workload.namespace.clone()))
    })?;
    let remedy = format!("istioctl proxy-config ecds {pod}.{namespace}");
    let status = scene.snapshot.group.status.as_ref();
    let lagging = status.map_or(0, |status| {
        status.proxies.total.saturating_sub(status.proxies.ready + status.proxies.unverified)
    });
    Some(if lagging == 0 {
        Symptom::warn(name, shared.to_owned(), remedy)
    } else {
        Symptom::fail(name, format!("{shared}; {lagging} proxies do not follow now"), remedy)
    })
}

fn adds_extension(filter: &DynamicObject) -> bool {
    let patches = filter.data.pointer("/spec/configPatches").and_then(Value::as_array);
    let is_extension =
        |patch: &Value| patch.pointer("/applyTo").and_then(Value::as_str) == Some("EXTENSION_CONFIG");
    patches.into_iter().flatten().any(is_extension)
}
