//! Which fault a request suffers, and what Envoy's fault filter is told.

use serde_json::{Value, json};

use super::super::Program;
use super::{counters, edits, head, program};
use crate::name::FaultName;

/// A program whose role has these faults.
fn faulty(role: &str, faults: Value) -> Program {
    let lanes = json!([{"name": "gray", "here": true}]);
    program(role, lanes, json!({"version": 2, "baggage": null, "faults": faults}))
}

/// A fault that hits everybody, with more said of it.
fn fault(more: Value) -> Value {
    let mut fault = json!({"name": "slow", "expiresMs": 1_000, "percent": 100, "delay": {"shape": {"uniform": {"from": 50, "to": 50}}}});
    for (key, value) in more.as_object().unwrap() {
        fault[key] = value.clone();
    }
    fault
}

const DELAYED: [&str; 2] = ["x-envoy-fault-delay-request=50", "x-graylane-fault=shop"];

#[track_caller]
fn check(role: &str, more: Value, lines: &[(&str, &str)], suffers: bool) {
    let program = faulty(role, json!([fault(more.clone())]));
    let outcome = program.on_request(&head(lines), 999, 0);
    let want = if suffers { DELAYED.as_slice() } else { &[] };
    assert_eq!(edits(&outcome), want, "{more} {lines:?}");
    assert_eq!(outcome.fault.map(FaultName::as_str), suffers.then_some("slow"));
}

#[test]
fn all_that_is_said_of_the_scope_must_hold() {
    let gray = ("x-lane", "gray");
    check("inbound", json!({}), &[], true);
    check("inbound", json!({"lane": "gray"}), &[gray], true);
    check("inbound", json!({"lane": "gray"}), &[], false);
    check("inbound", json!({"lane": "gray"}), &[("x-lane", "unknown")], false);
    check("inbound", json!({"lane": "baseline"}), &[], true);
    check("inbound", json!({"lane": "baseline"}), &[gray], false);

    let caller = |names| ("x-graylane-caller", names);
    check("inbound", json!({"from": "cart"}), &[caller("cart")], true);
    check("inbound", json!({"from": "cart"}), &[caller("basket,cart")], true);
    check("inbound", json!({"from": "cart"}), &[caller("carts")], false);
    check("inbound", json!({"from": "cart"}), &[], false);

    let to_b = json!({"to": "b"});
    check("outbound", to_b.clone(), &[("@destination", "b")], true);
    check("outbound", to_b.clone(), &[("@destination", "bb")], false);
    check("outbound", to_b, &[], false);

    let pay = json!({"match": {"all": [{"method": {"exact": "POST"}}, {"path": {"prefix": "/pay"}}]}});
    check("inbound", pay.clone(), &[(":method", "POST"), (":path", "/pay/1?a")], true);
    check("inbound", pay, &[(":method", "GET"), (":path", "/pay/1")], false);
}

#[test]
fn each_kind_has_its_header() {
    let (http, grpc) =
        (json!({"delay": null, "abort": {"http": 503}}), json!({"delay": null, "abort": {"grpc": 7}}));
    let narrow = json!({"delay": null, "throughputKibPerSecond": 8});
    for (more, kind, want) in [
        (&http, "application/json", "x-envoy-fault-abort-request=503"),
        (&http, "application/grpc", "x-envoy-fault-abort-request=503"),
        (&grpc, "application/grpc+proto", "x-envoy-fault-abort-grpc-request=7"),
        (&grpc, "application/json", "x-envoy-fault-abort-request=403"),
        (&narrow, "application/json", "x-envoy-fault-throughput-response=8"),
    ] {
        let program = faulty("inbound", json!([fault(more.clone())]));
        let request = head(&[("content-type", kind)]);
        assert_eq!(edits(&program.on_request(&request, 0, 0)), [want, "x-graylane-fault=shop"]);
    }
}

#[test]
fn the_filter_itself_keeps_the_end() {
    let program = faulty("inbound", json!([fault(json!({}))]));
    assert!(program.needs_time());
    assert!(program.on_request(&head(&[]), 999, 0).fault.is_some());
    assert!(program.on_request(&head(&[]), 1_000, 0).fault.is_none());
}

#[test]
fn the_first_fault_that_hits_is_the_only_one() {
    let other = fault(json!({"name": "other", "abort": {"http": 500}}));
    let program =
        faulty("inbound", json!([fault(json!({"expiresMs": 1})), fault(json!({"lane": "gray"})), other]));
    let outcome = program.on_request(&head(&[]), 1, 0);
    assert_eq!(outcome.fault.map(FaultName::as_str), Some("other"));
    assert_eq!(
        counters(&program, &outcome),
        [
            "role=.=inbound;.;lane=.=baseline;.;graylane_requests_total",
            "role=.=inbound;.;fault=.=other;.;graylane_faults_total",
        ]
    );
}

#[test]
fn another_groups_fault_is_enough() {
    check("inbound", json!({}), &[("x-graylane-fault", "demo/other")], false);
}

#[test]
fn a_key_decides_alike_every_time_and_a_seed_otherwise() {
    let verdicts = |seed: u32, more: Value| -> Vec<bool> {
        let mut spec = fault(json!({"percent": 30, "key": "x-user", "seed": seed}));
        spec["perAttempt"] = more;
        let program = faulty("inbound", json!([spec]));
        (0..1_000)
            .map(|user| {
                let (user, attempt) = (format!("user{user}"), if user % 2 == 0 { "1" } else { "2" });
                let lines = [("x-user", user.as_str()), ("x-envoy-attempt-count", attempt)];
                program.on_request(&head(&lines), 0, u64::from(seed)).fault.is_some()
            })
            .collect()
    };
    let one = verdicts(1, json!(false));
    let count = one.iter().filter(|hit| **hit).count();
    assert!((250..350).contains(&count), "{count} of 1,000 for 30 %");
    assert_eq!(one, verdicts(1, json!(false)));
    assert_ne!(one, verdicts(2, json!(false)));
    assert_ne!(one, verdicts(1, json!(true)));
}

#[test]
fn what_nothing_tells_from_others_is_drawn_anew() {
    let program = faulty("inbound", json!([fault(json!({"percent": 50}))]));
    let hits = (0..1_000).filter(|draw| program.on_request(&head(&[]), 0, *draw).fault.is_some()).count();
    assert!((400..600).contains(&hits), "{hits} of 1,000 for 50 %");
}

#[test]
fn bad_faults_are_refused_as_a_whole() {
    for (faults, want) in [
        (json!([fault(json!({"match": {"path": {"regex": "("}}}))]), "faults[0].match"),
        (json!(vec![fault(json!({})); 65]), "faults: 65 faults are more than 64"),
    ] {
        let config = json!({"version": 2, "generation": 7, "group": "shop", "role": "inbound", "workload": "w",
            "laneHeader": "x-lane", "lanes": [], "faults": faults});
        let problems = Program::from_json(config.to_string().as_bytes()).unwrap_err();
        assert!(problems[0].to_string().starts_with(want), "{problems:?}");
    }
}
