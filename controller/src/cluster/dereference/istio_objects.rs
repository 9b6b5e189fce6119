//! The user's VirtualServices and DestinationRules around the services of a group.

use std::collections::{BTreeMap, BTreeSet};

use envoy_config::istio::input::{Caller, DestinationRule, HttpRoute, Service, VirtualService};
use envoy_config::istio::{Protocol, names};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use serde_json::Value;

use super::{Settings, http_routes};
use crate::cluster::world::{World, istio};

/// What was found.
pub(super) struct UserObjects {
    pub(super) virtual_services: Vec<VirtualService>,
    pub(super) http_routes: Vec<HttpRoute>,
    pub(super) destination_rules: Vec<DestinationRule>,
    pub(super) other_hosts: BTreeMap<String, BTreeSet<u16>>,
}

pub(super) fn read(
    world: &World,
    settings: &Settings,
    services: &[Service],
    callers: &[Caller],
) -> UserObjects {
    let hosts: BTreeSet<&str> = services.iter().map(|service| service.host.as_str()).collect();
    let domain = &settings.cluster_domain;
    let mut virtual_services = Vec::new();
    let mut other_hosts = BTreeMap::new();
    for object in sorted(&world.virtual_services) {
        let Some((namespace, spec)) = parts(&object) else { continue };
        let named = mentioned(&spec, &namespace, domain);
        if named.iter().all(|host| !hosts.contains(host.as_str())) {
            continue;
        }
        let others = named.into_iter().filter(|host| !hosts.contains(host.as_str()));
        other_hosts.extend(others.filter_map(|host| Some((host.clone(), ports_of(world, domain, &host)?))));
        let gateway_ports = gateway_ports(world, &namespace, &spec);
        let Ok(namespace) = namespace.parse() else { continue };
        virtual_services.push(VirtualService { namespace, name: object.name_any(), spec, gateway_ports });
    }
    let routes = http_routes::read(world, domain, &hosts);
    other_hosts.extend(routes.other_hosts);
    let mut namespaces: BTreeSet<&str> = callers.iter().map(|caller| caller.namespace.as_str()).collect();
    namespaces.extend(services.iter().map(|service| service.namespace.as_str()));
    namespaces.insert(settings.root_namespace.as_str());
    let destination_rules = sorted(&world.destination_rules).into_iter().filter_map(|object| {
        let (namespace, spec) =
            parts(&object).filter(|(namespace, _)| namespaces.contains(namespace.as_str()))?;
        Some(DestinationRule { namespace: namespace.parse().ok()?, name: object.name_any(), spec })
    });
    let destination_rules = destination_rules.collect();
    UserObjects { virtual_services, http_routes: routes.routes, destination_rules, other_hosts }
}

/// The objects of others, in an order that does not change.
pub(super) fn sorted(
    store: &kube::runtime::reflector::Store<DynamicObject>,
) -> Vec<std::sync::Arc<DynamicObject>> {
    let mut objects = store.state();
    objects.retain(|object| !is_ours(object));
    objects.sort_by_key(|object| (object.namespace(), object.name_any()));
    objects
}

/// Whether an object is of our making.
pub(crate) fn is_ours(object: &DynamicObject) -> bool {
    object.labels().get(names::MANAGED_BY_LABEL).is_some_and(|manager| manager == names::MANAGER)
}

pub(super) fn parts(object: &DynamicObject) -> Option<(String, Value)> {
    Some((object.namespace()?, object.data.get("spec")?.clone()))
}

/// The hosts and destinations that a VirtualService names, in full.
fn mentioned(spec: &Value, namespace: &str, domain: &str) -> BTreeSet<String> {
    let hosts = spec.get("hosts").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut found: BTreeSet<String> = hosts.map(|host| full_name(host, namespace, domain)).collect();
    let mut rest = vec![spec];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(host) =
                    fields.get("destination").and_then(|to| to.get("host")).and_then(Value::as_str)
                {
                    found.insert(full_name(host, namespace, domain));
                }
                rest.extend(fields.values());
            }
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    found
}

/// A host as istiod completes it: a name without a dot lies in the namespace of the object that names it.
fn full_name(host: &str, namespace: &str, domain: &str) -> String {
    if host.contains('.') || host == "*" {
        host.to_owned()
    } else {
        format!("{host}.{namespace}.svc.{domain}")
    }
}

/// The HTTP ports of the Service behind a host; `None` where there is none.
pub(super) fn ports_of(world: &World, domain: &str, host: &str) -> Option<BTreeSet<u16>> {
    let (name, rest) = host.split_once('.')?;
    let namespace = rest.strip_suffix(domain)?.strip_suffix(".svc.")?;
    let service = world.services.get(&ObjectRef::new(name).within(namespace))?;
    let ports = super::ports(&service).into_iter();
    Some(ports.filter(|port| !matches!(port.protocol, Protocol::Other(_))).map(|port| port.number).collect())
}

/// The server ports of the Gateways that a VirtualService is bound to.
fn gateway_ports(world: &World, namespace: &str, spec: &Value) -> BTreeSet<u16> {
    let bound =
        spec.get("gateways").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let gateways = bound.filter(|name| *name != "mesh").filter_map(|name| {
        let (namespace, name) = name.split_once('/').unwrap_or((namespace, name));
        world.gateways.get(&ObjectRef::new_with(name, istio("Gateway")).within(namespace))
    });
    gateways
        .flat_map(|gateway| {
            let servers = gateway.data.pointer("/spec/servers").and_then(Value::as_array).cloned();
            servers.into_iter().flatten().filter_map(|server| {
                server
                    .pointer("/port/number")
                    .and_then(Value::as_u64)
                    .and_then(|port| u16::try_from(port).ok())
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hosts_and_destinations_are_found_wherever_they_stand() {
        let spec = json!({
            "hosts": ["shop.example.com", "a"],
            "http": [{"mirror": {"host": "no"}, "route": [{"destination": {"host": "b"}}]},
                     {"route": [{"destination": {"host": "c.other.svc.cluster.local"}}]}],
        });
        let found = mentioned(&spec, "demo", "cluster.local");
        let expected = [
            "a.demo.svc.cluster.local",
            "b.demo.svc.cluster.local",
            "c.other.svc.cluster.local",
            "shop.example.com",
        ];
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}
