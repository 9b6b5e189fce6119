//! Which roles a place has, and what they are told.

use lane::model::{BucketRange, LANE, LANE_GROUP, LaneGroupSpec, LaneSpec, LaneStatus};
use lane::program::Program;

use super::*;

fn mk_group(spec: &str) -> LaneGroup {
    let spec: LaneGroupSpec = serde_json::from_str(spec).unwrap();
    LaneGroup::new(LANE_GROUP, "shop".parse().unwrap(), spec)
}

fn mk_lane(name: &str, spec: &str) -> Lane {
    let spec: LaneSpec = serde_json::from_str(spec).unwrap();
    Lane::new(LANE, name.parse().unwrap(), spec)
}

/// Roles of the gateway `edge`, a baseline workload `a` and a workload `a-gray` of a lane.
fn roles(group: &LaneGroup) -> [Vec<Role>; 3] {
    let gray: LaneName = "gray".parse().unwrap();
    let places = [("edge", None, false), ("a", None, true), ("a-gray", Some(&gray), true)];
    places.map(|(name, lane, is_workload)| {
        let name: WorkloadName = name.parse().unwrap();
        let is_entry = group.spec.entries.iter().any(|entry| *entry == name);
        let place = Place { name: &name, lane, is_workload, is_entry };
        incoming_roles(group, place).into_iter().chain(outgoing_roles(group, place)).collect()
    })
}

#[test]
fn a_place_has_only_the_roles_that_it_needs() {
    use Role::{Entry, Inbound, Outbound};
    for (propagation, want) in [
        (r"{}", [vec![Entry], vec![Outbound], vec![Outbound]]),
        (r#"{"trail":"x-lane-path"}"#, [vec![Entry], vec![Inbound, Outbound], vec![Inbound, Outbound]]),
        (r#"{"baggage":null}"#, [vec![Entry], vec![], vec![Outbound]]),
        (
            r#"{"baggage":null,"workloadLane":false,"recovery":{}}"#,
            [vec![Entry], vec![Inbound, Outbound], vec![Inbound, Outbound]],
        ),
        (r#"{"baggage":null,"workloadLane":false}"#, [vec![Entry], vec![], vec![]]),
    ] {
        let group = mk_group(&format!(r#"{{"entries":["edge"],"services":[],"propagation":{propagation}}}"#));
        assert_eq!(roles(&group), want, "{propagation}");
    }
    let group = mk_group(r#"{"entries":["a"],"services":[],"propagation":{"trail":"x-lane-path"}}"#);
    assert_eq!(roles(&group)[0], []);
    assert_eq!(roles(&group)[1], [Entry, Inbound, Outbound]);
}

#[test]
fn every_role_is_told_what_it_needs_and_no_more() {
    let group = mk_group(r#"{"entries":["edge"],"services":[]}"#);
    let mut lane = mk_lane(
        "gray",
        r#"{"group":"shop","priority":3,"expires":"2026-12-01T18:00:00Z",
            "share":{"percent":1,"key":"source"},
            "rules":[{"name":"r1","match":{"header":{"name":"x-gray"}}}]}"#,
    );
    lane.status =
        Some(LaneStatus { buckets: vec![BucketRange { from: 0, to: 100 }], ..LaneStatus::default() });
    let name: WorkloadName = "a".parse().unwrap();
    let gray: LaneName = "gray".parse().unwrap();
    let place = Place { name: &name, lane: Some(&gray), is_workload: true, is_entry: false };
    let config = |role| filter_config(&group, &[&lane], place, role, 7, |_| true);

    let [entry] = config(Role::Entry).lanes.try_into().unwrap();
    assert_eq!((entry.priority, entry.rules.len(), entry.here), (3, 1, false));
    assert_eq!(entry.expires_ms, Some(1_796_148_000_000));
    assert_eq!(entry.share.unwrap().buckets, [BucketRange { from: 0, to: 100 }]);
    for (role, here) in [(Role::Inbound, true), (Role::Outbound, false)] {
        let [lane] = config(role).lanes.try_into().unwrap();
        assert_eq!((lane.priority, lane.rules.len(), lane.share, lane.here), (0, 0, None, here));
        assert_eq!(lane.expires_ms, Some(1_796_148_000_000), "the end holds at every place");
    }
    for role in [Role::Entry, Role::Inbound, Role::Outbound] {
        assert!(Program::compile(config(role)).is_ok(), "{role:?}");
    }
}

#[test]
fn both_roles_of_a_workload_use_one_table() {
    let propagation = r#"{"recovery":{"headers":["b3"],"ttlSeconds":9,"slots":128}}"#;
    let group = mk_group(&format!(r#"{{"entries":[],"services":[],"propagation":{propagation}}}"#));
    let name: WorkloadName = "a".parse().unwrap();
    let place = Place { name: &name, lane: None, is_workload: true, is_entry: true };
    let recovery = |role| filter_config(&group, &[], place, role, 1, |_| false).recovery;
    let table = RecoveryConfig { headers: vec!["b3".parse().unwrap()], ttl_ms: 9_000, slots: 128 };
    assert_eq!(recovery(Role::Inbound).as_ref(), Some(&table));
    assert_eq!(recovery(Role::Outbound), Some(table));
    assert_eq!(recovery(Role::Entry), None);
}

#[test]
fn a_workload_stamps_its_lane_only_where_the_group_says_so() {
    let group = mk_group(r#"{"entries":[],"services":[],"propagation":{"workloadLane":false}}"#);
    let name: WorkloadName = "a-gray".parse().unwrap();
    let gray: LaneName = "gray".parse().unwrap();
    let place = Place { name: &name, lane: Some(&gray), is_workload: true, is_entry: false };
    let own_lane = |role| filter_config(&group, &[], place, role, 1, |_| false).own_lane;
    assert_eq!(own_lane(Role::Outbound), None);
    assert_eq!(own_lane(Role::Inbound), Some(gray.clone()));
}

#[test]
fn only_the_entry_knows_of_sources_and_an_older_module_refuses_them() {
    let lane = |spec: &str| mk_lane("gray", &format!(r#"{{"group":"shop",{spec}}}"#));
    let listed = lane(r#""trust":"Source","sources":{"addresses":["10.0.0.0/8"]}"#);
    let forgotten = lane(r#""trust":"Source""#);
    let free = lane(r#""trust":"Free","sources":{"addresses":["10.0.0.0/8"]}"#);
    let group = mk_group(r#"{"entries":["edge"],"services":[]}"#);
    let name: WorkloadName = "a".parse().unwrap();
    let place = Place { name: &name, lane: None, is_workload: true, is_entry: true };
    for (lane, role, version, ranges) in [
        (&listed, Role::Entry, 3, Some(1)),
        (&forgotten, Role::Entry, 3, Some(0)),
        (&free, Role::Entry, 1, None),
        (&listed, Role::Inbound, 1, None),
        (&listed, Role::Outbound, 1, None),
    ] {
        let config = filter_config(&group, &[lane], place, role, 7, |_| true);
        let found = config.lanes[0].sources.as_ref().map(|sources| sources.addresses.len());
        assert_eq!((config.version, found), (version, ranges), "{role:?}");
        assert!(Program::compile(config).is_ok());
    }
}

#[test]
fn only_the_entry_knows_of_tickets_and_an_older_module_refuses_them() {
    let tickets = r#""tickets":{"keys":[{"id":"k1","publicKey":"6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw",
        "expires":"2026-12-01T18:00:00Z"}]}"#;
    let (with, without) = (format!(",{tickets}"), String::new());
    let rules = r#""rules":[{"name":"r1","match":{"header":{"name":"x-gray"}}}]"#;
    let free = mk_lane("free", &format!(r#"{{"group":"shop",{rules}}}"#));
    let asks = mk_lane("gray", &format!(r#"{{"group":"shop","trust":"Ticket",{rules}}}"#));
    let name: WorkloadName = "a".parse().unwrap();
    let place = Place { name: &name, lane: None, is_workload: true, is_entry: true };
    for (keys, lane, role, version, asked, known) in [
        (&without, &free, Role::Entry, 1, false, false),
        (&without, &asks, Role::Entry, 2, true, false),
        (&with, &free, Role::Entry, 2, false, true),
        (&with, &asks, Role::Entry, 2, true, true),
        (&with, &asks, Role::Inbound, 1, false, false),
        (&with, &asks, Role::Outbound, 1, false, false),
    ] {
        let group = mk_group(&format!(r#"{{"entries":["edge"],"services":[]{keys}}}"#));
        let config = filter_config(&group, &[lane], place, role, 7, |_| true);
        let found = (config.version, config.lanes[0].ticket, config.tickets.is_some());
        assert_eq!(found, (version, asked, known), "{role:?} {keys}");
        let key = config.tickets.iter().flat_map(|tickets| &tickets.keys).next();
        assert!(key.is_none_or(|key| key.expires_ms == Some(1_796_148_000_000)), "{key:?}");
        assert!(Program::compile(config).is_ok());
    }
}
