//! The pods of a mesh: their labels and their ports on loopback.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use crate::mesh::MeshOptions;
use crate::ports;

/// The namespace of the gateway: Istio's root namespace.
pub(super) const GATEWAY_NAMESPACE: &str = "istio-system";

/// A pod with a sidecar.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) service: String,
    pub(super) lane: Option<String>,
    pub(super) app: u16,
    pub(super) inbound: u16,
    pub(super) outbound: u16,
    /// Whether it is among the endpoints of its service.
    pub(super) is_ready: bool,
}

impl Pod {
    /// The pods of all services, on free ports.
    pub(super) fn all(options: &MeshOptions) -> Result<Vec<Self>> {
        let mut pods = Vec::new();
        for service in &options.services {
            for (name, lane) in &service.workloads {
                pods.push(Self {
                    name: name.clone(),
                    service: service.name.clone(),
                    lane: lane.clone(),
                    app: ports::free()?,
                    inbound: ports::free()?,
                    outbound: ports::free()?,
                    is_ready: true,
                });
            }
        }
        Ok(pods)
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let version = if self.lane.is_some() { "v2" } else { "v1" };
        let fixed = [("app", self.service.as_str()), ("version", version), ("instance", &self.name)];
        let lane = self.lane.iter().map(|lane| ("graylane.dev/lane", lane.as_str()));
        fixed.into_iter().chain(lane).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// The version that the application reports.
    pub(super) fn version(&self) -> &str {
        self.lane.as_deref().unwrap_or("v1")
    }
}

/// The endpoints of a cluster: the ready pods of a service that have these labels, in the form of EDS.
pub(super) fn endpoints(
    cluster_name: &Value,
    pods: &[Pod],
    service: &str,
    labels: &BTreeMap<String, String>,
) -> Value {
    let selected = |pod: &&Pod| {
        let own = pod.labels();
        pod.is_ready
            && pod.service == service
            && labels.iter().all(|(key, value)| own.get(key) == Some(value))
    };
    let endpoint = |pod: &Pod| {
        let address = json!({ "address": "127.0.0.1", "port_value": pod.inbound });
        json!({ "endpoint": { "address": { "socket_address": address } }, "load_balancing_weight": 1 })
    };
    let lb_endpoints: Vec<Value> = pods.iter().filter(selected).map(endpoint).collect();
    let localities = if lb_endpoints.is_empty() {
        json!([])
    } else {
        json!([{ "locality": {}, "lb_endpoints": lb_endpoints }])
    };
    json!({
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster_name,
        "endpoints": localities,
    })
}
