//! Faults: whom they are for, what they do, and until when.

use super::*;
use crate::model::{LANE_FAULT, LaneFault};

#[track_caller]
fn check(spec: Value, want: &[&str]) {
    let group = mk_group(json!({"faults": {}}));
    let mut all =
        json!({"group": "shop", "to": "b", "expires": "2026-12-01T00:00:00Z", "delay": {"fixed": "5s"}});
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    let fault: LaneFault =
        LaneFault::new(LANE_FAULT, "f".parse().unwrap(), serde_json::from_value(all).unwrap());
    let lanes = [mk_lane("gray", json!({}))];
    let found: Vec<_> =
        faults(&group, &lanes, &[fault], &Facts::default()).iter().map(ToString::to_string).collect();
    assert_eq!(found, want.iter().map(|text| format!("LaneFault/f {text}")).collect::<Vec<_>>(), "{spec}");
}

#[test]
fn faults_that_make_sense() {
    check(json!({}), &[]);
    check(json!({"lane": "gray", "from": "a", "match": {"method": {"exact": "GET"}}, "percent": 0.01}), &[]);
    check(json!({"lane": "baseline", "from": "gateway", "delay": null, "abort": {"grpc": 14}}), &[]);
}

#[test]
fn faults_that_make_none() {
    check(json!({"to": "z"}), &["spec.to: z is no service of the group; write one of a, b"]);
    check(
        json!({"from": "z"}),
        &["spec.from: z is neither a service nor an entry of the group; write one of a, b"],
    );
    check(json!({"lane": "blue"}), &["spec.lane: there is no lane blue; set the lane, or write another one"]);
    check(
        json!({"delay": null}),
        &["spec: nothing would happen; add delay, abort or throughputKibPerSecond"],
    );
    check(
        json!({"delay": {"fixed": "1s", "uniform": {"from": "1s", "to": "2s"}}}),
        &["spec.delay: a delay has exactly one of fixed, uniform and normal; keep one of them"],
    );
    check(
        json!({"delay": {"uniform": {"from": "2s", "to": "1s"}}}),
        &["spec.delay.uniform: it ends at 1s before it starts at 2s; swap from and to"],
    );
    check(
        json!({"delay": {"normal": {"mean": "200s", "deviation": "10s"}}}),
        &[
            "spec.delay: up to 260000 ms is more than 240000 ms: Envoy ends a stream that idles longer; shorten it, or abort the requests",
        ],
    );
    check(
        json!({"abort": {"http": 99}, "percent": 0, "throughputKibPerSecond": 0}),
        &[
            "spec.abort.http: 99 is no status that a proxy can answer with; write 200 to 599, such as 503",
            "spec.throughputKibPerSecond: nothing would flow; write 1 or more KiB per second, or abort",
            "spec.percent: no request would suffer; write more than 0, or stop the fault",
        ],
    );
    check(
        json!({"abort": {"grpc": 0}, "expires": "1970-01-01T00:00:00Z"}),
        &[
            "spec.abort.grpc: 0 is no gRPC status of a failure; write 1 to 16, such as 14 (UNAVAILABLE)",
            "spec.expires: the fault ended at 1970-01-01T00:00:00Z; stop the fault, or set a later end",
        ],
    );
}

#[test]
fn a_group_without_a_place_for_faults_has_none() {
    let spec =
        json!({"group": "other", "to": "b", "expires": "2026-12-01T00:00:00Z", "abort": {"http": 503}});
    let fault = |name: &str| {
        LaneFault::new(LANE_FAULT, name.parse().unwrap(), serde_json::from_value(spec.clone()).unwrap())
    };
    let all: Vec<_> = (0..65).map(|i| fault(&format!("f{i}"))).chain([fault("f0")]).collect();
    let found = faults(&mk_group(json!({})), &[], &all, &Facts::default());
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(texts.contains(&"LaneFault/f0 spec.group: the group other is not shop; write shop, or add the fault to its own group".to_owned()), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("have no place for faults")));
    assert!(texts.iter().any(|text| text.contains("LaneFault/f64 metadata.name: the group has 66 faults")));
    assert!(texts.iter().any(|text| text.contains("LaneFault/f0 metadata.name: the name stands twice")));
}

#[test]
fn an_end_is_required() {
    let text = json!({"apiVersion": "graylane.dev/v1alpha1", "kind": "LaneFault", "metadata": {"name": "f"},
        "spec": {"group": "shop", "to": "b", "abort": {"http": 503}}});
    let problems = crate::parse::fault(text).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].to_string().starts_with("spec.expires"), "{problems:?}");
}
