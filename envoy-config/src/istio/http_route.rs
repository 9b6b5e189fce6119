//! HTTPRoutes of the Gateway API, as the VirtualServices that istiod makes of them: one for each parent and host.
//!
//! Read in istiod's source and not run: its routes are called by the name of the rule or, without one,
//! `NAMESPACE.ROUTE.INDEX`, so that each can be found; releases that do not know names of rules use the second form
//! throughout, hence both are looked for. A parent that is a Service makes a route for sidecars, which holds in all
//! namespaces where the Service is in that of the route, and in the route's own otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::finding::{Finding, Reason};
use super::input::{HttpRoute, Input, Listener};
use super::rules::covers;
use super::virtual_service::{Kind, Routing};

/// The `spec` of an HTTPRoute.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    parent_refs: Vec<Parent>,
    hostnames: Vec<String>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parent {
    kind: Option<String>,
    namespace: Option<String>,
    name: String,
    section_name: Option<String>,
    port: Option<u16>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    name: Option<String>,
    matches: Vec<Value>,
    filters: Vec<Value>,
    backend_refs: Vec<Backend>,
    /// Everything else that the rule says.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Backend {
    kind: Option<String>,
    namespace: Option<String>,
    name: String,
    port: Option<u16>,
    weight: Option<u32>,
    filters: Vec<Value>,
}

/// The VirtualServices of a route.
pub(super) fn routings<'a>(
    route: &'a HttpRoute,
    input: &Input,
    findings: &mut Vec<Finding>,
) -> Vec<Routing<'a>> {
    let id = (&route.namespace, route.name.as_str());
    let read = |spec: Value, ports| Routing::parse(Kind::HttpRoute, id, spec, ports, input);
    let spec = match serde_json::from_value::<Spec>(route.spec.clone()) {
        Ok(spec) => spec,
        Err(error) => {
            findings.extend(unsupported(route, &Spec::default(), input, &error.to_string()));
            return Vec::new();
        }
    };
    let mut routings = Vec::new();
    for parent in &spec.parent_refs {
        let made = match parent.kind.as_deref() {
            Some("Service") => of_service(route, &spec, parent, input),
            None | Some("Gateway") => of_gateway(route, &spec, parent, input),
            Some(_) => continue,
        };
        match made {
            Ok(made) => routings.extend(made.into_iter().filter_map(|(spec, ports)| read(spec, ports).ok())),
            Err(why) => findings.extend(unsupported(route, &spec, input, &why)),
        }
    }
    routings
}

type Made = Vec<(Value, BTreeSet<u16>)>;

fn of_service(route: &HttpRoute, spec: &Spec, parent: &Parent, input: &Input) -> Result<Made, String> {
    let own = route.namespace.as_str();
    let namespace = parent.namespace.as_deref().unwrap_or(own);
    let host = format!("{}.{namespace}.svc.{}", parent.name, input.cluster_domain);
    let ports =
        || input.services.iter().filter(|service| service.host == host).flat_map(|service| &service.ports);
    if let Some(port) = parent.port
        && ports().any(|other| other.number != port && other.protocol.has_requests())
    {
        return Err(format!("it is for port {port} of {host} alone, which has others; leave the port out"));
    }
    let export_to = if namespace == own { Vec::new() } else { vec!["."] };
    let spec = json!({
        "hosts": [host], "gateways": ["mesh"], "exportTo": export_to, "http": routes(route, spec, input),
    });
    Ok(vec![(spec, BTreeSet::new())])
}

fn of_gateway(route: &HttpRoute, spec: &Spec, parent: &Parent, input: &Input) -> Result<Made, String> {
    let namespace = parent.namespace.as_deref().unwrap_or(route.namespace.as_str());
    let gateway = format!("{namespace}/{}", parent.name);
    let is_meant = |listener: &&Listener| {
        listener.gateway == gateway
            && parent.section_name.as_ref().is_none_or(|name| listener.name == *name)
            && parent.port.is_none_or(|port| listener.port == port)
    };
    let all = ["*".to_owned()];
    let hostnames = if spec.hostnames.is_empty() { &all } else { spec.hostnames.as_slice() };
    let mut ports: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
    for listener in route.listeners.iter().filter(is_meant) {
        for hostname in hostnames {
            let allowed = listener.hostname.as_deref().unwrap_or("*");
            if covers(allowed, hostname) {
                ports.entry(hostname.as_str()).or_default().insert(listener.port);
            } else if covers(hostname, allowed) {
                let name = &listener.name;
                return Err(format!(
                    "{hostname} is more than listener {name} of Gateway {gateway} takes, {allowed}; write {allowed} \
                     into its hostnames"
                ));
            }
        }
    }
    let http = routes(route, spec, input);
    let made = |(host, ports): (&str, BTreeSet<u16>)| {
        (json!({ "hosts": [host], "gateways": [gateway], "http": http }), ports)
    };
    Ok(ports.into_iter().map(made).collect())
}

/// The routes of all rules, each under every name that it may have.
fn routes(route: &HttpRoute, spec: &Spec, input: &Input) -> Vec<Value> {
    let named = |(index, rule): (usize, &Rule)| {
        let own = format!("{}.{}.{index}", route.namespace, route.name);
        let names = std::iter::once(own).chain(rule.name.clone());
        names.map(|name| of_rule(&name, route, rule, input)).collect::<Vec<_>>()
    };
    spec.rules.iter().enumerate().flat_map(named).collect()
}

fn of_rule(name: &str, route: &HttpRoute, rule: &Rule, input: &Input) -> Value {
    let mut http = Map::new();
    http.insert("name".to_owned(), json!(name));
    let is_redirect = |filter: &Value| filter.get("type").and_then(Value::as_str) == Some("RequestRedirect");
    let backends: Vec<&Backend> =
        rule.backend_refs.iter().filter(|backend| backend.weight != Some(0)).collect();
    if rule.filters.iter().any(is_redirect) {
        http.insert("redirect".to_owned(), json!({}));
    } else if backends.is_empty() {
        http.insert("directResponse".to_owned(), json!({ "status": 500 }));
    }
    let destinations: Vec<Value> =
        backends.iter().map(|backend| destination(route, backend, input)).collect();
    http.insert("route".to_owned(), json!(destinations));
    // What is not repeated in words of a VirtualService can be changed where it is, and not copied.
    if !rule.matches.iter().all(is_everything) {
        http.insert("match".to_owned(), json!([{ "httpRoute": {} }]));
    }
    if !rule.filters.is_empty() {
        http.insert("filters".to_owned(), json!(rule.filters));
    }
    http.extend(rule.rest.clone());
    Value::Object(http)
}

fn destination(route: &HttpRoute, backend: &Backend, input: &Input) -> Value {
    let namespace = backend.namespace.as_deref().unwrap_or(route.namespace.as_str());
    let host = match backend.kind.as_deref() {
        None | Some("Service") => format!("{}.{namespace}.svc.{}", backend.name, input.cluster_domain),
        Some("Hostname") => backend.name.clone(),
        Some(kind) => format!("{}.{namespace}.{kind}", backend.name),
    };
    let mut destination = json!({ "host": host });
    if let (Some(port), Some(fields)) = (backend.port, destination.as_object_mut()) {
        fields.insert("port".to_owned(), json!({ "number": port }));
    }
    let headers = (!backend.filters.is_empty()).then_some(json!({}));
    json!({ "destination": destination, "headers": headers })
}

/// The match that the API server puts where there is none.
fn is_everything(one: &Value) -> bool {
    *one == json!({ "path": { "type": "PathPrefix", "value": "/" } })
}

/// A finding for each service of the group that the route is about.
fn unsupported(route: &HttpRoute, spec: &Spec, input: &Input, why: &str) -> Vec<Finding> {
    let named = |name: &str, namespace: Option<&str>| {
        (namespace.unwrap_or(route.namespace.as_str()).to_owned(), name.to_owned())
    };
    let backends = spec.rules.iter().flat_map(|rule| &rule.backend_refs);
    let backends = backends.map(|backend| named(&backend.name, backend.namespace.as_deref()));
    let parents = spec.parent_refs.iter().map(|parent| named(&parent.name, parent.namespace.as_deref()));
    let about: BTreeSet<(String, String)> = backends.chain(parents).collect();
    let is_about = |service: &&super::input::Service| {
        spec.rules.is_empty() || about.contains(&(service.namespace.to_string(), service.name.to_string()))
    };
    let message = format!("HTTPRoute {}/{} is left alone: {why}", route.namespace, route.name);
    let about = input.services.iter().filter(is_about);
    about
        .map(|service| super::mesh::finding(service, None, Reason::RouteUnsupported, message.clone()))
        .collect()
}
