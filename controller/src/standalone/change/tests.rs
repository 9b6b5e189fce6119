//! What a change works out before it writes anything.

use lane::model::{API_VERSION, Service};
use serde_json::{Value, json};

use super::*;
use crate::standalone::documents::{parse_lane, parse_topology};

fn objects(lanes: &[(&str, Value)], workloads: &[(&str, Option<&str>)]) -> Objects {
    let group = json!({"apiVersion": API_VERSION, "kind": "LaneGroup", "metadata": {"name": "shop"},
        "spec": {"entries": ["gateway"], "services": [{"name": "a"}]}});
    let workloads: Vec<Value> = workloads
        .iter()
        .enumerate()
        .map(|(i, (name, lane))| {
            let address = |port: usize| format!("127.0.0.1:{}", 20_000 + 10 * i + port);
            json!({"name": name, "service": "a", "lane": lane, "app": address(0), "inbound": address(1),
            "outbound": address(2), "admin": address(3)})
        })
        .collect();
    let topology = json!({"apiVersion": API_VERSION, "kind": "Topology", "metadata": {"name": "shop"}, "spec": {
        "gateways": [{"name": "gateway", "listen": "127.0.0.1:19000", "admin": "127.0.0.1:19001", "service": "a"}],
        "workloads": workloads}});
    let lane = |(name, spec): &(&str, Value)| {
        let mut spec = spec.clone();
        spec["group"] = json!("shop");
        let object =
            json!({"apiVersion": API_VERSION, "kind": "Lane", "metadata": {"name": name}, "spec": spec});
        parse_lane(&object.to_string()).unwrap()
    };
    Objects {
        group: lane::parse::group(group).unwrap(),
        topology: parse_topology(&topology.to_string()).unwrap(),
        lanes: lanes.iter().map(lane).collect(),
        faults: Vec::new(),
    }
}

#[test]
fn the_union_keeps_what_is_wanted_no_more_and_prefers_what_is_wanted() {
    let old = objects(
        &[("blue", json!({})), ("gray", json!({"priority": 1}))],
        &[("a-v1", None), ("a-gray", Some("gray"))],
    );
    let new = objects(&[("gray", json!({"priority": 2}))], &[("a-v1", None)]);
    let both = union(Some(&old), &new);
    let lanes: Vec<_> =
        both.lanes.iter().map(|lane| (lane.metadata.name.as_str(), lane.spec.priority)).collect();
    assert_eq!(lanes, [("blue", 0), ("gray", 2)]);
    let workloads: Vec<_> = both.topology.spec.workloads.iter().map(|w| w.name.as_str()).collect();
    assert_eq!(workloads, ["a-v1", "a-gray"]);
    assert_eq!(union(None, &new), new);
    assert_eq!(union(Some(&new), &new), new);
}

#[test]
fn a_place_that_collides_with_a_new_one_is_not_kept() {
    let old = objects(&[], &[("a-v1", None), ("old", Some("gray"))]);
    let new = objects(&[], &[("a-v1", None), ("new", Some("gray"))]);
    assert_eq!(union(Some(&old), &new).topology, new.topology);
}

#[test]
fn a_service_that_is_wanted_no_more_stays_until_the_way_back() {
    let with_services = |names: &[&str], workloads: &[(&str, Option<&str>)]| {
        let mut objects = objects(&[], workloads);
        objects.group.spec.services =
            names.iter().map(|name| Service::named(name.parse().unwrap())).collect();
        for (workload, name) in objects.topology.spec.workloads.iter_mut().zip(names) {
            workload.service = name.parse().unwrap();
        }
        objects
    };
    let old = with_services(&["a", "b"], &[("a-v1", None), ("b-v1", None)]);
    let new = with_services(&["a"], &[("a-v1", None)]);
    assert_eq!(union(Some(&old), &new), old);
}

#[test]
fn shares_keep_their_buckets_over_changes() {
    let first = with_buckets(objects(&[("gray", json!({"share": {"percent": 10}}))], &[("a-v1", None)]));
    let held = |objects: &Objects, i: usize| objects.lanes[i].status.clone().unwrap_or_default().buckets;
    let gray = held(&first, 0);
    assert_eq!(gray.iter().map(|range| range.len()).sum::<u16>(), 1_000);
    let mut second = objects(
        &[("blue", json!({"share": {"percent": 5}})), ("gray", json!({"share": {"percent": 20}}))],
        &[("a-v1", None)],
    );
    second.lanes[1].status = first.lanes[0].status.clone();
    let second = with_buckets(second);
    assert!(
        gray.iter().all(|old| held(&second, 1).iter().any(|new| new.from <= old.from && old.to <= new.to))
    );
    let mut third = second.clone();
    third.lanes[1].spec.share = None;
    assert_eq!(with_buckets(third).lanes[1].status, None);
}
