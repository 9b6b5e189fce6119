//! The inbound and outbound roles: trail, fallbacks, restoring a lost lane.

use serde_json::json;

use super::super::{Known, Program};
use super::{counters, edits, head, program};
use crate::head::MemoryHead;
use crate::outcome::Outcome;
use crate::recovery::Slots;
use crate::ticket::Direct;

/// A request at this time, where these are the slots.
fn with<'a>(program: &'a Program, request: &MemoryHead, slots: &impl Slots, now_ms: u64) -> Outcome<'a> {
    program.run(request, &Known { signatures: &Direct, traces: slots }, now_ms, 0)
}

#[test]
fn inbound_writes_who_was_reached_and_why() {
    let lanes = || json!([{"name": "gray", "here": true}, {"name": "blue"}]);
    for (own, lane, want) in [
        (None, None, "w;lane=baseline;why=baseline"),
        (None, Some("gray"), "w;lane=baseline;why=unavailable"),
        (None, Some("blue"), "w;lane=baseline;why=no-version"),
        (None, Some("green"), "w;lane=baseline;why=unknown-lane"),
        (Some("gray"), Some("gray"), "w;lane=gray;why=own"),
        (Some("gray"), Some("blue"), "w;lane=gray;why=stray"),
        (Some("gray"), None, "w;lane=gray;why=stray"),
    ] {
        let program = program("inbound", lanes(), json!({"trail": "x-lane-path", "ownLane": own}));
        let mut lines = vec![("x-lane-path", "gw;lane=gray;why=rule:r")];
        lines.extend(lane.map(|lane| ("x-lane", lane)));
        let request = head(&lines);
        let outcome = program.on_request(&request, 0, 0);
        assert_eq!(
            edits(&outcome),
            [format!("x-lane-path=gw;lane=gray;why=rule:r, {want}")],
            "{own:?} {lane:?}"
        );
    }
}

#[test]
fn fallbacks_are_counted_by_reason() {
    let lanes = json!([{"name": "gray", "here": true}, {"name": "blue"}]);
    let program = program("inbound", lanes, json!({}));
    for (lane, want) in [("gray", "unavailable"), ("blue", "no-version")] {
        let request = head(&[("x-lane", lane)]);
        let outcome = program.on_request(&request, 0, 0);
        assert_eq!(
            counters(&program, &outcome),
            [
                format!("role=.=inbound;.;lane=.={lane};.;graylane_requests_total"),
                format!("role=.=inbound;.;lane=.={lane};.;reason=.={want};.;graylane_fallbacks_total"),
            ]
        );
    }
}

#[test]
fn a_full_trail_is_left_alone_and_counted() {
    let program = program("inbound", json!([]), json!({"trail": "x-lane-path"}));
    let full = "x".repeat(5_000);
    let request = head(&[("x-lane-path", &full)]);
    let outcome = program.on_request(&request, 0, 0);
    assert!(outcome.edits.is_empty());
    assert!(counters(&program, &outcome)[1].contains("reason=.=trail"));
}

#[test]
fn outbound_takes_header_then_baggage_then_the_own_lane() {
    let lanes = || json!([{"name": "gray"}, {"name": "blue"}, {"name": "old", "expiresMs": 1_000}]);
    for (own, lines, want) in [
        (None, vec![], vec![]),
        (None, vec![("x-lane", "blue"), ("baggage", "lane=gray")], vec![]),
        (None, vec![("x-lane", "unknown")], vec![]),
        (None, vec![("baggage", "a=1,lane=gray")], vec!["x-lane=gray"]),
        (None, vec![("baggage", "lane=unknown")], vec![]),
        (None, vec![("baggage", "lane=old")], vec![]),
        (Some("gray"), vec![], vec!["x-lane=gray", "baggage=lane=gray"]),
        (Some("gray"), vec![("baggage", "a=1")], vec!["x-lane=gray", "baggage=a=1,lane=gray"]),
        (Some("gray"), vec![("baggage", "lane=blue")], vec!["x-lane=blue"]),
        (Some("gray"), vec![("x-lane", "blue")], vec![]),
        (Some("old"), vec![], vec![]),
        (Some("removed"), vec![], vec![]),
    ] {
        let program = program("outbound", lanes(), json!({"ownLane": own}));
        let request = head(&lines);
        assert_eq!(edits(&program.on_request(&request, 1_000, 0)), want, "{own:?} {lines:?}");
    }
}

#[test]
fn what_was_restored_is_counted_with_its_source() {
    let program = program("outbound", json!([{"name": "gray"}]), json!({"ownLane": "gray"}));
    for (lines, want) in [(vec![("baggage", "lane=gray")], "baggage"), (vec![], "workload")] {
        let request = head(&lines);
        let outcome = program.on_request(&request, 0, 0);
        assert_eq!(
            counters(&program, &outcome),
            [format!("role=.=outbound;.;lane=.=gray;.;reason=.={want};.;graylane_restored_total")]
        );
    }
}

/// One slot for all traces.
#[derive(Default)]
struct OneSlot(std::cell::RefCell<Vec<u8>>);

impl Slots for OneSlot {
    fn read(&self, _slot: u32) -> Option<(Vec<u8>, u32)> {
        Some((self.0.borrow().clone(), 1))
    }

    fn write(&self, _slot: u32, bytes: &[u8], _version: Option<u32>) -> bool {
        *self.0.borrow_mut() = bytes.to_vec();
        true
    }
}

#[test]
fn outbound_takes_what_arrived_with_the_same_trace() {
    let lanes = || json!([{"name": "gray"}, {"name": "blue"}, {"name": "old", "expiresMs": 1_000}]);
    let recovery = || json!({"headers": ["x-trace"], "ttlMs": 30_000, "slots": 64});
    let arrivals: &[(&str, Option<&str>)] = &[
        ("gray", Some("gray")),
        ("old", Some("old")),
        ("unknown", Some("green")),
        ("none", None),
        ("both", Some("gray")),
        ("both", None),
        ("two", Some("gray")),
        ("two", Some("blue")),
    ];
    let slots = OneSlot::default();
    let inbound = program("inbound", lanes(), json!({"recovery": recovery()}));
    for (trace, lane) in arrivals {
        let mut lines = vec![("x-trace", *trace)];
        lines.extend(lane.map(|lane| ("x-lane", lane)));
        let request = head(&lines);
        assert!(with(&inbound, &request, &slots, 500).edits.is_empty());
    }
    let gray: &[&str] = &["x-lane=gray", "baggage=lane=gray"];
    let blue: &[&str] = &["x-lane=blue", "baggage=lane=blue"];
    for (own, trace, want, counter) in [
        (None, Some("gray"), gray, "lane=.=gray;.;reason=.=trace;.;graylane_restored_total"),
        (Some("blue"), Some("gray"), gray, "lane=.=gray;.;reason=.=trace;.;graylane_restored_total"),
        (None, Some("old"), &[], ""),
        (None, Some("unknown"), &[], ""),
        (None, Some("none"), &[], ""),
        (Some("blue"), Some("none"), blue, "lane=.=blue;.;reason=.=workload;.;graylane_restored_total"),
        (None, Some("both"), &[], "reason=.=ambiguous;.;graylane_traces_total"),
        (Some("blue"), Some("both"), &[], "reason=.=ambiguous;.;graylane_traces_total"),
        (None, Some("two"), &[], "reason=.=ambiguous;.;graylane_traces_total"),
        (None, Some("never"), &[], "reason=.=missed;.;graylane_traces_total"),
        (None, None, &[], "reason=.=untraced;.;graylane_traces_total"),
    ] {
        let outbound = program("outbound", lanes(), json!({"recovery": recovery(), "ownLane": own}));
        let lines: Vec<_> = trace.map(|trace| ("x-trace", trace)).into_iter().collect();
        let request = head(&lines);
        let outcome = with(&outbound, &request, &slots, 1_000);
        assert_eq!(edits(&outcome), want, "{own:?} {trace:?}");
        let counted = counters(&outbound, &outcome);
        let wanted: Vec<_> =
            [counter].iter().filter(|c| !c.is_empty()).map(|c| format!("role=.=outbound;.;{c}")).collect();
        assert_eq!(counted, wanted, "{own:?} {trace:?}");
    }
}

#[test]
fn header_and_baggage_go_before_the_trace() {
    let recovery = json!({"headers": ["x-trace"], "ttlMs": 30_000, "slots": 64});
    let lanes = || json!([{"name": "gray"}, {"name": "blue"}]);
    let slots = OneSlot::default();
    let inbound = program("inbound", lanes(), json!({"recovery": recovery}));
    let _ = with(&inbound, &head(&[("x-trace", "1"), ("x-lane", "gray")]), &slots, 0);
    let outbound = program("outbound", lanes(), json!({"recovery": recovery}));
    for (line, want) in [(("x-lane", "blue"), vec![]), (("baggage", "lane=blue"), vec!["x-lane=blue"])] {
        let request = head(&[("x-trace", "1"), line]);
        assert_eq!(edits(&with(&outbound, &request, &slots, 1)), want, "{line:?}");
    }
}

#[test]
fn a_table_without_bounds_is_refused() {
    let config = json!({
        "version": 1, "generation": 7, "group": "shop", "role": "inbound", "workload": "w",
        "laneHeader": "x-lane", "lanes": [],
        "recovery": {"headers": ["traceparent"], "ttlMs": 30_000, "slots": 4_000_000_000_u32},
    });
    let problems = Program::from_json(config.to_string().as_bytes()).unwrap_err();
    assert!(problems[0].to_string().starts_with("recovery.slots: 4000000000 is not between"), "{problems:?}");
}
