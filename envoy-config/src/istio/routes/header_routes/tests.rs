//! Copies of routes: what they repeat of the user's words.

use serde_json::{Value, json};

use crate::istio::generate;
use crate::istio::mk_input::mk_input;

/// The route of the lane gray to `c`, of callers in `demo`, where the user's objects for it say this.
fn copy(http: Value, policy: Value) -> Value {
    let mut http = http;
    http["name"] = json!("main");
    http["route"] = json!([{ "destination": { "host": "c" } }]);
    let input = mk_input(json!({
        "emission": "Routes",
        "virtualServices": [{ "namespace": "demo", "name": "c", "spec": { "hosts": ["c"], "http": [http] } }],
        "destinationRules": [{ "namespace": "demo", "name": "c",
                               "spec": { "host": "c", "trafficPolicy": policy } }],
    }));
    let generated = generate(&input).unwrap();
    assert_eq!(generated.findings, []);
    let routes = generated.objects.iter().find(|object| object.name.ends_with(".routes")).unwrap();
    let patches = routes.spec["configPatches"].as_array().unwrap();
    let copies = patches.iter().map(|patch| &patch["patch"]["value"]);
    copies.into_iter().find(|value| value["name"] == "graylane.gray.main").unwrap()["route"].clone()
}

#[test]
fn retries_are_those_that_istiod_makes() {
    let retries = |retries: Value| copy(json!({ "retries": retries }), json!({}))["retry_policy"].clone();
    let cases = [
        (json!({ "attempts": 4 }), 4, super::DEFAULT_RETRY_ON, Value::Null),
        (json!({ "attempts": 1, "retryOn": "" }), 1, super::DEFAULT_RETRY_ON, Value::Null),
        (json!({ "attempts": 3, "retryOn": "5xx, reset" }), 3, "5xx,reset", Value::Null),
        (
            json!({ "attempts": 3, "retryOn": "gateway-error,503,429" }),
            3,
            "gateway-error,retriable-status-codes",
            json!([503, 429]),
        ),
        (
            json!({ "attempts": 3, "retryOn": "retriable-status-codes,503" }),
            3,
            "retriable-status-codes",
            json!([503]),
        ),
    ];
    for (said, attempts, retry_on, statuses) in cases {
        let made = retries(said.clone());
        let found = (&made["num_retries"], &made["retry_on"], &made["retriable_status_codes"]);
        assert_eq!(found, (&json!(attempts), &json!(retry_on), &statuses), "{said}");
    }
    // No attempt, no retry: the priority alone makes none.
    for none in [json!({ "attempts": 0 }), json!({ "perTryTimeout": "1s" })] {
        let made = retries(none.clone());
        assert_eq!(made.as_object().unwrap().keys().collect::<Vec<_>>(), ["retry_priority"], "{none}");
    }
}

#[test]
fn what_is_hashed_is_tried_again_where_the_hash_says() {
    let hashed = json!({ "loadBalancer": { "consistentHash": { "httpHeaderName": "x-user" } } });
    let route = copy(json!({}), hashed);
    assert_eq!(route["hash_policy"], json!([{ "header": { "header_name": "x-user" } }]));
    assert_eq!(route["retry_policy"]["retry_host_predicate"], Value::Null);
    let plain = copy(json!({}), json!({}));
    assert_eq!(plain["hash_policy"], Value::Null);
    assert!(plain["retry_policy"]["retry_host_predicate"].is_array());
}
