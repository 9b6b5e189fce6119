//! Objects that hide a service from its callers: a Sidecar that does not list it, an `exportTo` that does not name
//! them. A hidden service has no cluster at the caller, and a route to it answers 503. A private DestinationRule hides
//! nothing: who does not see it gets ours where they are.

use std::collections::BTreeMap;

use envoy_config::istio::input::{Labels, Service};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, has_labels, proxy};
use super::snapshot::Kind;

/// Annotation of a Service: the namespaces that see it.
const EXPORT_TO: &str = "networking.istio.io/exportTo";

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let Some(input) = scene.input() else { return Vec::new() };
    let mut symptoms = sidecars(scene, &input.services);
    symptoms.extend(input.services.iter().filter_map(|service| exported(scene, service)));
    symptoms
}

/// What each Sidecar hides from the pods that it is for.
fn sidecars(scene: &Scene<'_>, services: &[Service]) -> Vec<Symptom> {
    let mut hidden: BTreeMap<(Option<String>, String), Vec<&Service>> = BTreeMap::new();
    let mut visible: Vec<&Service> = Vec::new();
    for pod in callers(scene) {
        let sidecar = sidecar_of(scene, pod);
        for service in services {
            match sidecar {
                Some(sidecar) if hides(sidecar, pod, service) => {
                    let services = hidden.entry((sidecar.namespace(), sidecar.name_any())).or_default();
                    if !services.contains(&service) {
                        services.push(service);
                    }
                }
                _ => visible.push(service),
            }
        }
    }
    let symptom = |((namespace, name), services): ((Option<String>, String), Vec<&Service>)| {
        let namespace = namespace.unwrap_or_default();
        let names: Vec<String> =
            services.iter().map(|service| format!("{}/{}", service.namespace, service.host)).collect();
        let object = ObjectName::new("sidecar", &namespace, &name);
        let listed: Vec<Value> = names
            .iter()
            .map(|name| json!({ "op": "add", "path": "/spec/egress/0/hosts/-", "value": name }))
            .collect();
        let remedy = remedy::operate("sidecar", &namespace, &name, &listed);
        let message = format!("it hides from its pods {}", names.join(", "));
        if services.iter().all(|service| visible.contains(service)) {
            Symptom::warn(object, format!("{message}; others see them"), remedy)
        } else {
            Symptom::fail(object, format!("{message}, and nobody of the group sees all of them"), remedy)
        }
    };
    hidden.into_iter().map(symptom).collect()
}

/// The pods with proxies in the namespaces of callers.
fn callers<'a>(scene: &'a Scene<'_>) -> Vec<&'a Pod> {
    let callers = scene.callers();
    let is_caller = |pod: &&Pod| {
        pod.namespace().is_some_and(|namespace| callers.contains(namespace.as_str())) && proxy(pod).is_some()
    };
    scene.pods.iter().filter(is_caller).collect()
}

/// The one Sidecar that counts for a pod: that which selects it, that of its namespace, that of the mesh.
fn sidecar_of<'a>(scene: &Scene<'a>, pod: &Pod) -> Option<&'a DynamicObject> {
    let selector = |sidecar: &DynamicObject| -> Option<Labels> {
        serde_json::from_value(sidecar.data.pointer("/spec/workloadSelector/labels")?.clone()).ok()
    };
    let here = |sidecar: &&DynamicObject| sidecar.namespace() == pod.namespace();
    let all = || scene.foreign(Kind::Sidecar);
    let selecting =
        all().filter(here).find(|sidecar| selector(sidecar).is_some_and(|labels| has_labels(pod, &labels)));
    let plain = |sidecar: &&DynamicObject| selector(sidecar).is_none();
    selecting
        .or_else(|| all().filter(here).find(plain))
        .or_else(|| all().filter(|sidecar| scene.is_root(sidecar.namespace().as_deref())).find(plain))
}

/// Whether a Sidecar leaves a service out for a pod; without egress it leaves out nothing.
fn hides(sidecar: &DynamicObject, pod: &Pod, service: &Service) -> bool {
    let Some(egress) = sidecar.data.pointer("/spec/egress").and_then(Value::as_array) else { return false };
    let hosts = egress.iter().flat_map(|listener| {
        listener.get("hosts").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    });
    let own = pod.namespace().unwrap_or_default();
    !hosts.into_iter().any(|host| lists(host, &own, service))
}

/// Whether `NAMESPACE/HOST` of a Sidecar in namespace `own` stands for a service.
fn lists(host: &str, own: &str, service: &Service) -> bool {
    let (namespace, name) = host.split_once('/').unwrap_or(("*", host));
    let in_namespace = match namespace {
        "*" => true,
        "." => service.namespace.as_str() == own,
        "~" => false,
        named => service.namespace.as_str() == named,
    };
    let is_named = match name.strip_prefix("*.") {
        _ if name == "*" => true,
        Some(domain) => service.host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => name == service.host,
    };
    in_namespace && is_named
}

/// A Service that is not exported to all of its callers.
fn exported(scene: &Scene<'_>, service: &Service) -> Option<Symptom> {
    let namespace = service.namespace.as_str();
    let found = scene.services.iter().find(|found| {
        found.namespace().as_deref() == Some(namespace) && found.name_any() == service.name.as_str()
    })?;
    let list = found.annotations().get(EXPORT_TO)?;
    let to: Vec<&str> = list.split(',').map(str::trim).collect();
    let blind = blind(scene, namespace, &to);
    if blind.is_empty() {
        return None;
    }
    let message = format!("its {EXPORT_TO} hides it from its callers in {}", blind.join(", "));
    let name = &service.name;
    let remedy = format!("kubectl annotate service {name} --namespace={namespace} {EXPORT_TO}-");
    Some(Symptom::fail(ObjectName::new("service", namespace, name.as_str()), message, remedy))
}

/// The namespaces of callers that an `exportTo` of an object in `namespace` leaves out.
fn blind(scene: &Scene<'_>, namespace: &str, to: &[&str]) -> Vec<String> {
    let sees =
        |caller: &str| to.iter().any(|to| *to == "*" || *to == caller || (*to == "." && caller == namespace));
    scene.callers().into_iter().filter(|caller| !sees(caller)).map(str::to_owned).collect()
}
