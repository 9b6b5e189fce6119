//! The patcher against what real proxies had in force.

use std::path::PathBuf;

use serde_json::json;

use super::*;

fn recorded(state: &str, proxy: &str) -> Proxy {
    let mut recorded = Proxy::read(&testdata(state), proxy).unwrap();
    recorded.labels.insert("app".to_owned(), proxy.split('-').next().unwrap().to_owned());
    recorded
}

fn testdata(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/istio").join(folder)
}

fn proven() -> Vec<Value> {
    ["envoyfilter-ecds.json", "envoyfilter-routes.json"]
        .map(|file| serde_json::from_slice(&fs::read(testdata("proven").join(file)).unwrap()).unwrap())
        .into()
}

/// Messages in the order of their names, without what a dump leaves out: types of the messages themselves, and
/// switches that are off.
fn plain(mut messages: Vec<Value>) -> Vec<Value> {
    messages.sort_by_key(|message| message["name"].to_string());
    for message in &mut messages {
        message.as_object_mut().unwrap().remove("@type");
        drop_off(message);
    }
    messages
}

fn drop_off(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, value| !(key == "allow_precompiled" && *value == json!(false)));
            fields.values_mut().for_each(drop_off);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_off),
        _ => {}
    }
}

#[test]
fn the_recorded_change_is_made() {
    for name in ["a-v1", "b-v1", "b-v2"] {
        let (mut got, want) = (recorded("before", name), recorded("after", name));
        got.apply(&proven()).unwrap();
        assert_eq!(plain(got.clusters), plain(want.clusters), "clusters of {name}");
        assert_eq!(plain(got.routes), plain(want.routes), "routes of {name}");
        assert_eq!(plain(got.extension_configs), plain(want.extension_configs), "filters of {name}");
        assert_eq!(plain(got.listeners), plain(want.listeners), "listeners of {name}");
    }
}

/// The names of the routes of `b` after patches of its host.
fn routes_of_b(patches: &Value) -> Vec<String> {
    let mut proxy = recorded("before", "a-v1");
    let filter = json!({
        "kind": "EnvoyFilter", "metadata": { "namespace": "demo" }, "spec": { "configPatches": patches },
    });
    proxy.apply(&[filter]).unwrap();
    let hosts = proxy.routes[0]["virtual_hosts"].as_array().unwrap();
    let b = hosts.iter().find(|host| host["name"] == "b.demo.svc.cluster.local:8080").unwrap();
    let name = |route: &Value| route.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    b["routes"].as_array().unwrap().iter().map(name).collect()
}

fn insert(operation: &str, before: Option<&str>, name: &str) -> Value {
    let mut vhost = json!({ "name": "b.demo.svc.cluster.local:8080" });
    if let Some(before) = before {
        vhost["route"] = json!({ "name": before });
    }
    json!({
        "applyTo": "HTTP_ROUTE",
        "match": { "context": "SIDECAR_OUTBOUND", "routeConfiguration": { "vhost": vhost } },
        "patch": { "operation": operation, "value": { "name": name } },
    })
}

#[test]
fn a_list_of_first_ones_ends_reversed() {
    let patches = json!([insert("INSERT_FIRST", None, "1"), insert("INSERT_FIRST", None, "2")]);
    assert_eq!(routes_of_b(&patches)[..3], ["2", "1", "api"]);
}

#[test]
fn a_route_is_inserted_before_the_one_that_is_named_or_nowhere() {
    let patches = json!([
        insert("INSERT_BEFORE", Some("split"), "1"),
        insert("INSERT_BEFORE", Some("split"), "2"),
        insert("INSERT_BEFORE", Some("unknown"), "3"),
    ]);
    assert_eq!(routes_of_b(&patches), ["api", "1", "2", "split", ""]);
}

#[test]
fn an_object_of_other_pods_or_namespaces_changes_nothing() {
    let mut object = proven().remove(0);
    object["spec"]["workloadSelector"] = json!({ "labels": { "app": "z" } });
    let mut elsewhere = proven().remove(1);
    elsewhere["metadata"]["namespace"] = json!("other");
    let mut proxy = recorded("before", "a-v1");
    proxy.apply(&[object, elsewhere]).unwrap();
    let before = recorded("before", "a-v1");
    assert_eq!((proxy.listeners, proxy.clusters), (before.listeners, before.clusters));
}

#[test]
fn one_resource_in_two_objects_is_refused_as_by_envoy() {
    let object = proven().remove(0);
    let error = recorded("before", "a-v1").apply(&[object.clone(), object]).unwrap_err();
    assert!(format!("{error:#}").contains("stands twice"), "{error:#}");
}
