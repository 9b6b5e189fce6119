//! Groups in pairs and threes: who stands, and which lanes a shared service knows.

use envoy_config::istio::input::SharedLanes;
use serde_json::{Value, json};

use super::*;
use crate::cluster::world::{filled, gateway_api, istio};

/// A group in a namespace of its own name, made in that second; what it says is accepted already.
fn mk_group(name: &str, second: i64, mut spec: Value) -> LaneGroup {
    spec["entries"] = json!(["gateway"]);
    let created = Timestamp::from_second(second).unwrap().to_string();
    let group = json!({
        "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneGroup",
        "metadata": { "name": name, "namespace": name, "creationTimestamp": created, "generation": 1 },
        "spec": spec,
        "status": {
            "accepted": { "generation": 1, "spec": spec },
            "lanes": [{ "name": name, "phase": "Admitted", "since": created }],
        },
    });
    serde_json::from_value(group).unwrap()
}

fn mk_world(groups: &[LaneGroup]) -> World {
    let service =
        json!({ "metadata": { "name": "b", "namespace": "stock" }, "spec": { "selector": { "app": "b" } } });
    World {
        groups: filled((), groups.to_vec()),
        lanes: filled((), Vec::new()),
        faults: filled((), Vec::new()),
        services: filled((), vec![serde_json::from_value(service).unwrap()]),
        deployments: filled((), Vec::new()),
        stateful_sets: filled((), Vec::new()),
        pods: filled((), Vec::new()),
        namespaces: None,
        virtual_services: filled(istio("VirtualService"), Vec::new()),
        gateways: filled(istio("Gateway"), Vec::new()),
        http_routes: filled(gateway_api("HTTPRoute"), Vec::new()),
        api_gateways: filled(gateway_api("Gateway"), Vec::new()),
        destination_rules: filled(istio("DestinationRule"), Vec::new()),
        envoy_filters: filled(istio("EnvoyFilter"), Vec::new()),
    }
}

/// What stands against each of the groups.
fn conflicts(groups: &[LaneGroup]) -> Vec<Option<String>> {
    let world = mk_world(groups);
    let of = |group: &LaneGroup| conflict(&world, group, &group.spec.0).map(|conflict| conflict.message);
    groups.iter().map(of).collect()
}

fn with_b(more: Value) -> Value {
    let mut spec = json!({ "services": [{ "name": "b", "namespace": "stock" }] });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}

fn with_baseline(version: &str) -> Value {
    json!({ "services": [{ "name": "b", "namespace": "stock", "baseline": { "version": version } }] })
}

#[test]
fn groups_that_say_the_same_of_a_service_share_it() {
    assert_eq!(
        conflicts(&[mk_group("shop", 1, with_b(json!({}))), mk_group("books", 2, with_b(json!({})))]),
        [None, None]
    );
    let elsewhere = json!({ "services": [{ "name": "b" }], "laneHeader": "x-other" });
    assert_eq!(
        conflicts(&[mk_group("shop", 1, with_b(json!({}))), mk_group("books", 2, elsewhere)]),
        [None, None]
    );
}

#[test]
fn the_younger_of_two_that_disagree_gives_way() {
    let other = with_b(json!({ "laneHeader": "x-other" }));
    for (elder, younger) in [(1, 2), (2, 1)] {
        let found = conflicts(&[
            mk_group("shop", elder, with_b(json!({}))),
            mk_group("books", younger, other.clone()),
        ]);
        let loser = usize::from(elder < younger);
        let message = found[loser].as_ref().unwrap();
        assert!(message.contains("service stock/b the lane header"), "{message}");
        assert!(message.starts_with(if loser == 1 {
            "LaneGroup shop/shop"
        } else {
            "LaneGroup books/books"
        }));
        assert_eq!(found[1 - loser], None);
    }
    // Made in the same second: by namespace and name.
    let found = conflicts(&[mk_group("shop", 1, with_b(json!({}))), mk_group("books", 1, other)]);
    assert!(found[0].is_some() && found[1].is_none(), "{found:?}");
}

#[test]
fn baselines_and_lane_labels_have_to_be_the_same_too() {
    let found =
        conflicts(&[mk_group("shop", 1, with_baseline("v1")), mk_group("books", 2, with_baseline("v2"))]);
    let message = found[1].as_ref().unwrap();
    assert!(message.contains("the baseline version=v1, and this group version=v2"), "{message}");
    let label = with_b(json!({ "laneLabel": "example.com/lane" }));
    let found = conflicts(&[mk_group("shop", 1, with_b(json!({}))), mk_group("books", 2, label)]);
    assert!(found[1].as_ref().unwrap().contains("lane label"), "{found:?}");
}

#[test]
fn a_group_that_gives_way_stands_against_nobody() {
    let both = json!({ "services": [{ "name": "b", "namespace": "stock" }, { "name": "c", "namespace": "stock" }],
                       "laneHeader": "x-other" });
    let only_c = json!({ "services": [{ "name": "c", "namespace": "stock" }] });
    let groups =
        [mk_group("shop", 1, with_b(json!({}))), mk_group("books", 2, both), mk_group("toys", 3, only_c)];
    let found = conflicts(&groups);
    assert!(found[0].is_none() && found[1].is_some() && found[2].is_none(), "{found:?}");
}

#[test]
fn a_shared_service_knows_the_lanes_of_all_its_groups() {
    let strict = with_b(json!({ "fallback": "Strict" }));
    let groups = [mk_group("shop", 1, with_b(json!({}))), mk_group("books", 2, strict)];
    let world = mk_world(&groups);
    let model = dereference::group_model(&groups[0]).unwrap();
    let host = "b.stock.svc.cluster.local".to_owned();
    let lanes = [("books".parse().unwrap(), lane::model::Fallback::Strict)].into();
    let want: SharedLanes = [(host, lanes)].into();
    assert_eq!(shared_lanes(&world, "cluster.local", "shop", &model), want);
    assert_eq!(of(&[&groups[0]], &[&groups[1]]), [&groups[1]]);
}
