//! Which routes of the user's VirtualServices are routed by lane.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::istio::mk_input::mk_input;

/// `HOST:PORT ROUTE -> SERVICE:PORT` of each change, and `REASON` of each finding, for one VirtualService.
fn check(kind: ProxyKind, hosts: &[&str], http: &Value) -> (Vec<String>, BTreeSet<String>) {
    let service = json!({
        "namespace": "demo", "name": "x", "spec": { "hosts": hosts, "http": http }, "gatewayPorts": [80],
    });
    let input = mk_input(json!({
        "virtualServices": [service], "callers": [{ "namespace": "demo", "proxies": [kind_name(kind)] }],
    }));
    let (mesh, mut findings) = Mesh::new(&input);
    let mut changes = Vec::new();
    for host in virtual_hosts(&mesh, &input.callers[0], kind) {
        for change in host.changes(&mesh, &mut findings) {
            let name = change.name.as_deref().unwrap_or("*");
            let service = change.target.host.split('.').next().unwrap();
            changes.push(format!("{} {name} -> {service}:{}", host.name, change.target.port));
        }
    }
    let reasons = findings.iter().map(|finding| finding.reason.to_string()).collect();
    (changes, reasons)
}

fn kind_name(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::Sidecar => "Sidecar",
        ProxyKind::Gateway => "Gateway",
    }
}

/// What becomes of host `b` for sidecars; the hosts of `a` and `c` keep their default routes.
fn check_b(http: &Value, changes: &[&str], reasons: &[&str]) {
    let (got, found) = check(ProxyKind::Sidecar, &["b"], http);
    let of_b = got.iter().filter_map(|change| change.strip_prefix("b.demo.svc.cluster.local:8080 "));
    assert_eq!(of_b.collect::<Vec<_>>(), changes, "{http}");
    assert_eq!(found, reasons.iter().map(|&reason| reason.to_owned()).collect(), "{http}");
    assert_eq!(got.len(), changes.len() + 2, "{got:?}");
}

fn to(host: &str) -> Value {
    json!([{ "destination": { "host": host } }])
}

#[test]
fn without_a_virtual_service_the_default_route_is_changed() {
    let (changes, findings) = check(ProxyKind::Sidecar, &["elsewhere.example.com"], &json!([]));
    let default = |name: &str| format!("{name}.demo.svc.cluster.local:8080 default -> {name}:8080");
    assert_eq!(changes, ["a", "b", "c"].map(default));
    assert_eq!(findings, BTreeSet::new());
}

#[test]
fn routes_are_changed_by_their_names() {
    let http = json!([
        { "name": "api", "match": [{ "uri": { "prefix": "/api" } }, { "name": "beta" }], "route": to("b") },
        { "name": "rest", "route": to("b.demo.svc.cluster.local") },
    ]);
    check_b(&http, &["api -> b:8080", "api.beta -> b:8080", "rest -> b:8080"], &[]);
}

#[test]
fn what_is_no_single_service_without_a_subset_is_left_alone() {
    let subset = json!([{ "destination": { "host": "b", "subset": "v1" } }]);
    let weighted =
        json!([{ "destination": { "host": "b" }, "weight": 1 }, { "destination": { "host": "c" } }]);
    for (fields, reason) in [
        (json!({ "route": weighted }), "WeightedRoute"),
        (json!({ "route": subset }), "ExplicitSubset"),
        (json!({ "route": to("other.example.com") }), "OtherHost"),
        (json!({ "redirect": { "uri": "/new" } }), "RedirectRoute"),
        (json!({ "directResponse": { "status": 410 } }), "DirectResponseRoute"),
        (json!({ "delegate": { "name": "team" } }), "DelegateRoute"),
    ] {
        let mut special = fields.clone();
        special["name"] = json!("special");
        check_b(&json!([special, { "name": "rest", "route": to("b") }]), &["rest -> b:8080"], &[reason]);
    }
}

#[test]
fn a_mirror_stays_beside_the_lane() {
    check_b(&json!([{ "name": "m", "mirror": { "host": "c" }, "route": to("b") }]), &["m -> b:8080"], &[]);
}

#[test]
fn routes_without_names_are_changed_only_together() {
    let (unnamed, named) = (json!({ "route": to("b") }), json!({ "name": "n", "route": to("b") }));
    check_b(&json!([named, unnamed]), &["* -> b:8080"], &[]);
    let redirect = json!({ "redirect": { "uri": "/new" } });
    check_b(&json!([redirect, unnamed]), &["* -> b:8080"], &["RedirectRoute"]);
    let subset = json!({ "route": [{ "destination": { "host": "b", "subset": "v1" } }] });
    let reasons = ["ExplicitSubset", "RouteUnnamed"];
    check_b(&json!([subset, named, unnamed]), &["n -> b:8080"], &reasons);
    check_b(&json!([{ "route": to("c") }, unnamed]), &[], &["RouteUnnamed"]);
}

#[test]
fn one_name_for_two_destinations_is_changed_for_neither() {
    let http = json!([{ "name": "n", "match": [{}], "route": to("b") }, { "name": "n", "route": to("c") }]);
    check_b(&http, &[], &["RouteNameShared"]);
}

#[test]
fn hosts_of_gateways_lead_to_services_too() {
    let http = json!([{ "name": "b", "route": to("b") }, { "name": "rest", "route": to("a") }]);
    let (changes, findings) = check(ProxyKind::Gateway, &["shop.example.com"], &http);
    assert_eq!(changes, ["shop.example.com:80 b -> b:8080", "shop.example.com:80 rest -> a:8080"]);
    assert_eq!(findings, BTreeSet::new());
}

#[test]
fn hosts_that_are_no_service_are_on_port_80_for_sidecars() {
    let http = json!([{ "name": "b", "route": to("b") }]);
    let (changes, _) = check(ProxyKind::Sidecar, &["shop.internal"], &http);
    assert!(changes.contains(&"shop.internal:80 b -> b:8080".to_owned()), "{changes:?}");
}

#[test]
fn a_port_that_the_service_lacks_is_reported() {
    let http =
        json!([{ "name": "n", "route": [{ "destination": { "host": "b", "port": { "number": 1 } } }] }]);
    check_b(&http, &[], &["PortUnknown"]);
}

#[test]
fn a_virtual_service_that_cannot_be_read_is_reported() {
    let (changes, findings) = check(ProxyKind::Sidecar, &["b"], &json!("no list"));
    assert_eq!(changes.len(), 3);
    assert_eq!(findings.into_iter().collect::<Vec<_>>(), ["UnreadableVirtualService"]);
}
