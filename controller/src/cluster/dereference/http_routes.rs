//! The user's HTTPRoutes of the Gateway API around the services of a group.

use std::collections::{BTreeMap, BTreeSet};

use envoy_config::istio::input::{HttpRoute, Listener};
use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use serde_json::Value;

use super::istio_objects::{parts, ports_of, sorted};
use crate::cluster::world::{World, gateway_api};

/// What was found.
pub(super) struct Found {
    pub(super) routes: Vec<HttpRoute>,
    /// The ports of services outside the group that are parents of routes.
    pub(super) other_hosts: BTreeMap<String, BTreeSet<u16>>,
}

/// The routes that have one of `hosts` as a parent or as a backend.
pub(super) fn read(world: &World, domain: &str, hosts: &BTreeSet<&str>) -> Found {
    let mut found = Found { routes: Vec::new(), other_hosts: BTreeMap::new() };
    for object in sorted(&world.http_routes) {
        let Some((namespace, spec)) = parts(&object) else { continue };
        let services = services(&spec, &namespace, domain);
        if services.iter().all(|host| !hosts.contains(host.as_str())) {
            continue;
        }
        let others = services.into_iter().filter(|host| !hosts.contains(host.as_str()));
        found
            .other_hosts
            .extend(others.filter_map(|host| Some((host.clone(), ports_of(world, domain, &host)?))));
        let listeners = parents(&spec).flat_map(|parent| listeners(world, &namespace, parent)).collect();
        let Ok(namespace) = namespace.parse() else { continue };
        found.routes.push(HttpRoute { namespace, name: object.name_any(), spec, listeners });
    }
    found
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn parents(spec: &Value) -> impl Iterator<Item = &Value> {
    list(spec, "parentRefs")
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}

/// The Services that a route names, in full: parents that say so, and backends that say nothing else.
fn services(spec: &Value, namespace: &str, domain: &str) -> BTreeSet<String> {
    let parents = parents(spec).filter(|parent| text(parent, "kind") == Some("Service"));
    let backends = list(spec, "rules").flat_map(|rule| list(rule, "backendRefs"));
    let backends = backends.filter(|backend| text(backend, "kind").is_none_or(|kind| kind == "Service"));
    let host = |reference: &Value| {
        let namespace = text(reference, "namespace").unwrap_or(namespace);
        Some(format!("{}.{namespace}.svc.{domain}", text(reference, "name")?))
    };
    parents.chain(backends).filter_map(host).collect()
}

/// The listeners of a parent that is a Gateway.
fn listeners(world: &World, namespace: &str, parent: &Value) -> Vec<Listener> {
    let namespace = text(parent, "namespace").unwrap_or(namespace);
    let Some(name) =
        text(parent, "name").filter(|_| text(parent, "kind").is_none_or(|kind| kind == "Gateway"))
    else {
        return Vec::new();
    };
    let key = ObjectRef::new_with(name, gateway_api("Gateway")).within(namespace);
    let Some(gateway) = world.api_gateways.get(&key) else { return Vec::new() };
    let listener = |listener: &Value| {
        Some(Listener {
            gateway: format!("{namespace}/{name}"),
            name: text(listener, "name")?.to_owned(),
            port: listener.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok())?,
            hostname: text(listener, "hostname").map(str::to_owned),
        })
    };
    gateway
        .data
        .get("spec")
        .into_iter()
        .flat_map(|spec| list(spec, "listeners"))
        .filter_map(listener)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parents_and_backends_that_are_services_are_found() {
        let spec = json!({
            "parentRefs": [{ "group": "", "kind": "Service", "name": "b" }, { "name": "gateway" }],
            "rules": [{ "backendRefs": [{ "name": "a", "namespace": "stock" }, { "kind": "Other", "name": "c" }] }],
        });
        let found = services(&spec, "demo", "cluster.local");
        assert_eq!(
            found.iter().map(String::as_str).collect::<Vec<_>>(),
            ["a.stock.svc.cluster.local", "b.demo.svc.cluster.local"]
        );
    }
}
