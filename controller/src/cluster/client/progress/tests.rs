//! When a change counts as done, and what is named until then.

use serde_json::{Value, json};

use super::*;

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": kind, "status": status, "observedGeneration": 2, "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z" })
}

fn good() -> [Value; 2] {
    [condition(ACCEPTED, "True", ACCEPTED, ""), condition(PROGRAMMED, "True", PROGRAMMED, "")]
}

fn group(status: Value) -> LaneGroup {
    serde_json::from_value(json!({
        "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneGroup",
        "metadata": { "name": "shop", "generation": 2 },
        "spec": { "entries": ["gateway"], "services": [{ "name": "a" }] },
        "status": status,
    }))
    .unwrap()
}

fn programmed(phase: &str, proxies: Value) -> LaneGroup {
    let known = json!({ "name": "gray", "phase": phase, "since": "2026-01-01T00:00:00Z" });
    group(json!({ "observedGeneration": 2, "rulesGeneration": 7, "proxies": proxies, "lanes": [known],
                  "conditions": good() }))
}

fn lane(observed: i64, conditions: &[Value]) -> Lane {
    serde_json::from_value(json!({
        "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane",
        "metadata": { "name": "gray", "generation": 2 },
        "spec": { "group": "shop" },
        "status": { "observedGeneration": observed, "conditions": conditions },
    }))
    .unwrap()
}

fn all(ready: u32) -> Value {
    json!({ "ready": ready, "total": 3 })
}

#[track_caller]
fn lags(goal: Goal<'_>, group: &LaneGroup, lanes: &[Lane], want: &str) {
    match Progress::of(goal, Demand::All, group, lanes) {
        Progress::Lagging(lines) => assert_eq!(lines.join("\n"), want),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lane_is_there_when_it_admits_and_every_proxy_has_said_so() {
    let name: LaneName = "gray".parse().unwrap();
    let goal = Goal::Lane(&name);
    let gray = [lane(2, &good())];
    let done = Progress::of(goal, Demand::All, &programmed("Admitted", all(3)), &gray);
    assert!(matches!(done, Progress::Done(_)), "{done:?}");
    lags(goal, &programmed("Admitted", all(2)), &gray, "group shop: 2 of 3 proxies run generation 7");
    lags(
        goal,
        &programmed("Routed", all(3)),
        &gray,
        "lane gray: Routed, nobody is admitted before all proxies have its routes",
    );
    lags(
        goal,
        &programmed("Admitted", all(3)),
        &[lane(1, &good())],
        "lane gray: the controller has not looked at generation 2 yet",
    );
    lags(goal, &programmed("Admitted", all(3)), &[], "lane gray: it has been removed");
}

#[test]
fn a_lane_that_is_refused_is_not_waited_for() {
    let name: LaneName = "gray".parse().unwrap();
    let refused = [lane(2, &[condition(ACCEPTED, "False", "Invalid", "spec.rules: wrong; mend it")])];
    let progress = Progress::of(Goal::Lane(&name), Demand::All, &programmed("Admitted", all(3)), &refused);
    assert_eq!(progress, Progress::Refused(vec!["lane gray: spec.rules: wrong; mend it".to_owned()]));
}

#[test]
fn a_lane_is_gone_when_the_proxies_know_it_no_more() {
    let name: LaneName = "gray".parse().unwrap();
    lags(
        Goal::Gone(&name),
        &programmed("Retiring", all(3)),
        &[],
        "lane gray: Retiring, requests in flight still find their way",
    );
    lags(
        Goal::Group,
        &programmed("Retiring", all(3)),
        &[],
        "lane gray: Retiring, requests in flight still find their way",
    );
    let without = group(json!({ "observedGeneration": 2, "proxies": all(3), "conditions": good() }));
    let done = Progress::of(Goal::Gone(&name), Demand::All, &without, &[]);
    assert!(matches!(done, Progress::Done(_)), "{done:?}");
}

#[test]
fn proxies_that_cannot_be_asked_are_excused_only_on_demand() {
    let unverified = group(json!({
        "observedGeneration": 2, "proxies": { "ready": 1, "total": 3, "unverified": 2 },
        "conditions": [condition(PROGRAMMED, "False", "ProxiesUnverified", "2 could not be asked")],
    }));
    lags(Goal::Group, &unverified, &[], "group shop: ProxiesUnverified: 2 could not be asked");
    let excused = Progress::of(Goal::Group, Demand::Verifiable, &unverified, &[]);
    assert!(matches!(excused, Progress::Done(_)), "{excused:?}");
}

#[test]
fn what_nobody_has_looked_at_is_not_done() {
    lags(
        Goal::Group,
        &group(json!(null)),
        &[],
        "group shop: the controller has not looked at generation 2 yet",
    );
}
