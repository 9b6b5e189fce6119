//! What of a mesh is Istio's, and what the generator is told of it.

use anyhow::Result;
use envoy_config::istio::Input;
use serde_json::{Map, Value, json};

use super::pods::{GATEWAY_NAMESPACE, Pod};
use super::recorded::{NAMESPACE, PORT, host};
use crate::mesh::{GATEWAY, MeshOptions};

/// What the services' ports are declared to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortProtocol {
    /// HTTP/1.1: proxies speak it to each other whatever the client speaks.
    #[default]
    Http,
    /// gRPC, and all else over HTTP/2.
    Grpc,
}

/// How routes by lane are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Emitter {
    /// A matcher within the user's routes.
    #[default]
    Matcher,
    /// Routes with the lane header before the user's.
    Routes,
}

/// Options of [`super::IstioMesh::start`] beside those of every mesh.
#[derive(Clone, Debug)]
pub struct IstioOptions {
    /// What the ports speak.
    pub protocol: PortProtocol,
    /// How routes by lane are written.
    pub emitter: Emitter,
    /// VirtualServices of the user for sidecars, as whole objects.
    pub virtual_services: Vec<Value>,
    /// The VirtualService of the user for the gateway.
    pub gateway_service: Value,
    /// DestinationRules of the user, as whole objects.
    pub destination_rules: Vec<Value>,
    /// Whether proxies speak TLS to each other, each with a certificate of its own.
    pub is_mutual_tls: bool,
    /// Whether the group has a place for faults.
    pub is_armed: bool,
}

impl Default for IstioOptions {
    fn default() -> Self {
        let all = json!([{ "name": "all", "route": [{ "destination": { "host": "a" } }] }]);
        Self {
            protocol: PortProtocol::default(),
            emitter: Emitter::default(),
            virtual_services: Vec::new(),
            gateway_service: gateway_service(&all),
            destination_rules: Vec::new(),
            is_mutual_tls: false,
            is_armed: false,
        }
    }
}

impl IstioOptions {
    /// With this emitter.
    #[must_use]
    pub fn emitter(self, emitter: Emitter) -> Self {
        Self { emitter, ..self }
    }

    /// With ports that speak this.
    #[must_use]
    pub fn protocol(self, protocol: PortProtocol) -> Self {
        Self { protocol, ..self }
    }

    /// The generator's input.
    pub(super) fn input(
        &self,
        mesh: &MeshOptions,
        pods: &[Pod],
        (lanes, faults): (&[Value], &[Value]),
        generation: u64,
    ) -> Result<Input> {
        let names: Vec<Value> = mesh.services.iter().map(|service| json!({ "name": service.name })).collect();
        let fallback = if mesh.strict { "Strict" } else { "Permissive" };
        let propagation = json!({ "trail": mesh.trail.then_some("x-lane-path") });
        let module = mesh.module()?;
        let emission = match self.emitter {
            Emitter::Matcher => "Matcher",
            Emitter::Routes => "Routes",
        };
        let of_gateway = user_object(&self.gateway_service, json!([PORT]));
        let of_sidecars = self.virtual_services.iter().map(|service| user_object(service, json!([])));
        let rules = self.destination_rules.iter().map(|rule| user_object(rule, json!([])));
        Ok(serde_json::from_value(json!({
            "group": {
                "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneGroup", "metadata": { "name": "shop" },
                "spec": {
                    "entries": [format!("{GATEWAY_NAMESPACE}/{GATEWAY}")], "services": names,
                    "fallback": fallback, "propagation": propagation,
                    "faults": self.is_armed.then(|| json!({})),
                },
            },
            "namespace": NAMESPACE,
            "generation": generation,
            "lanes": lanes,
            "faults": faults,
            "services": mesh.services.iter().map(|service| self.service(&service.name, pods)).collect::<Vec<_>>(),
            "entries": [{
                "namespace": GATEWAY_NAMESPACE, "name": GATEWAY, "selector": { "istio": GATEWAY }, "kind": "Gateway",
            }],
            "callers": [
                { "namespace": NAMESPACE, "proxies": ["Sidecar"] },
                { "namespace": GATEWAY_NAMESPACE, "proxies": ["Gateway"] },
            ],
            "virtualServices": of_sidecars.chain([of_gateway]).collect::<Vec<_>>(),
            "destinationRules": rules.collect::<Vec<_>>(),
            "module": { "local": { "path": module } },
            "emission": emission,
            "rootNamespace": GATEWAY_NAMESPACE,
            "clusterDomain": "cluster.local",
        }))?)
    }

    fn service(&self, name: &str, pods: &[Pod]) -> Value {
        let workload = |pod: &Pod| {
            let labels = pod.labels();
            let mut workload = Map::new();
            workload.insert("name".to_owned(), json!(pod.name));
            workload.insert("selector".to_owned(), json!(labels));
            workload.insert("labels".to_owned(), json!(labels));
            if let Some(lane) = &pod.lane {
                workload.insert("lane".to_owned(), json!(lane));
            }
            Value::Object(workload)
        };
        let protocol = match self.protocol {
            PortProtocol::Http => "Http",
            PortProtocol::Grpc => "Grpc",
        };
        json!({
            "namespace": NAMESPACE, "name": name, "host": host(name),
            "ports": [{ "number": PORT, "name": "main", "protocol": protocol }],
            "baseline": { "version": "v1" },
            "workloads": pods.iter().filter(|pod| pod.service == name).map(workload).collect::<Vec<_>>(),
        })
    }
}

/// A VirtualService of the gateway for all hosts.
#[must_use]
pub fn gateway_service(http: &Value) -> Value {
    let mut service = virtual_service("gateway", "*", http);
    service["spec"]["gateways"] = json!(["shop"]);
    service
}

/// A VirtualService of sidecars.
#[must_use]
pub fn virtual_service(name: &str, host: &str, http: &Value) -> Value {
    json!({
        "kind": "VirtualService", "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": { "hosts": [host], "http": http },
    })
}

/// An object of the user as the generator takes it.
fn user_object(object: &Value, gateway_ports: Value) -> Value {
    json!({
        "namespace": object["metadata"]["namespace"], "name": object["metadata"]["name"],
        "spec": object["spec"], "gatewayPorts": gateway_ports,
    })
}
