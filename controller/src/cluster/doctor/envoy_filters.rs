//! EnvoyFilters of others that touch what is ours: names, filters, routes, clusters, headers.

use std::collections::BTreeSet;

use envoy_config::istio::input::Labels;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, has_labels, proxy};
use super::snapshot::Kind;

/// How the names of our filters and resources begin.
const OURS: &str = "graylane.";
/// How the names of our aggregates begin.
const AGGREGATE: &str = "graylane|";
/// How the names of our subsets begin.
const SUBSET: &str = "graylane-";
/// The filter that has to be the last.
const ROUTER: &str = "envoy.filters.http.router";
/// Fields of a route by which its cluster is chosen.
const CHOICES: [&str; 6] = [
    "cluster",
    "cluster_header",
    "cluster_specifier_plugin",
    "inline_cluster_specifier_plugin",
    "weighted_clusters",
    "clusterSpecifierPlugin",
];
/// Fields of a cluster on which a lane's way back to the baseline rests.
const FALLBACK: [&str; 6] =
    ["cluster_type", "lb_policy", "outlier_detection", "common_lb_config", "eds_cluster_config", "type"];

/// From how many bytes on a patch is not repeated in a command.
const LONG: usize = 500;

/// How bad a patch is.
enum Harm {
    Fail(String),
    Warn(String),
}

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let hosts: BTreeSet<String> = scene
        .input()
        .into_iter()
        .flat_map(|input| &input.services)
        .map(|service| service.host.clone())
        .collect();
    let lane_header = scene.snapshot.group.spec.0.lane_header.to_string();
    let mut symptoms = Vec::new();
    for filter in scene.foreign(Kind::EnvoyFilter).filter(|filter| reaches(scene, filter)) {
        let patches = filter.data.pointer("/spec/configPatches").and_then(Value::as_array);
        for (index, patch) in patches.into_iter().flatten().enumerate() {
            let harm = harm(patch, &hosts).or_else(|| names_header(patch, &lane_header));
            symptoms.extend(harm.map(|harm| symptom(filter, index, patch, harm)));
        }
    }
    symptoms
}

fn symptom(filter: &DynamicObject, index: usize, patch: &Value, harm: Harm) -> Symptom {
    let (namespace, name) = (filter.namespace().unwrap_or_default(), filter.name_any());
    let path = format!("/spec/configPatches/{index}");
    // A long patch would make a command that nobody can read.
    let remedy = if patch.to_string().len() > LONG {
        remedy::edit("envoyfilter", &namespace, &name)
    } else {
        remedy::remove_item("envoyfilter", &namespace, &name, &path, patch)
    };
    let object = ObjectName::of("envoyfilter", filter);
    match harm {
        Harm::Fail(what) => Symptom::fail(object, format!("patch {index} {what}"), remedy),
        Harm::Warn(what) => Symptom::warn(object, format!("patch {index} {what}"), remedy),
    }
}

/// Whether it patches a proxy of the group or of its callers.
pub(super) fn reaches(scene: &Scene<'_>, object: &DynamicObject) -> bool {
    let namespace = object.namespace().unwrap_or_default();
    let labels = ["/spec/workloadSelector/labels", "/spec/selector/matchLabels"]
        .into_iter()
        .find_map(|path| object.data.pointer(path));
    let labels: Labels =
        labels.and_then(|labels| serde_json::from_value(labels.clone()).ok()).unwrap_or_default();
    let callers = scene.callers();
    let mut pods = scene.pods.iter().filter(|pod| proxy(pod).is_some());
    pods.any(|pod| {
        let own = pod.namespace().unwrap_or_default();
        let is_meant = scene.is_root(Some(&namespace)) || own == namespace;
        is_meant && callers.contains(own.as_str()) && has_labels(pod, &labels)
    })
}

fn harm(patch: &Value, hosts: &BTreeSet<String>) -> Option<Harm> {
    let text = |path: &str| patch.pointer(path).and_then(Value::as_str).unwrap_or_default();
    match text("/applyTo") {
        "EXTENSION_CONFIG" => {
            let name = text("/patch/value/name");
            name.starts_with(OURS).then(|| {
                Harm::Fail(format!(
                    "adds {name}, a name of ours: Envoy rejects all of a proxy's extensions then"
                ))
            })
        }
        "HTTP_FILTER" => http_filter(patch),
        "HTTP_ROUTE" | "VIRTUAL_HOST" | "ROUTE_CONFIGURATION" => route(patch, hosts),
        "CLUSTER" => cluster(patch, hosts),
        _ => None,
    }
}

fn http_filter(patch: &Value) -> Option<Harm> {
    let text = |path: &str| patch.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let matched = text("/match/listener/filterChain/filter/subFilter/name");
    let name = text("/patch/value/name");
    let operation = text("/patch/operation");
    let changes = ["REMOVE", "REPLACE", "MERGE"].contains(&operation);
    if changes && matched.starts_with(OURS) {
        return Some(Harm::Fail(format!("changes our filter {matched}")));
    }
    if ["REMOVE", "REPLACE"].contains(&operation) && matched == ROUTER {
        return Some(Harm::Fail("takes away the router, in front of which our filters stand".to_owned()));
    }
    if name.starts_with(OURS) {
        return Some(Harm::Fail(format!("inserts {name}, a name of ours")));
    }
    let is_behind = operation == "ADD" || (operation == "INSERT_AFTER" && matched == ROUTER);
    is_behind.then(|| {
        Harm::Fail(format!(
            "puts {name} behind the router: Envoy rejects the listener, and every later change of it with our filters"
        ))
    })
}

fn route(patch: &Value, hosts: &BTreeSet<String>) -> Option<Harm> {
    let text = |path: &str| patch.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let vhost = text("/match/routeConfiguration/vhost/name");
    let domain = text("/match/routeConfiguration/vhost/domainName");
    let is_ours = |name: &str| {
        hosts.iter().any(|host| {
            name == host || name.strip_prefix(host.as_str()).is_some_and(|rest| rest.starts_with(':'))
        })
    };
    let is_meant = (vhost.is_empty() && domain.is_empty()) || is_ours(vhost) || is_ours(domain);
    if !is_meant {
        return None;
    }
    let which = if vhost.is_empty() { "every host" } else { vhost };
    let value = patch.pointer("/patch/value").unwrap_or(&Value::Null);
    let operation = text("/patch/operation");
    if holds_key(value, &|key| key == "typed_per_filter_config" || key == "typedPerFilterConfig")
        && holds_key(value, &|key| key.starts_with(OURS))
        && holds_text(value, "type.googleapis.com/envoy.extensions.filters.http.wasm")
    {
        return Some(Harm::Fail("configures our filter by route: Envoy rejects all routes then".to_owned()));
    }
    let chooses = holds_key(value, &|key| CHOICES.contains(&key));
    match operation {
        "REMOVE" => Some(Harm::Fail(format!("removes routes of {which} that lanes are chosen by"))),
        "MERGE" | "REPLACE" if chooses => Some(Harm::Fail(format!(
            "chooses the cluster of routes of {which}, which is how lanes are chosen"
        ))),
        "INSERT_FIRST" | "INSERT_BEFORE" if chooses => Some(Harm::Warn(format!(
            "inserts a route in front of those of {which}: what it matches is in no lane"
        ))),
        _ => None,
    }
}

fn cluster(patch: &Value, hosts: &BTreeSet<String>) -> Option<Harm> {
    let text = |path: &str| patch.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (name, service, subset) =
        (text("/match/cluster/name"), text("/match/cluster/service"), text("/match/cluster/subset"));
    let added = text("/patch/value/name");
    let value = patch.pointer("/patch/value").unwrap_or(&Value::Null);
    let operation = text("/patch/operation");
    if operation == "ADD" {
        return added.starts_with(AGGREGATE).then(|| Harm::Fail(format!("adds {added}, a name of ours")));
    }
    let is_ours = subset.starts_with(SUBSET)
        || name.starts_with(AGGREGATE)
        || name.split('|').nth(2).is_some_and(|subset| subset.starts_with(SUBSET))
        || (subset.is_empty() && hosts.contains(service))
        || (name.is_empty() && service.is_empty() && subset.is_empty());
    match operation {
        _ if !is_ours => None,
        "REMOVE" => Some(Harm::Fail("removes clusters of lanes".to_owned())),
        "MERGE" if holds_key(value, &|key| FALLBACK.contains(&key)) => Some(Harm::Warn(
            "changes clusters of lanes in what their way back to the baseline rests on".to_owned(),
        )),
        _ => None,
    }
}

/// Any other patch with the lane's header in it.
fn names_header(patch: &Value, lane_header: &str) -> Option<Harm> {
    let value = patch.pointer("/patch/value")?;
    holds_text(value, lane_header)
        .then(|| Harm::Warn(format!("names {lane_header}, the header that carries the lane")))
}

/// Whether a key like this is anywhere in a value.
fn holds_key(value: &Value, is_meant: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Object(fields) => {
            fields.iter().any(|(key, value)| is_meant(key) || holds_key(value, is_meant))
        }
        Value::Array(items) => items.iter().any(|item| holds_key(item, is_meant)),
        _ => false,
    }
}

/// Whether a text stands by itself, or at the start of one, anywhere in a value.
fn holds_text(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(|value| holds_text(value, wanted)),
        Value::Array(items) => items.iter().any(|item| holds_text(item, wanted)),
        Value::String(text) => {
            text.eq_ignore_ascii_case(wanted)
                || text.contains(&format!("\"{wanted}\""))
                || (wanted.contains('/') && text.starts_with(wanted))
        }
        _ => false,
    }
}
