//! Inputs for the tests of single steps.

use serde_json::{Value, json};

use super::input::Input;

/// A group `shop` in `demo` with the services `a`, `b` and `c`, of which `a` and `c` have the lane `gray`.
/// `more` replaces fields.
pub(super) fn mk_input(more: Value) -> Input {
    let service = |name: &str, gray: bool| {
        let baseline = json!({ "app": name, "version": "v1" });
        let mut workloads = vec![json!({
            "name": format!("{name}-v1"), "selector": baseline, "labels": baseline,
        })];
        if gray {
            let labels = json!({ "app": name, "version": "v2" });
            workloads.push(json!({
                "name": format!("{name}-v2"), "selector": labels, "labels": labels, "lane": "gray",
            }));
        }
        json!({
            "namespace": "demo", "name": name, "host": format!("{name}.demo.svc.cluster.local"),
            "ports": [{ "number": 8080, "name": "http", "protocol": "Http" }],
            "baseline": { "version": "v1" }, "workloads": workloads,
        })
    };
    let mut input = json!({
        "group": {
            "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneGroup", "metadata": { "name": "shop" },
            "spec": { "entries": ["gateway"], "services": [{ "name": "a" }, { "name": "b" }, { "name": "c" }] },
        },
        "namespace": "demo",
        "generation": 1,
        "lanes": [{
            "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane", "metadata": { "name": "gray" },
            "spec": { "group": "shop" },
        }],
        "services": [service("a", true), service("b", false), service("c", true)],
        "entries": [],
        "callers": [{ "namespace": "demo", "proxies": ["Sidecar"] }],
        "module": { "local": { "path": "/filter.wasm" } },
        "emission": "Matcher",
        "rootNamespace": "istio-system",
        "clusterDomain": "cluster.local",
    });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    serde_json::from_value(input).unwrap()
}
