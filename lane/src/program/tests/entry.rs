//! The entry role: matching, precedence, shares, end times, baggage and trail.

use serde_json::{Value, json};

use super::{counters, edits, head, program};
use crate::model::BucketRange;
use crate::share;

/// The lane that a single condition gives to a request.
#[track_caller]
fn enters(condition: Value, lines: &[(&str, &str)], want: bool) {
    let lanes = json!([{"name": "gray", "rules": [{"name": "r", "match": condition.clone()}]}]);
    let program = program("entry", lanes, json!({}));
    let got = program.on_request(&head(lines), 0, 0).lane.is_some();
    assert_eq!(got, want, "{condition} on {lines:?}");
}

#[test]
fn each_subject_is_read_from_its_place() {
    let exact = json!({"exact": "v"});
    enters(json!({"header": {"name": "x-h"}}), &[("x-h", "")], true);
    enters(json!({"header": {"name": "X-H", "value": exact}}), &[("x-h", "v")], true);
    enters(json!({"header": {"name": "x-h", "value": exact}}), &[("x-h", "v"), ("x-h", "w")], false);
    enters(
        json!({"header": {"name": "x-h", "value": {"exact": "v,w"}}}),
        &[("x-h", "v"), ("x-h", "w")],
        true,
    );
    enters(json!({"cookie": {"name": "c", "value": exact}}), &[("cookie", "a=1; c=v")], true);
    enters(json!({"cookie": {"name": "c", "value": exact}}), &[("cookie", "cc=v")], false);
    enters(json!({"query": {"name": "q", "value": {"exact": "a b"}}}), &[(":path", "/?q=a%20b")], true);
    enters(json!({"query": {"name": "q"}}), &[(":path", "/?p=1")], false);
    enters(json!({"path": {"prefix": "/api/"}}), &[(":path", "/api/x?q")], true);
    enters(json!({"path": {"exact": "/api"}}), &[(":path", "/api?q=1")], true);
    enters(json!({"path": {"suffix": ".png"}}), &[(":path", "/a.png?q=1")], true);
    enters(json!({"path": {"contains": "/x/"}}), &[(":path", "/a/x/b")], true);
    enters(json!({"path": {"regex": "/user/[0-9]+"}}), &[(":path", "/user/42")], true);
    enters(json!({"path": {"regex": "/user/[0-9]+"}}), &[(":path", "/user/42/x")], false);
    enters(json!({"method": {"in": ["PUT", "POST"]}}), &[(":method", "POST")], true);
    enters(json!({"method": {"in": ["PUT", "POST"]}}), &[(":method", "GET")], false);
    enters(json!({"host": {"exact": "shop.example"}}), &[(":authority", "Shop.Example:8080")], true);
    enters(json!({"source": {"prefix": "spiffe://mesh/"}}), &[("@identity", "spiffe://mesh/ns/a")], true);
    enters(json!({"source": "present"}), &[], false);
}

#[test]
fn conditions_combine() {
    let h = |name: &str| json!({"header": {"name": name}});
    enters(json!({"all": [h("a"), h("b")]}), &[("a", "1")], false);
    enters(json!({"all": [h("a"), h("b")]}), &[("a", "1"), ("b", "1")], true);
    enters(json!({"any": [h("a"), h("b")]}), &[("b", "1")], true);
    enters(json!({"any": [h("a"), h("b")]}), &[], false);
    enters(json!({"not": h("a")}), &[], true);
    enters(json!({"not": h("a")}), &[("a", "")], false);
    enters(json!({"all": [h("a"), {"not": {"any": [h("b"), h("c")]}}]}), &[("a", "1")], true);
    enters(json!({"all": [h("a"), {"not": {"any": [h("b"), h("c")]}}]}), &[("a", "1"), ("c", "1")], false);
}

#[test]
fn precedence_is_priority_then_specificity_then_name() {
    let rule = |condition: Value| json!([{"name": "r", "match": condition}]);
    let present = || json!({"header": {"name": "h"}});
    let exact = || json!({"header": {"name": "h", "value": {"exact": "1"}}});
    for (lanes, want) in [
        (json!([{"name": "a", "rules": rule(present())}, {"name": "b", "rules": rule(exact())}]), "b"),
        (
            json!([{"name": "a", "priority": 1, "rules": rule(present())}, {"name": "b", "rules": rule(exact())}]),
            "a",
        ),
        (json!([{"name": "b", "rules": rule(exact())}, {"name": "a", "rules": rule(exact())}]), "a"),
        (
            json!([
                {"name": "a", "rules": rule(exact()), "share": {"buckets": [{"from": 0, "to": 10_000}]}},
                {"name": "b", "rules": rule(exact())}
            ]),
            "b",
        ),
    ] {
        let program = program("entry", lanes.clone(), json!({}));
        let lane = program.on_request(&head(&[("h", "1")]), 0, 0).lane.map(|lane| lane.as_str().to_owned());
        assert_eq!(lane.as_deref(), Some(want), "{lanes}");
    }
}

#[test]
fn a_sticky_share_takes_the_buckets_that_it_holds() {
    let bucket = share::bucket(&"shop".parse().unwrap(), b"10.1.2.3");
    let lanes = |from: u16, to: u16| json!([{"name": "gray", "share": {"buckets": [{"from": from, "to": to}], "key": "source"}}]);
    let inside = program("entry", lanes(bucket, bucket + 1), json!({}));
    let outside = program("entry", lanes(bucket + 1, 10_000), json!({}));
    let request = head(&[("@address", "10.1.2.3:4567")]);
    assert!(inside.on_request(&request, 0, 0).lane.is_some());
    assert!(outside.on_request(&request, 0, 0).lane.is_none());
    assert!(inside.on_request(&head(&[]), 0, 0).lane.is_none(), "without the key: baseline");
}

#[test]
fn random_shares_are_disjoint_under_one_draw() {
    let lanes = json!([
        {"name": "a", "share": {"buckets": [{"from": 0, "to": 2_500}]}},
        {"name": "b", "share": {"buckets": [{"from": 2_500, "to": 10_000}]}}
    ]);
    let program = program("entry", lanes, json!({}));
    for (draw, want) in [(0, "a"), (u64::MAX / 4 - 1, "a"), (u64::MAX / 4 + 1, "b"), (u64::MAX, "b")] {
        assert_eq!(program.on_request(&head(&[]), 0, draw).lane.unwrap().as_str(), want, "{draw}");
    }
    assert_eq!(BucketRange { from: 0, to: 2_500 }.len(), 2_500);
}

#[test]
fn an_ended_lane_admits_nobody() {
    let lanes = json!([{"name": "gray", "expiresMs": 1_000, "rules": [
        {"name": "r", "match": {"header": {"name": "h"}}}]}]);
    let program = program("entry", lanes, json!({}));
    assert!(program.needs_time());
    assert!(program.on_request(&head(&[("h", "")]), 999, 0).lane.is_some());
    assert!(program.on_request(&head(&[("h", "")]), 1_000, 0).lane.is_none());
}

#[test]
fn the_head_is_stripped_and_stamped() {
    let lanes = || json!([{"name": "gray", "rules": [{"name": "r", "match": {"header": {"name": "h"}}}]}]);
    let all = || json!({"trail": "x-lane-path", "strip": ["x-lane", "x-envoy-fault-delay-request"]});
    for (lines, extra, want) in [
        (vec![], json!({}), vec![]),
        (vec![("baggage", "a=1")], json!({}), vec![]),
        (vec![("baggage", "a=1, lane=x ,b=2;p")], json!({}), vec!["baggage=a=1,b=2;p"]),
        (vec![("baggage", "lane=forged")], json!({}), vec!["-baggage"]),
        (vec![("h", "1")], json!({}), vec!["x-lane=gray", "baggage=lane=gray"]),
        (vec![("h", "1")], json!({"baggage": null}), vec!["x-lane=gray"]),
        (
            vec![("h", "1"), ("baggage", "a=1,lane=x,b=2;p")],
            json!({}),
            vec!["x-lane=gray", "baggage=a=1,b=2;p,lane=gray"],
        ),
        (
            vec![("x-lane", "forged"), ("x-envoy-fault-delay-request", "9")],
            all(),
            vec!["-x-lane", "-x-envoy-fault-delay-request", "x-lane-path=w;lane=baseline;why=no-rule"],
        ),
        (
            vec![("h", "1")],
            all(),
            vec!["x-lane=gray", "baggage=lane=gray", "x-lane-path=w;lane=gray;why=rule:r"],
        ),
    ] {
        let program = program("entry", lanes(), extra.clone());
        let request = head(&lines);
        assert_eq!(edits(&program.on_request(&request, 0, 0)), want, "{lines:?} with {extra}");
    }
}

#[test]
fn baggage_that_would_grow_too_long_is_left_alone_and_counted() {
    let lanes = json!([{"name": "gray", "rules": [{"name": "r", "match": {"header": {"name": "h"}}}]}]);
    let program = program("entry", lanes, json!({}));
    let long = format!("k={}", "v".repeat(8185));
    let request = head(&[("h", "1"), ("baggage", &long)]);
    let outcome = program.on_request(&request, 0, 0);
    assert_eq!(edits(&outcome), ["x-lane=gray"]);
    assert!(
        counters(&program, &outcome)
            .contains(&"role=.=entry;.;reason=.=baggage;.;graylane_skipped_total".into())
    );
}

#[test]
fn each_request_is_counted_once_by_lane_and_rule() {
    let lanes = json!([{"name": "gray", "rules": [
        {"name": "r1", "match": {"header": {"name": "h"}}},
        {"name": "r2", "match": {"header": {"name": "g"}}}]},
        {"name": "blue", "share": {"buckets": [{"from": 0, "to": 1}]}}]);
    let program = program("entry", lanes, json!({}));
    for (lines, draw, want) in [
        (vec![("g", "1")], u64::MAX, "lane=.=gray;.;rule=.=r2;.;"),
        (vec![("h", "1")], u64::MAX, "lane=.=gray;.;rule=.=r1;.;"),
        (vec![], 0, "lane=.=blue;.;rule=.=share;.;"),
        (vec![], u64::MAX, "lane=.=baseline;.;rule=.=none;.;"),
    ] {
        let request = head(&lines);
        let outcome = program.on_request(&request, 0, draw);
        assert_eq!(counters(&program, &outcome), [format!("role=.=entry;.;{want}graylane_requests_total")]);
    }
}

#[test]
fn rule_counters_are_bounded() {
    let rules: Vec<_> = (0..1_000)
        .map(|i| json!({"name": format!("r{i}"), "match": {"header": {"name": "h", "value": {"exact": i.to_string()}}}}))
        .collect();
    let program = program("entry", json!([{"name": "gray", "rules": rules}]), json!({}));
    assert!(program.counters.len() < super::super::MAX_RULE_COUNTERS + 10, "{}", program.counters.len());
    let request = head(&[("h", "999")]);
    let outcome = program.on_request(&request, 0, 0);
    assert_eq!(
        counters(&program, &outcome),
        ["role=.=entry;.;lane=.=gray;.;rule=.=other;.;graylane_requests_total"]
    );
}

#[test]
fn of_several_groups_at_a_gateway_the_first_that_admits_a_request_decides() {
    let lanes =
        |name: &str| json!([{"name": name, "rules": [{"name": "r", "match": {"header": {"name": "h"}}}]}]);
    let second = program("entry", lanes("blue"), json!({}));
    for (lines, want) in [
        (vec![("h", "1"), ("x-lane", "gray"), ("baggage", "lane=gray")], vec![]),
        (vec![("x-lane", "gray"), ("baggage", "lane=gray")], vec![]),
        (vec![("h", "1")], vec!["x-lane=blue", "baggage=lane=blue"]),
    ] {
        let request = head(&lines);
        assert_eq!(edits(&second.on_request(&request, 0, 0)), want, "{lines:?}");
    }
}

#[test]
fn explain_names_every_rule_and_the_chosen_one() {
    let lanes = json!([
        {"name": "gray", "rules": [
            {"name": "exact", "match": {"header": {"name": "h", "value": {"exact": "1"}}}},
            {"name": "present", "match": {"header": {"name": "h"}}}]},
        {"name": "old", "expiresMs": 5, "rules": [{"name": "present", "match": {"header": {"name": "h"}}}]},
        {"name": "share", "share": {"buckets": [], "key": {"header": "u"}}}
    ]);
    let program = program("entry", lanes, json!({}));
    let request = head(&[("h", "2")]);
    let verdicts = program.explain(&request, 10, 0);
    let text: Vec<_> = verdicts
        .iter()
        .map(|v| {
            let rule = v.rule.map_or("-", |rule| rule.name.as_str());
            format!("{} {rule} holds={} ended={} chosen={}", v.lane, v.holds, v.ended, v.chosen)
        })
        .collect();
    assert_eq!(
        text,
        [
            "gray exact holds=false ended=false chosen=false",
            "gray present holds=true ended=false chosen=true",
            "old present holds=true ended=true chosen=false",
            "share - holds=true ended=false chosen=false",
        ]
    );
    assert_eq!(verdicts[3].share.unwrap().bucket, None);
}
