//! What istiod makes of DestinationRules: a cluster for each subset.
//!
//! Checked against the recording as far as that goes (a rule with two subsets and no policy). The fields of
//! `outlierDetection` and of `loadBalancer`, and how the policies of a service and a subset are merged, are written as
//! Istio's source has them (`pilot/pkg/networking/core`, `cluster_traffic_policy.go`); everything else is refused.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::recorded::{NAMESPACE, PORT, host};

/// A cluster, and the labels of the pods that are its endpoints.
pub(super) struct Selected {
    /// The message `envoy.config.cluster.v3.Cluster`.
    pub(super) cluster: Value,
    /// The labels.
    pub(super) labels: BTreeMap<String, String>,
}

/// The clusters of the subsets that `rules`, whole objects, make of `service`, whose own cluster is `base`.
///
/// # Errors
/// What a rule says is not known here.
pub(super) fn subset_clusters(base: &Value, service: &str, rules: &[Value]) -> Result<Vec<Selected>> {
    let mut clusters = Vec::new();
    let policy = policy(service, rules);
    for rule in of_service(service, rules) {
        let spec = &rule["spec"];
        ensure!(rule["metadata"]["namespace"] == NAMESPACE, "rules of other namespaces are not known");
        known(spec, &["host", "subsets", "trafficPolicy"])?;
        for subset in spec["subsets"].as_array().into_iter().flatten() {
            clusters.push(of_subset(base, service, &rule["metadata"]["name"], subset, &policy)?);
        }
    }
    Ok(clusters)
}

/// The policy of a whole service: istiod merges rules for one host, and takes the first policy that there is.
pub(super) fn policy(service: &str, rules: &[Value]) -> Map<String, Value> {
    let policy = of_service(service, rules).find_map(|rule| rule["spec"]["trafficPolicy"].as_object());
    policy.cloned().unwrap_or_default()
}

/// The header by which requests for a service are hashed.
pub(super) fn hash_header(policy: &Map<String, Value>) -> Option<&Value> {
    policy.get("loadBalancer")?.get("consistentHash")?.get("httpHeaderName")
}

fn of_service<'r>(service: &'r str, rules: &'r [Value]) -> impl Iterator<Item = &'r Value> {
    rules.iter().filter(move |rule| {
        let named = rule["spec"]["host"].as_str().unwrap_or_default();
        rule["kind"] == "DestinationRule" && (named == service || named == host(service))
    })
}

fn of_subset(
    base: &Value,
    service: &str,
    rule: &Value,
    subset: &Value,
    of_service: &Map<String, Value>,
) -> Result<Selected> {
    known(subset, &["name", "labels", "trafficPolicy"])?;
    let name = subset["name"].as_str().context("a subset has no name")?;
    let rule = rule.as_str().context("a DestinationRule has no name")?;
    let cluster_name = format!("outbound|{PORT}|{name}|{}", host(service));
    let mut cluster = base.clone();
    cluster["name"] = json!(cluster_name);
    cluster["alt_stat_name"] = json!(format!("{cluster_name};"));
    cluster["eds_cluster_config"]["service_name"] = json!(cluster_name);
    let istio = &mut cluster["metadata"]["filter_metadata"]["istio"];
    istio["subset"] = json!(name);
    let path = format!("/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/destination-rule/{rule}");
    istio["config"] = json!(path);
    let mut policy = of_service.clone();
    policy.extend(subset["trafficPolicy"].as_object().cloned().unwrap_or_default());
    apply_policy(&mut cluster, &policy).with_context(|| format!("subset {name} of {service}"))?;
    let labels = serde_json::from_value(subset["labels"].clone())?;
    Ok(Selected { cluster, labels })
}

pub(super) fn apply_policy(cluster: &mut Value, policy: &Map<String, Value>) -> Result<()> {
    for (key, value) in policy {
        match key.as_str() {
            "outlierDetection" => detect_outliers(cluster, value)?,
            "loadBalancer" => balance(cluster, value)?,
            _ => bail!("trafficPolicy.{key} is not known"),
        }
    }
    Ok(())
}

/// `applyOutlierDetection`.
fn detect_outliers(cluster: &mut Value, detection: &Value) -> Result<()> {
    let mut out = json!({ "enforcing_success_rate": 0 });
    for (key, value) in detection.as_object().into_iter().flatten() {
        let enforcing = json!(if value.as_u64() == Some(0) { 0 } else { 100 });
        match key.as_str() {
            "consecutive5xxErrors" => {
                out["consecutive_5xx"] = value.clone();
                out["enforcing_consecutive_5xx"] = enforcing;
            }
            "consecutiveGatewayErrors" => {
                out["consecutive_gateway_failure"] = value.clone();
                out["enforcing_consecutive_gateway_failure"] = enforcing;
            }
            "consecutiveLocalOriginFailures" => {
                out["consecutive_local_origin_failure"] = value.clone();
                out["enforcing_consecutive_local_origin_failure"] = enforcing;
            }
            "splitExternalLocalOriginErrors" => {
                out["split_external_local_origin_errors"] = value.clone();
                out["enforcing_local_origin_success_rate"] = json!(0);
            }
            "interval" => out["interval"] = value.clone(),
            "baseEjectionTime" => out["base_ejection_time"] = value.clone(),
            "maxEjectionPercent" => out["max_ejection_percent"] = value.clone(),
            "minHealthPercent" => {
                cluster["common_lb_config"]["healthy_panic_threshold"] = json!({ "value": value });
            }
            _ => bail!("outlierDetection.{key} is not known"),
        }
    }
    cluster["outlier_detection"] = out;
    Ok(())
}

/// `applyLoadBalancer`.
fn balance(cluster: &mut Value, balancer: &Value) -> Result<()> {
    known(balancer, &["simple", "consistentHash"])?;
    match (balancer["simple"].as_str(), balancer["consistentHash"].as_object()) {
        (Some("ROUND_ROBIN"), None) => cluster["lb_policy"] = json!("ROUND_ROBIN"),
        (None, Some(hash)) => {
            known(&balancer["consistentHash"], &["httpHeaderName"])?;
            ensure!(!hash.is_empty(), "{balancer} has no key");
            cluster["lb_policy"] = json!("RING_HASH");
            cluster["ring_hash_lb_config"] = json!({ "minimum_ring_size": "1024" });
        }
        _ => bail!("{balancer} is not known"),
    }
    Ok(())
}

/// Refuses an object with other fields than these.
pub(super) fn known(object: &Value, fields: &[&str]) -> Result<()> {
    let keys = object.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let unknown: Vec<_> = keys.filter(|key| !fields.contains(key)).collect();
    ensure!(unknown.is_empty(), "{unknown:?} of {object} are not known");
    Ok(())
}
