//! The recorded configuration of a sidecar, and what is derived from it for other services and proxies.
//!
//! Recorded is `testdata/istio/before/a-v1.*`: the sidecar of `a-v1` in the demo mesh, under a real istiod 1.30.
//! This is the one place where something else is made of it, by giving it other names:
//!
//! | derived | from | what changes |
//! |---|---|---|
//! | sidecar of another workload | both listeners of `a-v1` | names and addresses |
//! | virtual host of another service | `a.demo.svc.cluster.local:8080` | host, domains, cluster |
//! | cluster of another service | `outbound\|8080\|\|a.demo.svc.cluster.local` | host |
//! | listener of the gateway | outbound listener of `a-v1` | its name, `use_remote_address`, the route configuration `http.8080` |
//! | virtual hosts of the gateway | those of VirtualServices that are bound to it | `HOST:8080`; no service has one |
//! | clusters of a port that speaks HTTP/2 | those of `a`, which speaks HTTP/1.1 | `explicit_http_config`, as istiod sets it |
//!
//! Not recorded, hence not covered: the redirection of connections, several localities.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::options::PortProtocol;
use crate::istio_patch::Proxy;

/// The port of every service.
pub const PORT: u16 = 8080;
/// The namespace of services and sidecars.
pub const NAMESPACE: &str = "demo";
/// The service whose sidecar was recorded.
const RECORDED: &str = "a";

/// The sidecar as it was recorded.
pub struct Recorded {
    sidecar: Proxy,
}

impl Recorded {
    /// Reads the recording.
    ///
    /// # Errors
    /// When it is not there or is no configuration dump.
    pub fn read() -> Result<Self> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/istio/before");
        Ok(Self { sidecar: Proxy::read(&dir, "a-v1")? })
    }

    /// The listener of what a sidecar receives (`INBOUND`) or sends (`OUTBOUND`).
    fn listener(&self, direction: &str) -> Result<Value> {
        let mut listeners = self.sidecar.listeners.iter();
        let found = listeners.find(|listener| listener["traffic_direction"] == direction);
        found.cloned().with_context(|| format!("no {direction} listener was recorded"))
    }

    /// A cluster by its name.
    ///
    /// # Errors
    /// When no such cluster was recorded.
    pub fn cluster(&self, name: &str) -> Result<Value> {
        let mut clusters = self.sidecar.clusters.iter();
        let found = clusters.find(|cluster| cluster["name"] == name);
        found.cloned().with_context(|| format!("no cluster {name} was recorded"))
    }

    /// A virtual host by its name.
    ///
    /// # Errors
    /// When no such host was recorded.
    pub fn virtual_host(&self, name: &str) -> Result<Value> {
        let hosts = self.route_configuration()["virtual_hosts"].as_array().into_iter().flatten();
        let found = hosts.into_iter().find(|host| host["name"] == name);
        found.cloned().with_context(|| format!("no virtual host {name} was recorded"))
    }

    fn route_configuration(&self) -> &Value {
        self.sidecar.routes.first().unwrap_or(&Value::Null)
    }

    /// The listeners of a sidecar, each with the port that it binds on loopback.
    pub(super) fn sidecar_listeners(&self, inbound: u16, outbound: u16) -> Result<Vec<Value>> {
        let mut receiving = at(self.listener("INBOUND")?, inbound);
        receiving["filter_chains"][0]["filter_chain_match"]["destination_port"] = json!(inbound);
        Ok(vec![at(self.listener("OUTBOUND")?, outbound), receiving])
    }

    /// The listener of the gateway, on a port of loopback.
    pub(super) fn gateway_listeners(&self, port: u16) -> Result<Vec<Value>> {
        let mut listener = at(self.listener("OUTBOUND")?, port);
        listener["name"] = json!(format!("0.0.0.0_{PORT}"));
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["stat_prefix"] = json!(format!("outbound_0.0.0.0_{PORT};"));
        manager["use_remote_address"] = json!(true);
        manager["rds"]["route_config_name"] = json!(format!("http.{PORT}"));
        Ok(vec![listener])
    }

    /// The route configuration of sidecars with these virtual hosts before the one for strangers.
    pub(super) fn sidecar_routes(&self, mut hosts: Vec<Value>) -> Result<Value> {
        hosts.push(self.virtual_host("allow_any")?);
        let mut routes = self.route_configuration().clone();
        routes["virtual_hosts"] = json!(hosts);
        Ok(routes)
    }

    /// The route configuration of the gateway with these virtual hosts.
    pub(super) fn gateway_routes(&self, hosts: &[Value]) -> Value {
        let mut routes = self.route_configuration().clone();
        routes["name"] = json!(format!("http.{PORT}"));
        routes["virtual_hosts"] = json!(hosts);
        routes
    }

    /// The clusters of every sidecar that have nothing to do with services.
    pub(super) fn common_clusters(&self) -> Result<Vec<Value>> {
        let mut door = self.cluster("PassthroughCluster")?;
        // Nobody redirects connections on loopback: `x-envoy-original-dst-host` says where a request was meant to go.
        door["original_dst_lb_config"] = json!({ "use_http_header": true });
        Ok(vec![self.cluster("BlackHoleCluster")?, self.cluster("InboundPassthroughCluster")?, door])
    }

    /// The cluster of a sidecar's application, on a port of loopback.
    pub(super) fn inbound_cluster(&self, service: &str, protocol: PortProtocol, app: u16) -> Result<Value> {
        let mut cluster = renamed(&self.cluster(&format!("inbound|{PORT}||"))?, service);
        let endpoint = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        endpoint["address"]["socket_address"]["port_value"] = json!(app);
        speak(&mut cluster, protocol);
        Ok(cluster)
    }

    /// The cluster of a whole service.
    ///
    /// # Errors
    /// When the recording lacks the one that it is made of.
    pub fn service_cluster(&self, service: &str, protocol: PortProtocol) -> Result<Value> {
        let recorded = self.cluster(&format!("outbound|{PORT}||{}", host(RECORDED)))?;
        let mut cluster = renamed(&recorded, service);
        speak(&mut cluster, protocol);
        Ok(cluster)
    }

    /// The virtual host of a service without VirtualService.
    ///
    /// # Errors
    /// When the recording lacks the one that it is made of.
    pub fn service_host(&self, service: &str) -> Result<Value> {
        let recorded = self.virtual_host(&format!("{}:{PORT}", host(RECORDED)))?;
        Ok(renamed(&recorded, service))
    }
}

/// The full name of a service.
#[must_use]
pub fn host(service: &str) -> String {
    format!("{service}.{NAMESPACE}.svc.cluster.local")
}

/// Binds a listener to a port of loopback.
fn at(mut listener: Value, port: u16) -> Value {
    listener["address"]["socket_address"] = json!({ "address": "127.0.0.1", "port_value": port });
    listener
}

/// What istiod writes for a port that is declared as gRPC or HTTP/2.
fn speak(cluster: &mut Value, protocol: PortProtocol) {
    if protocol == PortProtocol::Grpc {
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} },
            },
        });
    }
}

/// What was recorded of the service `a`, said of another one. Its address, which no test calls, is left out.
fn renamed(recorded: &Value, service: &str) -> Value {
    match recorded {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), renamed(value, service))).collect()
        }
        Value::Array(items) => {
            let items =
                items.iter().filter(|item| !item.as_str().is_some_and(|text| text.starts_with("10.")));
            items.map(|item| renamed(item, service)).collect()
        }
        Value::String(text) if text == RECORDED => json!(service),
        Value::String(text) if text.ends_with(&format!("destination-rule/{RECORDED}")) => {
            json!(
                text.replace(&format!("destination-rule/{RECORDED}"), &format!("destination-rule/{service}"))
            )
        }
        Value::String(text) => match text.strip_prefix(&format!("{RECORDED}.{NAMESPACE}")) {
            Some(rest) => json!(format!("{service}.{NAMESPACE}{rest}")),
            None => {
                json!(text.replace(&format!("|{RECORDED}.{NAMESPACE}"), &format!("|{service}.{NAMESPACE}")))
            }
        },
        other => other.clone(),
    }
}
