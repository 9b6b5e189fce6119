//! Routes with the lane header in their match, inserted before the user's, for proxies that lack the matcher.
//!
//! The user's own route gets the baseline's cluster by a merge, which keeps all else that it says. For each lane
//! a copy of it stands directly before it. A copy has to be written out: what Istio makes of matches on path,
//! method and headers, of rewrites of the path, of timeouts and retries is known here; a route that says more
//! is reported, and its requests go to the baseline.

use serde_json::{Map, Value, json};

use super::{LaneRoute, RouteEmitter};
use crate::envoy::route::{ClusterSpecifier, RouteActionPatch, RouteHeaders, RoutePatch};
use crate::istio::envoy_filter::ConfigPatch;
use crate::istio::finding::{Finding, Reason};
use crate::istio::hosts::Found;
use crate::istio::policy::protobuf_duration;
use crate::istio::virtual_service::{Fate, HttpRoute};
use crate::routing::{other_hosts, other_priorities};

/// What Istio retries where the user says nothing.
const DEFAULT_RETRY_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// The condition that the statuses belong to.
const BY_STATUS: &str = "retriable-status-codes";

/// For proxies before Istio 1.30.
pub(super) struct HeaderRoutes;

impl RouteEmitter for HeaderRoutes {
    fn patches(&self, route: &LaneRoute<'_>, findings: &mut Vec<Finding>) -> Vec<ConfigPatch> {
        let fields = RoutePatch {
            route: RouteActionPatch {
                cluster_specifier: ClusterSpecifier::Cluster(route.baseline.clone()),
                retry_policy: None,
            },
            metadata: route.metadata(),
            // Its requests go to the baseline, behind which nothing stands.
            headers: RouteHeaders::default(),
        };
        let (host, name) = (&route.host.name, &route.change.name);
        let mut patches = vec![ConfigPatch::merge_route(route.context, host.clone(), name.clone(), fields)];
        let answers = route.host.routes.iter().find(|found| matches!(found.fate, Fate::Answers(_)));
        if let (None, Some(found)) = (name, answers) {
            let why = "routes without a name follow it, before which nothing can be inserted; name them";
            route.host.report(route.mesh, found, Reason::RouteUnnamed, why, findings);
            return patches;
        }
        if let (Some(name), [_, second, ..]) = (name, route.change.routes.as_slice()) {
            let why =
                format!("another route of its host is called {name} too; lanes could not stand before each");
            route.host.report(route.mesh, second, Reason::RouteNameShared, &why, findings);
            return patches;
        }
        let mut inserted: Vec<Value> = Vec::new();
        for found in &route.change.routes {
            match copies(route, found) {
                Ok(copies) => inserted.extend(copies),
                Err(what) => {
                    let why = format!("it cannot be copied with the lane header, since it has {what}");
                    route.host.report(route.mesh, found, Reason::RouteNotCopyable, &why, findings);
                    return patches;
                }
            }
        }
        if name.is_none() {
            // Each is inserted before all that stand there already.
            inserted.reverse();
        }
        let insert = |copy| ConfigPatch::insert_route(route.context, host.clone(), name.clone(), copy);
        patches.extend(inserted.into_iter().map(insert));
        patches
    }
}

/// The copies of a route for all lanes, or what it has that cannot be copied.
fn copies(route: &LaneRoute<'_>, found: &Found<'_>) -> Result<Vec<Value>, String> {
    let (matches, mut action) = match found.source {
        None => (vec![json!({ "prefix": "/" })], default_action()),
        Some((_, http)) => (matches(http, route.change.name.as_ref())?, action(http)?),
    };
    let retries = json!({ "retry_priority": other_priorities() });
    merge(&mut action, &json!({ "retry_policy": retries }));
    if let Some(policy) = route.hash_policy() {
        merge(&mut action, &json!({ "hash_policy": [policy] }));
        // istiod has a request that is hashed tried again where the hash says.
        if let Some(retries) = action.get_mut("retry_policy").and_then(Value::as_object_mut) {
            retries.remove("retry_host_predicate");
        }
    }
    let header = route.mesh.input.group.spec.lane_header.as_str();
    let mut copies = Vec::new();
    for matched in &matches {
        for (lane, cluster) in &route.lanes {
            let mut matched = matched.clone();
            let by_lane = json!({ "name": header, "string_match": { "exact": lane.as_str() } });
            push(&mut matched, "headers", by_lane);
            let mut action = action.clone();
            merge(&mut action, &json!({ "cluster": cluster }));
            let name = route.change.name.as_deref().unwrap_or("route");
            let mut copy =
                json!({ "name": format!("graylane.{lane}.{name}"), "match": matched, "route": action });
            merge(&mut copy, &json!(route.headers()));
            if let Some(metadata) = route.metadata() {
                merge(&mut copy, &json!({ "metadata": metadata }));
            }
            copies.push(copy);
        }
    }
    Ok(copies)
}

/// What Istio makes of a route without words of the user.
fn default_action() -> Value {
    json!({ "timeout": "0s", "retry_policy": retry_policy(2, DEFAULT_RETRY_ON), "max_grpc_timeout": "0s" })
}

fn retry_policy(attempts: u64, retry_on: &str) -> Value {
    json!({
        "num_retries": attempts,
        "retry_on": retry_on,
        "host_selection_retry_max_attempts": 5,
        "retry_host_predicate": [other_hosts()],
    })
}

/// With conditions of the user, of which numbers are statuses.
fn retry_policy_on(attempts: u64, retry_on: &str) -> Value {
    let parts = retry_on.split(',').map(str::trim).filter(|part| !part.is_empty());
    let (statuses, mut conditions): (Vec<_>, Vec<_>) = parts.partition(|part| part.parse::<u16>().is_ok());
    let statuses: Vec<u16> = statuses.iter().filter_map(|status| status.parse().ok()).collect();
    if statuses.is_empty() {
        return retry_policy(attempts, &conditions.join(","));
    }
    if !conditions.contains(&BY_STATUS) {
        conditions.push(BY_STATUS);
    }
    let mut policy = retry_policy(attempts, &conditions.join(","));
    merge(&mut policy, &json!({ "retriable_status_codes": statuses }));
    policy
}

/// The action of a copy.
fn action(http: &HttpRoute) -> Result<Value, String> {
    let mut action = default_action();
    if http.changes_headers() {
        return Err("headers".to_owned());
    }
    for (key, value) in &http.rest {
        match key.as_str() {
            "timeout" => {
                let timeout = value.as_str().and_then(protobuf_duration).ok_or_else(|| key.clone())?;
                merge(&mut action, &json!({ "timeout": timeout, "max_grpc_timeout": timeout }));
            }
            "rewrite" => {
                let path = only(value, "uri").ok_or_else(|| key.clone())?;
                merge(&mut action, &json!({ "prefix_rewrite": path }));
            }
            "retries" => merge(&mut action, &json!({ "retry_policy": retries(value)? })),
            _ => return Err(key.clone()),
        }
    }
    Ok(action)
}

/// `ConvertPolicy` in `pilot/pkg/networking/core/route/retry/retry.go`.
fn retries(value: &Value) -> Result<Value, String> {
    let fields = value.as_object().ok_or("retries")?;
    let known = ["attempts", "perTryTimeout", "retryOn"];
    if let Some(other) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("retries.{other}"));
    }
    let attempts = fields.get("attempts").and_then(Value::as_u64).unwrap_or(0);
    if attempts == 0 {
        return Ok(Value::Null);
    }
    let mut policy = match fields.get("retryOn").and_then(Value::as_str) {
        None | Some("") => retry_policy(attempts, DEFAULT_RETRY_ON),
        Some(retry_on) => retry_policy_on(attempts, retry_on),
    };
    if let Some(timeout) = fields.get("perTryTimeout").and_then(Value::as_str) {
        let timeout = protobuf_duration(timeout).ok_or("retries.perTryTimeout")?;
        merge(&mut policy, &json!({ "per_try_timeout": timeout }));
    }
    Ok(policy)
}

/// The matches of a route that istiod gives the name of the change.
fn matches(http: &HttpRoute, name: Option<&String>) -> Result<Vec<Value>, String> {
    if http.matches.is_empty() {
        return Ok(vec![json!({ "prefix": "/" })]);
    }
    let names = http.names().unwrap_or_default();
    let of_change = |index: usize| name.is_none_or(|name| names.get(index) == Some(name));
    let matches = http.matches.iter().enumerate().filter(|(index, _)| of_change(*index));
    matches.map(|(_, fields)| one_match(fields)).collect()
}

fn one_match(fields: &Map<String, Value>) -> Result<Value, String> {
    let mut matched = json!({});
    let case_sensitive = !fields.get("ignoreUriCase").and_then(Value::as_bool).unwrap_or(false);
    for (key, value) in fields {
        match key.as_str() {
            "name" | "ignoreUriCase" => {}
            "uri" => {
                let path = if let Some(path) = only(value, "exact") {
                    json!({ "path": path })
                } else if let Some(prefix) = only(value, "prefix") {
                    json!({ "prefix": prefix })
                } else {
                    let regex = only(value, "regex").ok_or_else(|| key.clone())?;
                    json!({ "safe_regex": { "regex": regex } })
                };
                merge(&mut matched, &path);
                merge(&mut matched, &json!({ "case_sensitive": case_sensitive }));
            }
            "method" => push(&mut matched, "headers", header(":method", value).ok_or("method")?),
            "authority" => push(&mut matched, "headers", header(":authority", value).ok_or("authority")?),
            "headers" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    push(&mut matched, "headers", header(name, value).ok_or_else(|| key.clone())?);
                }
            }
            _ => return Err(format!("match.{key}")),
        }
    }
    if !fields.contains_key("uri") {
        merge(&mut matched, &json!({ "prefix": "/" }));
    }
    Ok(matched)
}

/// The matcher of a header; an empty one of Istio's holds when the header is there.
fn header(name: &str, value: &Value) -> Option<Value> {
    let fields = value.as_object()?;
    if fields.is_empty() {
        return Some(json!({ "name": name, "present_match": true }));
    }
    let string_match = if let Some(exact) = only(value, "exact") {
        json!({ "exact": exact })
    } else if let Some(prefix) = only(value, "prefix") {
        json!({ "prefix": prefix })
    } else {
        json!({ "safe_regex": { "regex": only(value, "regex")? } })
    };
    Some(json!({ "name": name, "string_match": string_match }))
}

/// The text of the only field of an object.
fn only<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    let fields = value.as_object()?;
    (fields.len() == 1).then(|| fields.get(key)?.as_str()).flatten()
}

/// Sets fields of an object, and those of objects inside.
fn merge(into: &mut Value, fields: &Value) {
    let (Some(into), Some(fields)) = (into.as_object_mut(), fields.as_object()) else { return };
    for (key, value) in fields {
        match into.get_mut(key) {
            Some(inner) if inner.is_object() && value.is_object() => merge(inner, value),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Appends to a list of an object.
fn push(into: &mut Value, key: &str, value: Value) {
    let Some(into) = into.as_object_mut() else { return };
    let list = into.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    if let Some(list) = list.as_array_mut() {
        list.push(value);
    }
}

#[cfg(test)]
mod tests;
