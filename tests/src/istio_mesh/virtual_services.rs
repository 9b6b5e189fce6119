//! What istiod makes of VirtualServices: the routes of a virtual host.
//!
//! Checked against the recording: a route with a name, rewrite, timeout and retries, one with weights, one
//! without a name. Redirects, answers, mirrors and matches on headers are written as Istio's source has them
//! (`pilot/pkg/networking/core/route/route.go`); everything else is refused. `decorator`, which names spans of
//! traces, is left out.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::recorded::{NAMESPACE, PORT, host};
use super::subsets::known;

/// What Istio retries where the user says nothing.
const RETRY_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// The routes of a VirtualService, in order.
///
/// # Errors
/// What it says is not known here.
pub(super) fn routes(name: &str, spec: &Value) -> Result<Vec<Value>> {
    known(spec, &["hosts", "gateways", "http"])?;
    let mut routes = Vec::new();
    for http in spec["http"].as_array().context("no http routes")? {
        let matches = http["match"].as_array().cloned().unwrap_or_else(|| vec![json!({})]);
        for one in &matches {
            routes.push(route(name, http, one).with_context(|| format!("VirtualService {name}: {http}"))?);
        }
    }
    Ok(routes)
}

fn route(service: &str, http: &Value, one: &Value) -> Result<Value> {
    let fields =
        ["name", "match", "route", "redirect", "directResponse", "mirror", "rewrite", "timeout", "retries"];
    known(http, &fields)?;
    let config = format!("/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtual-service/{service}");
    let mut route = json!({
        "match": matched(one)?,
        "metadata": { "filter_metadata": { "istio": { "config": config } } },
    });
    let named = [&http["name"], &one["name"]].into_iter().filter_map(Value::as_str).collect::<Vec<_>>();
    if !named.is_empty() {
        route["name"] = json!(named.join("."));
    }
    if http["redirect"].is_object() {
        known(&http["redirect"], &["uri"])?;
        route["redirect"] = json!({ "path_redirect": http["redirect"]["uri"] });
    } else if http["directResponse"].is_object() {
        known(&http["directResponse"], &["status"])?;
        route["direct_response"] = json!({ "status": http["directResponse"]["status"] });
    } else {
        route["route"] = action(http)?;
    }
    Ok(route)
}

fn matched(one: &Value) -> Result<Value> {
    known(one, &["name", "uri", "headers"])?;
    let mut matched = match one["uri"].as_object().and_then(|uri| uri.iter().next()) {
        None => json!({ "prefix": "/" }),
        Some((kind, text)) if kind == "prefix" => json!({ "prefix": text, "case_sensitive": true }),
        Some((kind, text)) if kind == "exact" => json!({ "path": text, "case_sensitive": true }),
        Some((kind, _)) => bail!("uri.{kind} is not known"),
    };
    for (name, value) in one["headers"].as_object().into_iter().flatten() {
        known(value, &["exact"])?;
        let header = json!([{ "name": name, "string_match": { "exact": value["exact"] } }]);
        ensure!(matched["headers"].is_null(), "several headers are not known");
        matched["headers"] = header;
    }
    Ok(matched)
}

fn action(http: &Value) -> Result<Value> {
    let timeout = http["timeout"].as_str().unwrap_or("0s");
    let mut action = json!({ "timeout": timeout, "max_grpc_timeout": timeout, "retry_policy": retries(&http["retries"])? });
    match http["route"].as_array().map(Vec::as_slice).unwrap_or_default() {
        [] => bail!("a route leads nowhere"),
        [one] => action["cluster"] = json!(cluster(&one["destination"])?),
        several => {
            let clusters: Result<Vec<_>> = several
                .iter()
                .map(|one| Ok(json!({ "name": cluster(&one["destination"])?, "weight": one["weight"] })))
                .collect();
            action["weighted_clusters"] = json!({ "clusters": clusters? });
        }
    }
    if http["mirror"].is_object() {
        let fraction = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
        action["request_mirror_policies"] =
            json!([{ "cluster": cluster(&http["mirror"])?, "runtime_fraction": fraction }]);
    }
    if http["rewrite"].is_object() {
        known(&http["rewrite"], &["uri"])?;
        action["prefix_rewrite"] = http["rewrite"]["uri"].clone();
    }
    Ok(action)
}

fn retries(retries: &Value) -> Result<Value> {
    known(retries, &["attempts", "perTryTimeout", "retryOn"])?;
    let predicate =
        "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
    let mut policy = json!({
        "host_selection_retry_max_attempts": "5",
        "num_retries": retries["attempts"].as_u64().unwrap_or(2),
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts", "typed_config": { "@type": predicate },
        }],
        "retry_on": retries["retryOn"].as_str().unwrap_or(RETRY_ON),
    });
    if retries["perTryTimeout"].is_string() {
        policy["per_try_timeout"] = retries["perTryTimeout"].clone();
    }
    Ok(policy)
}

fn cluster(destination: &Value) -> Result<String> {
    known(destination, &["host", "subset"])?;
    let named = destination["host"].as_str().context("a destination has no host")?;
    let host = if named.contains('.') { named.to_owned() } else { host(named) };
    Ok(format!("outbound|{PORT}|{}|{host}", destination["subset"].as_str().unwrap_or_default()))
}
