//! CORS preflights at the entry: they enter the lane that the request after them will enter.

use serde_json::json;

use super::{head, program};
use crate::name::LaneName;

const ASKS: (&str, &str) = ("access-control-request-method", "PUT");
const OPTIONS: (&str, &str) = (":method", "OPTIONS");

/// Lanes by rules of each kind, in order of priority.
fn lanes() -> serde_json::Value {
    let rule = |condition: serde_json::Value| json!([{"name": "r", "match": condition}]);
    let header = |name: &str, value: serde_json::Value| json!({"header": {"name": name, "value": value}});
    json!([
        {"name": "ticket", "priority": 9, "ticket": true, "rules": rule(header("x-ticket", json!("present")))},
        {"name": "gray", "priority": 8, "rules": rule(header("x-gray", json!("present")))},
        {"name": "user", "priority": 7, "rules": rule(json!({"all": [header("x-user", json!({"exact": "7"})), {"path": {"prefix": "/api"}}]}))},
        {"name": "origin", "priority": 6, "rules": rule(header("origin", json!({"exact": "https://test.example"})))},
        {"name": "path", "priority": 5, "rules": rule(json!({"path": {"prefix": "/new"}}))},
        {"name": "not", "priority": 4, "rules": rule(json!({"all": [{"path": {"exact": "/n"}}, {"not": header("x-gone", json!("present"))}]}))},
        {"name": "sticky", "priority": 3, "rules": rule(header("x-sticky", json!("present"))), "share": {"buckets": [{"from": 0, "to": 10_000}], "key": {"header": "x-sticky"}}},
        {"name": "source", "priority": 2, "rules": rule(header("x-source", json!("present"))), "sources": {"addresses": ["10.0.0.0/8"]}},
    ])
}

#[test]
fn a_preflight_enters_the_lane_of_the_request_after_it() {
    let shop =
        program("entry", lanes(), json!({"version": 3, "baggage": null, "tickets": {"header": "x-t"}}));
    let names = |names| ("access-control-request-headers", names);
    for (lines, want) in [
        (&[OPTIONS, ASKS, names("x-gray")][..], Some("gray")),
        (&[OPTIONS, ASKS, names("content-type,X-GRAY")], Some("gray")),
        (&[OPTIONS, ASKS, names("content-type"), names("x-gray")], Some("gray")),
        (&[OPTIONS, ASKS, names("content-type")], None),
        (&[OPTIONS, ASKS], None),
        (&[OPTIONS, names("x-gray")], None),
        (&[(":method", "GET"), ASKS, names("x-gray")], None),
        // Nobody knows the value yet; the rest of the rule is as for other requests.
        (&[OPTIONS, ASKS, names("x-user"), (":path", "/api/a")], Some("user")),
        (&[OPTIONS, ASKS, names("x-user"), (":path", "/a")], None),
        (&[OPTIONS, ASKS, ("origin", "https://test.example")], Some("origin")),
        (&[OPTIONS, ASKS, ("origin", "https://other.example")], None),
        (&[OPTIONS, ASKS, (":path", "/new/a")], Some("path")),
        // The precedence is that of other requests.
        (&[OPTIONS, ASKS, (":path", "/new/a"), names("x-gray")], Some("gray")),
        (&[OPTIONS, ASKS, (":path", "/new/a"), names("x-source")], Some("path")),
        (&[OPTIONS, ASKS, (":path", "/n"), names("x-gone")], None),
        (&[OPTIONS, ASKS, (":path", "/n"), names("x-other")], Some("not")),
        // What it cannot carry it does not have.
        (&[OPTIONS, ASKS, names("x-ticket")], None),
        (&[OPTIONS, ASKS, names("x-sticky")], None),
        (&[OPTIONS, ASKS, names("x-source")], None),
        (&[OPTIONS, ASKS, names("x-source"), ("@address", "10.0.0.1:1")], Some("source")),
    ] {
        let request = head(lines);
        let outcome = shop.on_request(&request, 0, 0);
        assert_eq!(outcome.lane.map(LaneName::as_str), want, "{lines:?}");
        let chosen = shop.explain(&request, 0, 0).into_iter().find(|verdict| verdict.chosen);
        assert_eq!(
            chosen.map(|verdict| (verdict.lane.as_str(), verdict.holds)),
            want.map(|lane| (lane, true))
        );
    }
}

#[test]
fn a_preflight_costs_no_more_than_so_many_rules() {
    let rule = |i: u32| {
        let path = format!("/{i}");
        json!({"name": format!("r{i}"), "match": {"all": [{"header": {"name": "x-user"}}, {"not": {"not": {"path": {"exact": path}}}}]}})
    };
    let rules: Vec<_> = (0..300).map(rule).collect();
    let shop = program("entry", json!([{"name": "gray", "rules": rules}]), json!({}));
    for (path, want) in [("/255", true), ("/256", false)] {
        let request = head(&[OPTIONS, ASKS, ("access-control-request-headers", "x-user"), (":path", path)]);
        assert_eq!(shop.on_request(&request, 0, 0).lane.is_some(), want, "{path}");
    }
}
