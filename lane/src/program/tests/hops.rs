//! The inbound and outbound roles: trail, fallbacks, restoring a lost lane.

use serde_json::json;

use super::{counters, edits, head, program};

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
