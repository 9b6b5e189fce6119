//! What istiod makes of EnvoyFilters: applies the operations that we use to recorded configuration of a proxy.
//!
//! It knows only the operations, contexts and matches that are generated here, and refuses all others, so that
//! nothing passes because it was not understood. It is checked against what real proxies had in force before
//! and after a real istiod applied EnvoyFilters (`testdata/istio/`).
//!
//! | operation | effect |
//! |---|---|
//! | `CLUSTER ADD` | one more cluster |
//! | `CLUSTER MERGE` | protocol options of the clusters of a service that a sidecar receives for: replaced |
//! | `EXTENSION_CONFIG ADD` | one more resource of ECDS; twice the same name is an error, as in Envoy |
//! | `HTTP_FILTER INSERT_BEFORE` | before the filter that is named, in every connection manager of the context |
//! | `NETWORK_FILTER MERGE` | fields of every connection manager of the context |
//! | `ROUTE_CONFIGURATION MERGE` | fields of every route configuration of the context |
//! | `HTTP_ROUTE MERGE` | fields of routes, before any is inserted |
//! | `HTTP_ROUTE INSERT_FIRST`, `INSERT_BEFORE` | a route before all, or before the one that is named |

mod clusters;
mod listeners;
mod merge;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The namespace whose objects are for all namespaces.
const ROOT_NAMESPACE: &str = "istio-system";

/// What a proxy has in force, and what istiod knows of it.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// The namespace of its pod.
    pub namespace: String,
    /// The labels of its pod.
    pub labels: BTreeMap<String, String>,
    /// Whether it is a gateway and not a sidecar.
    pub is_gateway: bool,
    /// Messages `envoy.config.listener.v3.Listener`.
    pub listeners: Vec<Value>,
    /// Messages `envoy.config.route.v3.RouteConfiguration`.
    pub routes: Vec<Value>,
    /// Messages `envoy.config.cluster.v3.Cluster`.
    pub clusters: Vec<Value>,
    /// Messages `envoy.config.core.v3.TypedExtensionConfig`.
    pub extension_configs: Vec<Value>,
}

/// One patch of an EnvoyFilter.
struct Patch<'a> {
    apply_to: &'a str,
    context: &'a str,
    r#match: &'a Value,
    operation: &'a str,
    value: &'a Value,
}

impl Proxy {
    /// Reads the four parts of a configuration dump: `DIR/NAME.listeners.json` and so on.
    pub fn read(dir: &Path, name: &str) -> Result<Self> {
        let part = |kind: &str, pointer: &str| -> Result<Vec<Value>> {
            let path = dir.join(format!("{name}.{kind}.json"));
            let json = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
            let dump: Value = serde_json::from_slice(&json)?;
            let configs = dump["configs"].as_array().into_iter().flatten();
            configs
                .map(|config| {
                    let missing = || format!("{} has no {pointer}", path.display());
                    config.pointer(pointer).cloned().with_context(missing)
                })
                .collect()
        };
        Ok(Self {
            namespace: "demo".to_owned(),
            labels: BTreeMap::new(),
            is_gateway: false,
            listeners: part("listeners", "/active_state/listener")?,
            routes: part("routes", "/route_config")?,
            clusters: part("clusters", "/cluster")?,
            extension_configs: part("ecds", "/ecds_filter")?,
        })
    }

    /// Applies those of `objects` that are EnvoyFilters for this proxy: by priority, those of the root namespace
    /// first, in the order given.
    pub fn apply(&mut self, objects: &[Value]) -> Result<()> {
        let mut filters: Vec<&Value> = objects.iter().filter(|object| self.is_for(object)).collect();
        filters.sort_by_key(|filter| {
            let is_local = filter["metadata"]["namespace"] != ROOT_NAMESPACE;
            (filter["spec"]["priority"].as_i64().unwrap_or_default(), is_local)
        });
        let all = filters.iter().flat_map(|filter| filter["spec"]["configPatches"].as_array());
        let patches = all.flatten().map(Patch::read).collect::<Result<Vec<_>>>()?;
        for patch in &patches {
            self.apply_one(patch)
                .with_context(|| format!("{} {} in {}", patch.apply_to, patch.operation, patch.context))?;
        }
        routes::insert(self, &patches)
    }

    fn is_for(&self, object: &Value) -> bool {
        let selector = object["spec"]["workloadSelector"]["labels"].as_object();
        let namespace = &object["metadata"]["namespace"];
        object["kind"] == "EnvoyFilter"
            && (*namespace == self.namespace.as_str() || *namespace == ROOT_NAMESPACE)
            && selector.into_iter().flatten().all(|(key, value)| {
                self.labels.get(key).map(String::as_str) == value.as_str() && value.is_string()
            })
    }

    fn apply_one(&mut self, patch: &Patch<'_>) -> Result<()> {
        let named = |list: &[Value]| list.iter().any(|other| other["name"] == patch.value["name"]);
        match (patch.apply_to, patch.operation) {
            ("CLUSTER", "ADD") => {
                if self.in_context(patch, "OUTBOUND") {
                    ensure!(!named(&self.clusters), "{} stands twice", patch.value["name"]);
                    self.clusters.push(patch.value.clone());
                }
            }
            ("CLUSTER", "MERGE") => clusters::merge_options(self, patch)?,
            // The context says nothing here.
            ("EXTENSION_CONFIG", "ADD") => {
                ensure!(!named(&self.extension_configs), "{} stands twice", patch.value["name"]);
                self.extension_configs.push(patch.value.clone());
            }
            ("HTTP_FILTER", "INSERT_BEFORE") => listeners::insert_filter(self, patch)?,
            ("NETWORK_FILTER", "MERGE") => listeners::merge_filter(self, patch)?,
            ("HTTP_ROUTE", "MERGE") => routes::merge(self, patch)?,
            ("ROUTE_CONFIGURATION", "MERGE") => routes::merge_configurations(self, patch)?,
            ("HTTP_ROUTE", "INSERT_FIRST" | "INSERT_BEFORE") => {}
            _ => bail!("is not known"),
        }
        Ok(())
    }

    /// Whether a patch is for what goes in a direction through this proxy.
    fn in_context(&self, patch: &Patch<'_>, direction: &str) -> bool {
        match patch.context {
            "ANY" => true,
            "GATEWAY" => self.is_gateway,
            "SIDECAR_INBOUND" => !self.is_gateway && direction == "INBOUND",
            "SIDECAR_OUTBOUND" => !self.is_gateway && direction == "OUTBOUND",
            _ => false,
        }
    }
}

impl<'a> Patch<'a> {
    fn read(json: &'a Value) -> Result<Self> {
        let text = |pointer: &str| {
            json.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {json}"))
        };
        Ok(Self {
            apply_to: text("/applyTo")?,
            context: text("/match/context")?,
            r#match: &json["match"],
            operation: text("/patch/operation")?,
            value: &json["patch"]["value"],
        })
    }
}
