//! What is derived and translated, against the recording of a real istiod.

use serde_json::{Value, json};

use super::options::PortProtocol;
use super::recorded::{PORT, Recorded, host};
use super::subsets::subset_clusters;
use super::virtual_services::routes;

fn recorded() -> Recorded {
    Recorded::read().unwrap()
}

/// Without the addresses of services and the names of spans, which are not derived.
fn plain(mut virtual_host: Value) -> Value {
    virtual_host["domains"].as_array_mut().unwrap().retain(|name| !name.as_str().unwrap().starts_with("10."));
    plain_routes(virtual_host["routes"].as_array_mut().unwrap());
    virtual_host
}

fn plain_routes(routes: &mut [Value]) {
    for route in routes {
        route.as_object_mut().unwrap().remove("decorator");
    }
}

#[test]
fn another_service_is_derived_as_it_was_recorded() {
    let recorded = recorded();
    assert_eq!(
        recorded.service_cluster("c", PortProtocol::Http).unwrap(),
        recorded.cluster(&format!("outbound|{PORT}||{}", host("c"))).unwrap()
    );
    assert_eq!(
        plain(recorded.service_host("c").unwrap()),
        plain(recorded.virtual_host(&format!("{}:{PORT}", host("c"))).unwrap())
    );
}

#[test]
fn subsets_become_the_recorded_clusters() {
    let recorded = recorded();
    let rule = json!({
        "kind": "DestinationRule", "metadata": { "namespace": "demo", "name": "b" },
        "spec": { "host": host("b"), "subsets": [
            { "name": "v1", "labels": { "version": "v1" } }, { "name": "v2", "labels": { "version": "v2" } },
        ] },
    });
    let base = recorded.service_cluster("b", PortProtocol::Http).unwrap();
    let clusters = subset_clusters(&base, "b", &[rule]).unwrap();
    assert_eq!(clusters.len(), 2);
    for (selected, version) in clusters.iter().zip(["v1", "v2"]) {
        let name = format!("outbound|{PORT}|{version}|{}", host("b"));
        assert_eq!(selected.cluster, recorded.cluster(&name).unwrap());
        assert_eq!(selected.labels["version"], version);
    }
}

#[test]
fn a_virtual_service_becomes_the_recorded_routes() {
    let to = |subset: Option<&str>| {
        let mut destination = json!({ "host": host("b") });
        if let Some(subset) = subset {
            destination["subset"] = json!(subset);
        }
        destination
    };
    let spec = json!({ "hosts": [host("b")], "http": [
        {
            "name": "api", "match": [{ "uri": { "prefix": "/api" } }], "rewrite": { "uri": "/rewritten" },
            "timeout": "3s", "retries": { "attempts": 4, "perTryTimeout": "1s", "retryOn": "5xx" },
            "route": [{ "destination": to(None) }],
        },
        { "name": "split", "match": [{ "uri": { "prefix": "/split" } }], "route": [
            { "destination": to(Some("v1")), "weight": 50 }, { "destination": to(Some("v2")), "weight": 50 },
        ] },
        { "route": [{ "destination": to(None) }] },
    ] });
    let host = recorded().virtual_host(&format!("{}:{PORT}", host("b"))).unwrap();
    assert_eq!(json!(routes("b", &spec).unwrap()), plain(host)["routes"]);
}

#[test]
fn what_is_not_known_is_refused() {
    let to = json!([{ "destination": { "host": "b" } }]);
    let cases = [json!({ "route": to, "fault": {} }), json!({ "match": [{ "port": 1 }], "route": to })];
    for http in cases {
        let error = routes("b", &json!({ "hosts": ["b"], "http": [http] })).unwrap_err();
        assert!(format!("{error:#}").contains("not known"), "{error:#}");
    }
}
