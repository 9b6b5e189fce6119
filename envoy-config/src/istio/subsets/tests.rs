//! Our DestinationRules beside those of the user.

use serde_json::{Value, json};

use super::destination_rules;
use crate::istio::mesh::Mesh;
use crate::istio::mk_input::mk_input;
use crate::istio::object::IstioObject;

/// The rules of ours for `c` when `callers` call it and the user has `rules`: `(namespace, name, spec)`.
fn rules_for_c(callers: &[&str], rules: &[(&str, Value)]) -> Vec<IstioObject> {
    let rules: Vec<_> = rules
        .iter()
        .enumerate()
        .map(
            |(i, (namespace, spec))| json!({ "namespace": namespace, "name": format!("r{i}"), "spec": spec }),
        )
        .collect();
    let callers: Vec<_> =
        callers.iter().map(|name| json!({ "namespace": name, "proxies": ["Sidecar"] })).collect();
    let input = mk_input(json!({ "callers": callers, "destinationRules": rules }));
    let (mesh, _) = Mesh::new(&input);
    let objects = destination_rules(&mesh).unwrap();
    objects.into_iter().filter(|object| object.name.contains(".subsets.c.")).collect()
}

fn namespaces(objects: &[IstioObject]) -> Vec<&str> {
    objects.iter().map(|object| object.namespace.as_str()).collect()
}

fn subset<'v>(object: &'v IstioObject, name: &str) -> &'v Value {
    let subsets = object.spec["subsets"].as_array().unwrap();
    subsets.iter().find(|subset| subset["name"] == name).unwrap()
}

#[test]
fn without_a_rule_of_the_user_ours_lies_beside_the_service_for_everybody() {
    let ours = rules_for_c(&["demo", "reports"], &[]);
    assert_eq!(namespaces(&ours), ["demo"]);
    assert_eq!(ours[0].spec["trafficPolicy"], Value::Null);
    assert_eq!(ours[0].spec["exportTo"], Value::Null);
    assert_eq!(subset(&ours[0], "graylane-baseline")["labels"], json!({ "version": "v1" }));
    assert_eq!(subset(&ours[0], "graylane-gray")["labels"], json!({ "graylane.dev/lane": "gray" }));
    let ejection = &subset(&ours[0], "graylane-gray")["trafficPolicy"]["outlierDetection"];
    assert_eq!(ejection["maxEjectionPercent"], 100);
}

#[test]
fn a_rule_for_the_same_host_keeps_its_policy_and_its_audience() {
    let policy = json!({ "tls": { "mode": "ISTIO_MUTUAL" }, "outlierDetection": { "interval": "5s" } });
    let user = json!({ "host": "c", "exportTo": ["*"], "trafficPolicy": policy });
    let ours = rules_for_c(&["demo"], &[("demo", user)]);
    assert_eq!(ours[0].spec["trafficPolicy"], Value::Null);
    assert_eq!(ours[0].spec["exportTo"], json!(["*"]));
    let ejection = &subset(&ours[0], "graylane-gray")["trafficPolicy"]["outlierDetection"];
    assert_eq!(ejection, &json!({ "interval": "5s", "maxEjectionPercent": 100, "minHealthPercent": 0 }));
    assert_eq!(subset(&ours[0], "graylane-baseline")["trafficPolicy"], Value::Null);
}

#[test]
fn settings_of_a_port_are_repeated_since_a_subset_replaces_them() {
    let port = json!({ "port": { "number": 8080 }, "tls": { "mode": "SIMPLE" } });
    let user = json!({ "host": "c", "trafficPolicy": { "portLevelSettings": [port] } });
    let ours = rules_for_c(&["demo"], &[("demo", user)]);
    let copy = &subset(&ours[0], "graylane-gray")["trafficPolicy"]["portLevelSettings"][0];
    assert_eq!(copy["tls"]["mode"], "SIMPLE");
    assert_eq!(copy["outlierDetection"]["maxEjectionPercent"], 100);
}

#[test]
fn a_wildcard_that_ours_would_hide_is_carried_with_its_subsets() {
    let user = json!({
        "host": "*.demo.svc.cluster.local",
        "trafficPolicy": { "tls": { "mode": "MUTUAL" } },
        "subsets": [{ "name": "v1", "labels": { "version": "v1" } }],
    });
    let ours = rules_for_c(&["demo"], &[("demo", user)]);
    assert_eq!(ours[0].spec["trafficPolicy"]["tls"]["mode"], "MUTUAL");
    assert_eq!(ours[0].spec["subsets"].as_array().unwrap().len(), 3);
}

#[test]
fn a_rule_of_the_root_namespace_is_carried_beside_the_service() {
    let user = json!({ "host": "*.local", "trafficPolicy": { "tls": { "mode": "ISTIO_MUTUAL" } } });
    let ours = rules_for_c(&["demo", "reports"], &[("istio-system", user)]);
    assert_eq!(namespaces(&ours), ["demo"]);
    assert_eq!(ours[0].spec["trafficPolicy"]["tls"]["mode"], "ISTIO_MUTUAL");
}

#[test]
fn the_most_specific_host_wins() {
    let rule = |host: &str, mode: &str| json!({ "host": host, "trafficPolicy": { "tls": { "mode": mode } } });
    let rules = [
        ("demo", rule("*.local", "DISABLE")),
        ("demo", rule("*.demo.svc.cluster.local", "MUTUAL")),
        ("istio-system", rule("c.demo.svc.cluster.local", "SIMPLE")),
    ];
    let ours = rules_for_c(&["demo"], &rules);
    assert_eq!(ours[0].spec["trafficPolicy"]["tls"]["mode"], "MUTUAL");
}

#[test]
fn a_caller_with_rules_of_its_own_gets_ours_there() {
    let own = json!({ "host": "c.demo.svc.cluster.local", "trafficPolicy": { "tls": { "mode": "SIMPLE" } } });
    let ours = rules_for_c(&["demo", "reports"], &[("reports", own)]);
    assert_eq!(namespaces(&ours), ["demo", "reports"]);
    assert_eq!(ours[1].spec["trafficPolicy"], Value::Null);
}

#[test]
fn a_caller_that_does_not_see_a_private_rule_gets_ours_in_its_own_namespace() {
    let private = json!({ "host": "c", "exportTo": ["."] });
    let ours = rules_for_c(&["demo", "reports"], &[("demo", private)]);
    assert_eq!(namespaces(&ours), ["demo", "reports"]);
    assert_eq!(ours[0].spec["exportTo"], json!(["."]));
    assert_eq!(ours[1].spec["exportTo"], Value::Null);
}

#[test]
fn rules_for_some_workloads_only_get_one_of_ours_each_and_one_for_the_others() {
    let selector = json!({ "matchLabels": { "app": "a" } });
    let user = json!({ "host": "c", "workloadSelector": selector });
    let ours = rules_for_c(&["demo"], &[("demo", user)]);
    assert_eq!(ours.len(), 2);
    assert_eq!(ours[0].spec["workloadSelector"], selector);
    assert_eq!(ours[1].spec["workloadSelector"], Value::Null);
    assert_ne!(ours[0].name, ours[1].name);
}

#[test]
fn in_the_root_namespace_only_private_rules_are_its_own() {
    let rule = |export_to: &str| json!({ "host": "c.demo.svc.cluster.local", "exportTo": [export_to] });
    let private = rules_for_c(&["istio-system"], &[("istio-system", rule("."))]);
    assert_eq!(namespaces(&private), ["istio-system"]);
    let general = rules_for_c(&["istio-system"], &[("istio-system", rule("*"))]);
    assert_eq!(namespaces(&general), ["demo"]);
}
