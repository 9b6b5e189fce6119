//! A proxy's configuration for a real Envoy on loopback: it polls the stand-in of istiod, and is asked what of it
//! is in force.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::control_plane::ControlPlane;
use crate::istio_patch::Proxy;

const TYPE: &str = "type.googleapis.com/";
/// Between two polls of one resource; Envoy adds a part of it by chance.
const POLL: &str = "0.4s";
/// How long the answer of a poll may take: machines of tests are busy.
const PATIENCE: &str = "30s";

/// One proxy and its control plane.
pub(super) struct Site<'c> {
    pub(super) control_plane: &'c ControlPlane,
    pub(super) name: &'c str,
}

impl Site<'_> {
    /// Writes what the process itself is told, into a file named after it.
    pub(super) fn write_bootstrap(&self, dir: &Path, proxy: &Proxy) -> Result<()> {
        let kind = if proxy.is_gateway { "router" } else { "sidecar" };
        let Proxy { namespace, labels, .. } = proxy;
        let id = format!("{kind}~127.0.0.1~{}.{namespace}~{namespace}.svc.cluster.local", self.name);
        let metadata = json!({
            "ISTIO_VERSION": "1.30.3", "NAMESPACE": namespace, "LABELS": labels, "INTERCEPTION_MODE": "NONE",
        });
        let socket = |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
        let endpoint = json!({ "endpoint": { "address": socket(self.control_plane.address().port()) } });
        let bootstrap = json!({
            "node": { "id": id, "cluster": self.name, "metadata": metadata },
            "admin": { "address": socket(0) },
            "dynamic_resources": { "cds_config": polled(), "lds_config": polled() },
            "static_resources": { "clusters": [{
                "name": "xds", "type": "STATIC",
                "load_assignment": { "cluster_name": "xds", "endpoints": [{ "lb_endpoints": [endpoint] }] },
            }] },
        });
        Ok(fs::write(self.bootstrap(dir), bootstrap.to_string())?)
    }

    pub(super) fn bootstrap(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.json", self.name))
    }

    /// Hands out clusters with their endpoints. `endpoints` has the resource of each EDS cluster.
    pub(super) fn set_clusters(&self, clusters: &[Value], endpoints: &BTreeMap<String, Value>) -> Result<()> {
        self.set_endpoints(endpoints);
        let mut all = Vec::new();
        for cluster in clusters {
            let mut cluster = typed(cluster, "envoy.config.cluster.v3.Cluster");
            if let Some(name) = cluster["eds_cluster_config"]["service_name"].as_str() {
                ensure!(endpoints.contains_key(name), "nobody knows the endpoints of {name}");
                cluster["eds_cluster_config"]["eds_config"] = polled();
            }
            all.push(cluster);
        }
        self.set("clusters", "", &all)
    }

    /// Hands out endpoints only.
    pub(super) fn set_endpoints(&self, endpoints: &BTreeMap<String, Value>) {
        for (name, assignment) in endpoints {
            self.control_plane.set(self.name, "endpoints", name, std::slice::from_ref(assignment));
        }
    }

    /// Hands out routes, configurations of filters and listeners.
    pub(super) fn set_traffic(&self, proxy: &Proxy) -> Result<()> {
        for routes in &proxy.routes {
            let routes = typed(routes, "envoy.config.route.v3.RouteConfiguration");
            self.set("routes", name(&routes)?, std::slice::from_ref(&routes))?;
        }
        for config in &proxy.extension_configs {
            let config = typed(config, "envoy.config.core.v3.TypedExtensionConfig");
            self.set("extension_configs", name(&config)?, std::slice::from_ref(&config))?;
        }
        let mut listeners = Vec::new();
        for listener in &proxy.listeners {
            let mut listener = typed(listener, "envoy.config.listener.v3.Listener");
            subscribe(&mut listener, proxy)?;
            listeners.push(listener);
        }
        self.set("listeners", "", &listeners)
    }

    fn set(&self, kind: &'static str, name: &str, resources: &[Value]) -> Result<()> {
        let left = json!(resources).to_string().contains("\"ads\":");
        ensure!(!left, "{kind} {name} of {} ask a control plane that is not there", self.name);
        self.control_plane.set(self.name, kind, name, resources);
        Ok(())
    }

    /// Whether the clusters that were handed out are in force.
    pub(super) fn check_clusters(&self, dump: &Value) -> Result<()> {
        let clusters = part(dump, "ClustersConfigDump");
        self.check_version("clusters", "", clusters)?;
        ensure!(clusters["dynamic_warming_clusters"].is_null(), "clusters are warming");
        Ok(())
    }

    /// Whether all that was handed out is in force.
    pub(super) fn check(&self, dump: &Value, proxy: &Proxy) -> Result<()> {
        self.check_clusters(dump)?;
        let listeners = part(dump, "ListenersConfigDump");
        self.check_version("listeners", "", listeners)?;
        for listener in listeners["dynamic_listeners"].as_array().into_iter().flatten() {
            ensure!(listener["warming_state"].is_null(), "a listener is warming");
            ensure!(listener["error_state"].is_null(), "a listener was refused: {}", listener["error_state"]);
        }
        let routes = &part(dump, "RoutesConfigDump")["dynamic_route_configs"];
        let filters = &part(dump, "EcdsConfigDump")["ecds_filters"];
        let kinds = [
            ("routes", &proxy.routes, routes, "route_config"),
            ("extension_configs", &proxy.extension_configs, filters, "ecds_filter"),
        ];
        for (kind, resources, taken, key) in kinds {
            for resource in resources {
                let name = name(resource)?;
                let mut taken = taken.as_array().into_iter().flatten();
                let named = taken.find(|taken| taken[key]["name"] == name);
                self.check_version(kind, name, named.with_context(|| format!("{name} is not in force"))?)?;
            }
        }
        Ok(())
    }

    /// Whether the proxy has asked for something newer than this, so that a look at its configuration is worth it.
    pub(super) fn has_polled(&self, proxy: &Proxy, everything: bool) -> Result<()> {
        let mut kinds = vec![("clusters", "")];
        if everything {
            kinds.push(("listeners", ""));
            for (kind, resources) in
                [("routes", &proxy.routes), ("extension_configs", &proxy.extension_configs)]
            {
                for resource in resources {
                    kinds.push((kind, name(resource)?));
                }
            }
        }
        for (kind, name) in kinds {
            let taken = self.control_plane.is_taken(self.name, kind, name);
            ensure!(taken, "{} has not taken {kind} {name}", self.name);
        }
        Ok(())
    }

    fn check_version(&self, kind: &'static str, name: &str, taken: &Value) -> Result<()> {
        let (taken, given) = (&taken["version_info"], self.control_plane.version(self.name, kind, name)?);
        ensure!(*taken == given, "version {taken} of {kind} {name} instead of {given} is in force");
        Ok(())
    }
}

/// Has connection managers get their routes and filters from where everything comes from. Warming is as istiod's
/// configuration says; only who is asked is another.
fn subscribe(listener: &mut Value, proxy: &Proxy) -> Result<()> {
    let chains = listener["filter_chains"].as_array_mut().into_iter().flatten();
    for filter in chains.flat_map(|chain| chain["filters"].as_array_mut()).flatten() {
        let manager = &mut filter["typed_config"];
        if let Some(rds) = manager.get_mut("rds") {
            rds["config_source"] = polled();
        }
        for filter in manager["http_filters"].as_array_mut().into_iter().flatten() {
            let named = filter["name"].clone();
            let Some(discovery) = filter.get_mut("config_discovery") else { continue };
            let known = proxy.extension_configs.iter().any(|config| config["name"] == named);
            ensure!(known, "the filter {named} has no configuration, so that its pod is never ready");
            let timeout = discovery["config_source"]["initial_fetch_timeout"].clone();
            discovery["config_source"] = polled();
            discovery["config_source"]["initial_fetch_timeout"] = timeout;
        }
    }
    Ok(())
}

fn polled() -> Value {
    json!({ "resource_api_version": "V3", "initial_fetch_timeout": "0s", "api_config_source": {
        "api_type": "REST", "transport_api_version": "V3", "cluster_names": ["xds"], "refresh_delay": POLL, "request_timeout": PATIENCE,
    } })
}

fn part<'d>(dump: &'d Value, kind: &str) -> &'d Value {
    let kind = format!("{TYPE}envoy.admin.v3.{kind}");
    let parts = dump["configs"].as_array().into_iter().flatten();
    parts.into_iter().find(|part| part["@type"] == *kind).unwrap_or(&Value::Null)
}

fn typed(message: &Value, kind: &str) -> Value {
    let mut message = message.clone();
    message["@type"] = json!(format!("{TYPE}{kind}"));
    message
}

fn name(resource: &Value) -> Result<&str> {
    resource["name"].as_str().with_context(|| format!("a resource has no name: {resource}"))
}
