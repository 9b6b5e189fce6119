//! Each fault of a topology is found, with its field.

use lane::problem::Severity;
use serde_json::{Value, json};

use super::*;

fn group() -> LaneGroup {
    serde_json::from_value(json!({
        "apiVersion": API_VERSION, "kind": "LaneGroup", "metadata": {"name": "shop"},
        "spec": {"entries": ["edge"], "services": [{"name": "a"}]},
    }))
    .unwrap()
}

fn good() -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": "Topology", "metadata": {"name": "shop"},
        "spec": {
            "gateways": [{
                "name": "edge", "listen": "0.0.0.0:80", "admin": "127.0.0.1:1", "service": "a",
                "routes": [{"prefix": "/x/", "service": "a"}],
                "tls": {"certificate": "c", "privateKey": "k", "clientCa": "ca"},
            }],
            "workloads": [{
                "name": "a", "service": "a", "app": "127.0.0.1:2", "inbound": "127.0.0.1:3",
                "outbound": "127.0.0.1:4", "admin": "[::1]:5", "callees": ["a"],
                "concurrency": 1, "lane": null, "fieldOfTomorrow": 1,
            }],
        },
    })
}

fn problems(topology: Value) -> Vec<Problem> {
    validate(&serde_json::from_value(topology).unwrap(), &group())
}

/// The topology with `value` at `pointer` has exactly one problem, at `path`.
#[track_caller]
fn check(pointer: &str, value: Value, severity: Severity, path: &str) {
    let mut topology = good();
    *topology.pointer_mut(pointer).unwrap() = value;
    let found: Vec<_> = problems(topology).into_iter().map(|p| (p.severity, p.path)).collect();
    assert_eq!(found, [(severity, path.to_owned())], "{pointer}");
}

#[test]
fn a_good_topology_has_no_problem_and_unknown_fields_are_no_matter() {
    assert_eq!(problems(good()), []);
}

#[test]
fn each_fault_is_found_at_its_field() {
    for (pointer, value, path) in [
        ("/apiVersion", json!("graylane.dev/v9"), "apiVersion"),
        ("/kind", json!("Lane"), "kind"),
        ("/spec/gateways/0/service", json!("z"), "spec.gateways[0].service"),
        ("/spec/gateways/0/admin", json!("10.0.0.1:1"), "spec.gateways[0].admin"),
        ("/spec/gateways/0/routes/0/service", json!("z"), "spec.gateways[0].routes[0].service"),
        ("/spec/gateways/0/routes/0/prefix", json!("x"), "spec.gateways[0].routes[0].prefix"),
        ("/spec/gateways/0/tls/privateKey", json!(""), "spec.gateways[0].tls.privateKey"),
        ("/spec/gateways/0/listen", json!("0.0.0.0:0"), "spec.gateways[0].listen"),
        ("/spec/workloads/0/name", json!("edge"), "spec.workloads[0].name"),
        ("/spec/workloads/0/admin", json!("0.0.0.0:5"), "spec.workloads[0].admin"),
        ("/spec/workloads/0/app", json!("127.0.0.1:1"), "spec.workloads[0].app"),
        ("/spec/workloads/0/outbound", json!("127.0.0.1:3"), "spec.workloads[0].outbound"),
        ("/spec/workloads/0/callees/0", json!("z"), "spec.workloads[0].callees[0]"),
        ("/spec/workloads/0/concurrency", json!(0), "spec.workloads[0].concurrency"),
        ("/spec/workloads/0/lane", json!("gray"), "spec.workloads"),
    ] {
        check(pointer, value, Severity::Error, path);
    }
}

#[test]
fn an_entry_that_is_nowhere_is_an_error_and_a_gateway_that_is_no_entry_a_warning() {
    let mut topology = good();
    topology["spec"]["gateways"][0]["name"] = json!("other");
    let found: Vec<_> = problems(topology).into_iter().map(|p| (p.severity, p.path)).collect();
    assert_eq!(
        found,
        [(Severity::Warning, "spec.gateways[0].name".to_owned()), (Severity::Error, "spec".to_owned())]
    );
}

#[test]
fn more_proxies_than_a_host_can_watch_files_for_are_warned_of() {
    let mut topology = good();
    let workloads = topology["spec"]["workloads"].as_array_mut().unwrap();
    for i in 1..22_u16 {
        let address = |k: u16| format!("127.0.0.1:{}", 100 + 4 * i + k);
        workloads.push(json!({
            "name": format!("a-{i}"), "service": "a", "app": address(0), "inbound": address(1),
            "outbound": address(2), "admin": address(3),
        }));
    }
    let found: Vec<_> = problems(topology).into_iter().map(|p| (p.severity, p.path)).collect();
    assert_eq!(found, [(Severity::Warning, "spec".to_owned())]);
}
