//! Each fault one row.

mod browser;
mod faults;
mod trust;

use serde_json::{Value, json};

use super::*;
use crate::model::API_VERSION;

fn mk_group(spec: Value) -> LaneGroup {
    let mut full = json!({"entries": ["gateway"], "services": [{"name": "a"}, {"name": "b"}]});
    for (key, value) in spec.as_object().unwrap() {
        full[key] = value.clone();
    }
    let object =
        json!({"apiVersion": API_VERSION, "kind": "LaneGroup", "metadata": {"name": "shop"}, "spec": full});
    crate::parse::group(object).unwrap()
}

fn mk_lane(name: &str, spec: Value) -> Lane {
    let mut full =
        json!({"group": "shop", "rules": [{"name": "r", "match": {"header": {"name": "x-gray"}}}]});
    for (key, value) in spec.as_object().unwrap() {
        full[key] = value.clone();
    }
    let object = json!({"apiVersion": API_VERSION, "kind": "Lane", "metadata": {"name": name}, "spec": full});
    crate::parse::lane(object).unwrap()
}

#[track_caller]
fn check_group(spec: Value, want: &[&str]) {
    let found: Vec<_> = group(&mk_group(spec)).iter().map(ToString::to_string).collect();
    assert_eq!(found, want);
}

#[track_caller]
fn check_lane(spec: Value, want: &[&str]) {
    let facts = Facts { now_ms: 1_000, ..Facts::default() };
    let found = lanes(&mk_group(json!({})), &[mk_lane("gray", spec)], &facts);
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, want);
}

#[track_caller]
fn check_match(condition: Value, want: &[&str]) {
    let want: Vec<_> = want.iter().map(|text| format!("Lane/gray spec.rules[0].match{text}")).collect();
    let want: Vec<_> = want.iter().map(String::as_str).collect();
    check_lane(json!({"rules": [{"name": "r", "match": condition}]}), &want);
}

#[test]
fn groups() {
    check_group(json!({}), &[]);
    check_group(
        json!({"entries": [], "services": []}),
        &[
            "spec.entries: there is no entry; name the gateway that requests come through",
            "spec.services: there is no service; name the services of the call chain",
        ],
    );
    check_group(
        json!({"entries": ["g", "g"], "services": [{"name": "a"}, {"name": "a"}]}),
        &[
            "spec.entries[1]: the name stands twice; rename or remove one of the two",
            "spec.services[1].name: the name stands twice; rename or remove one of the two",
        ],
    );
    check_group(
        json!({"propagation": {"trail": "x-lane"}}),
        &[
            "spec.propagation.trail: the trail would overwrite the lane header x-lane; choose another header, such as x-lane-path",
        ],
    );
}

#[test]
fn headers_of_a_group() {
    for name in ["Authorization", "baggage", "x-envoy-fault-abort-request", "x-forwarded-for"] {
        let name_lower = name.to_ascii_lowercase();
        let reason = format!("{name_lower} has a meaning of its own, which the filter would overwrite");
        check_group(
            json!({"laneHeader": name}),
            &[&format!("spec.laneHeader: {reason}; choose another header, such as x-lane")],
        );
        check_group(
            json!({"propagation": {"trail": name}}),
            &[&format!("spec.propagation.trail: {reason}; choose another header, such as x-lane-path")],
        );
    }
}

#[test]
fn the_table_of_traces() {
    check_group(json!({"propagation": {"recovery": {}}}), &[]);
    let problems = json!({"headers": ["x-lane", "b3", "b3", "Authorization"], "ttlSeconds": 0, "slots": 1});
    let told = "does not tell one request's trace from another's; name a header that is new with every trace, \
                such as traceparent";
    check_group(
        json!({"propagation": {"recovery": problems}}),
        &[
            "spec.propagation.recovery.ttlSeconds: 0 s is not between 1 second and 1 hour; write the longest time \
             that an application takes to send its requests",
            "spec.propagation.recovery.slots: 1 is not between 64 and 262144; leave it out, or write more where \
             graylane_traces_total counts evicted traces",
            "spec.propagation.recovery.headers[2]: the name stands twice; rename or remove one of the two",
            &format!("spec.propagation.recovery.headers[0]: x-lane {told}"),
            &format!("spec.propagation.recovery.headers[3]: authorization {told}"),
        ],
    );
}

#[test]
fn lanes_alone() {
    check_lane(json!({}), &[]);
    check_lane(
        json!({"group": "other"}),
        &["Lane/gray spec.group: the group other is not shop; write shop, or add the lane to its own group"],
    );
    check_lane(
        json!({"rules": []}),
        &[
            "Lane/gray spec.rules: the lane admits nobody; add a rule or a share, unless only requests that are marked already belong to it",
        ],
    );
    check_lane(
        json!({"expires": "1970-01-01T00:00:01Z"}),
        &[
            "Lane/gray spec.expires: the lane ended at 1970-01-01T00:00:01Z; set a later end, or remove the lane",
        ],
    );
    check_lane(json!({"expires": "1970-01-01T00:00:02Z"}), &[]);
    check_lane(
        json!({"expires": "1960-01-01T00:00:00Z"}),
        &[
            "Lane/gray spec.expires: the lane ended at 1960-01-01T00:00:00Z; set a later end, or remove the lane",
        ],
    );
    check_lane(
        json!({"rules": [
            {"name": "r", "match": {"path": "present"}},
            {"name": "r", "match": {"method": "present"}},
        ]}),
        &["Lane/gray spec.rules[1].name: the name stands twice; rename or remove one of the two"],
    );
}

#[test]
fn conditions() {
    check_match(
        json!({"header": {"name": "X-Lane"}}),
        &[
            ".header.name: x-lane is written by the filter and removed from what outsiders send; choose another header, such as x-gray",
        ],
    );
    check_match(json!({"all": []}), &[".all: all has no conditions; add one or remove the rule"]);
    check_match(
        json!({"any": [{"not": {"any": []}}]}),
        &[".any[0].not.any: any has no conditions; add one or remove the rule"],
    );
    check_match(json!({"cookie": {"name": ""}}), &[".cookie.name: the name is empty; write the name"]);
    check_match(
        json!({"query": {"name": "q", "value": {"in": []}}}),
        &[".query.value.in: the list is empty; add a value"],
    );
    check_match(
        json!({"path": {"prefix": ""}}),
        &[".path.prefix: the prefix is empty and holds for every value; write a text, or present"],
    );
    check_match(
        json!({"path": {"exact": "api"}}),
        &[".path.exact: the path \"api\" does not start with a slash and never matches; write \"/api\""],
    );
    check_match(
        json!({"path": {"regex": "("}}),
        &[
            ".path.regex: found open group without closing ')'; correct it, or use exact, prefix, suffix, contains or in",
        ],
    );
    check_match(
        json!({"method": {"exact": "get"}}),
        &[".method.exact: methods are upper case, and \"get\" is not; write GET"],
    );
    check_match(
        json!({"method": {"in": ["GET", "post"]}}),
        &[".method.in[1]: methods are upper case, and \"post\" is not; write POST"],
    );
    let values: Vec<String> = (0..=MAX_VALUES).map(|i| i.to_string()).collect();
    check_match(
        json!({"host": {"in": values}}),
        &[".host.in: the list has 1001 values, more than 1000; divide it into several rules"],
    );
    let many: Vec<Value> = (0..MAX_TERMS).map(|_| json!({"header": {"name": "h"}})).collect();
    check_match(
        json!({"any": many}),
        &[": the rule has 65 conditions, more than 64; divide it into several rules, or use in-lists"],
    );
    let deep = (0..20).fold(json!({"header": {"name": "h"}}), |inner, _| json!({"not": inner}));
    check_match(
        deep,
        &[".not.not.not.not.not.not.not.not.not: conditions nest deeper than 8; flatten all, any and not"],
    );
}

#[test]
fn texts_that_never_match() {
    check_match(json!({"path": {"in": ["/", "*"]}}), &[]);
    check_match(json!({"path": {"suffix": ".png"}}), &[]);
    check_match(
        json!({"path": {"in": ["/a", ""]}}),
        &[".path.in[1]: the path \"\" does not start with a slash and never matches; write \"/\""],
    );
    check_match(
        json!({"path": {"contains": "?b=1"}}),
        &[
            ".path.contains: \"?b=1\" never matches, since query and fragment are no part of the path; write the path alone, and a query condition for the rest",
        ],
    );
    check_match(json!({"host": {"exact": "[::1]"}}), &[]);
    check_match(json!({"host": {"prefix": "[2001:db8:"}}), &[]);
    check_match(
        json!({"host": {"prefix": "shop:"}}),
        &[
            ".host.prefix: \"shop:\" never matches, since hosts are compared in lower case, without port; write \"shop\"",
        ],
    );
    check_match(
        json!({"host": {"in": ["shop", "Shop.example:80"]}}),
        &[
            ".host.in[1]: \"Shop.example:80\" never matches, since hosts are compared in lower case, without port; write \"shop.example\"",
        ],
    );
    check_match(
        json!({"host": {"suffix": ".Example"}}),
        &[
            ".host.suffix: \".Example\" never matches, since hosts are compared in lower case, without port; write \".example\"",
        ],
    );
    check_match(
        json!({"cookie": {"name": "user=1"}}),
        &[".cookie.name: no cookie can be named \"user=1\"; write the name only, without = and value"],
    );
}

#[test]
fn keys_of_shares() {
    let key = |key: Value| json!({"share": {"percent": 1, "key": key}});
    check_lane(key(json!({"cookie": "user"})), &[]);
    check_lane(key(json!("source")), &[]);
    check_lane(
        key(json!({"header": "x-lane"})),
        &[
            "Lane/gray spec.share.key.header: x-lane is written by the filter and removed from what outsiders send; choose another header, such as x-gray",
        ],
    );
    check_lane(
        key(json!({"cookie": ""})),
        &["Lane/gray spec.share.key.cookie: the name is empty; write the name"],
    );
    check_lane(
        key(json!({"query": ""})),
        &["Lane/gray spec.share.key.query: the name is empty; write the name"],
    );
}

#[test]
fn lanes_together() {
    let share = |percent: f64| json!({"share": {"percent": percent}});
    let group = mk_group(json!({"fallback": "Strict"}));
    let all = [mk_lane("a", share(60.5)), mk_lane("b", share(40.0)), mk_lane("a", json!({}))];
    let versions = ["a", "b"].iter().flat_map(|lane| {
        ["a", "b"].map(|service| (lane.parse::<LaneName>().unwrap(), service.parse::<ServiceName>().unwrap()))
    });
    let versions =
        versions.filter(|(lane, service)| lane.as_str() != "b" || service.as_str() != "b").collect();
    let found = lanes(&group, &all, &Facts { now_ms: 0, versions });
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "Lane/b metadata.name: the group is strict, and the lane has no workload of b; deploy one, or requests of the lane are answered with 503 there",
            "Lane/a metadata.name: the name stands twice; rename or remove one of the two",
            "Lane/b spec.share.percent: the shares add up to 100.50%: a 60.5%, b 40%; lower them to 100% together",
        ]
    );
}

#[test]
fn too_many_rules() {
    let rule = |i: usize| json!({"name": format!("r{i}"), "match": {"header": {"name": "h"}}});
    let rules: Vec<Value> = (0..=MAX_RULES).map(rule).collect();
    check_lane(
        json!({"rules": rules}),
        &[
            "Lane/gray spec.rules: the group's lanes have 10001 rules, more than 10000; use in-lists, prefixes or a share instead",
        ],
    );
}
