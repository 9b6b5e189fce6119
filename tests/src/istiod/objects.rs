//! The Kubernetes and Istio objects of a mesh.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::options::IstioOptions;

/// The port of every service, and of its proxies.
pub(super) const SERVICE_PORT: u16 = 8080;
/// The port of every application, behind its proxy.
pub(super) const APP_PORT: u16 = 8081;
/// Annotation by which Istio injects a gateway.
pub(super) const INJECT_TEMPLATES: &str = "inject.istio.io/templates";
/// The name of the gateway's workload.
pub(super) const GATEWAY: &str = "gateway";

/// A kind of Istio's networking.
pub(super) fn kind(kind: &str) -> GroupVersionKind {
    GroupVersionKind::gvk("networking.istio.io", "v1", kind)
}

/// The resource of a kind of Istio's networking.
pub(super) fn resource(name: &str) -> ApiResource {
    ApiResource::from_gvk(&kind(name))
}

/// The Deployments and Services of a mesh, as JSON documents for `kubectl`.
pub(super) fn workloads(options: &IstioOptions) -> Value {
    let mut items = vec![deployment(GATEWAY, GATEWAY, "v1", None)];
    for (service, lanes) in &options.services {
        items.push(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": service },
            "spec": { "selector": { "app": service }, "ports": [{ "name": "http", "port": SERVICE_PORT }] },
        }));
        for lane in lanes {
            let version = lane.as_deref().unwrap_or("v1");
            items.push(deployment(&format!("{service}-{version}"), service, version, lane.as_deref()));
        }
    }
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

/// A Deployment whose pods are ready when their proxies are.
pub(super) fn deployment(name: &str, app: &str, version: &str, lane: Option<&str>) -> Value {
    let mut labels = BTreeMap::from([("app", app), ("version", version)]);
    labels.extend(lane.map(|lane| ("graylane.dev/lane", lane)));
    let mut annotations = BTreeMap::from([("test.graylane.dev/ready", "never")]);
    annotations.extend((app == GATEWAY).then_some((INJECT_TEMPLATES, "gateway")));
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels, "annotations": annotations },
                "spec": { "containers": [
                    { "name": "app", "image": "example.com/app:1" },
                    { "name": "istio-proxy", "image": "example.com/istio/proxyv2:1.30.3" },
                ] },
            },
        },
    })
}

/// The `Sidecar` of one pod, for a proxy without iptables: it listens where the pod is called, hands requests to
/// the application there, and listens at `outbound` for what the application sends.
pub(super) fn sidecar(label: &str, pod: &str, outbound: IpAddr) -> Value {
    let port = json!({ "number": SERVICE_PORT, "protocol": "HTTP", "name": "http" });
    json!({ "spec": {
        "workloadSelector": { "labels": { label: pod } },
        "ingress": [{
            "port": port,
            // The pod's own address.
            "defaultEndpoint": format!("0.0.0.0:{APP_PORT}"),
            "captureMode": "NONE",
        }],
        "egress": [{
            "port": port,
            "bind": outbound.to_string(),
            "captureMode": "NONE",
            "hosts": ["./*"],
        }],
    } })
}
