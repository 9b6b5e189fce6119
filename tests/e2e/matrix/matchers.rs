//! One rule for every matcher, all in one lane: what each takes, and what it just does not.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};

use super::{BASELINE, GRAY, explained};
use crate::lanes::{self, Case};

/// A rule with requests inside and outside of it.
struct Matcher {
    rule: &'static str,
    condition: Value,
    inside: Vec<Call>,
    outside: Vec<Call>,
}

fn matcher<const I: usize, const O: usize>(
    rule: &'static str,
    condition: Value,
    inside: [Call; I],
    outside: [Call; O],
) -> Matcher {
    Matcher { rule, condition, inside: inside.into(), outside: outside.into() }
}

fn get() -> Call {
    Call::get("/")
}

fn headers() -> Vec<Matcher> {
    let on = |name: &str, value: Value| json!({ "header": { "name": name, "value": value } });
    let h = |name: &str, value: &str| get().header(name, value);
    vec![
        matcher(
            "header-present",
            json!({ "header": { "name": "x-present" } }),
            [h("x-present", "any"), h("x-present", "")],
            [get(), h("x-presen", "any")],
        ),
        matcher(
            "header-exact",
            on("X-Exact", json!({ "exact": "gray" })),
            [h("x-exact", "gray")],
            [h("x-exact", "Gray"), h("x-exact", "grayer"), h("x-exact", "")],
        ),
        matcher(
            "header-lines",
            on("x-lines", json!({ "exact": "one,two" })),
            [h("x-lines", "one,two"), h("x-lines", "one").header("x-lines", "two")],
            [h("x-lines", "one"), h("x-lines", "two").header("x-lines", "one")],
        ),
        matcher(
            "header-prefix",
            on("x-prefix", json!({ "prefix": "gr" })),
            [h("x-prefix", "gr"), get().header("x-prefix", b"gr\xff\xfe")],
            [h("x-prefix", "g"), h("x-prefix", "xgr")],
        ),
        matcher(
            "header-suffix",
            on("x-suffix", json!({ "suffix": "ay" })),
            [h("x-suffix", "gray")],
            [h("x-suffix", "grays")],
        ),
        matcher(
            "header-contains",
            on("x-contains", json!({ "contains": "ra" })),
            [h("x-contains", "ra"), h("x-contains", "gray"), get().header("x-contains", b"\x80ra\x80")],
            [h("x-contains", "gry")],
        ),
        matcher(
            "header-regex",
            on("x-regex", json!({ "regex": "gr[ae]y-[0-9]+" })),
            [h("x-regex", "gray-7"), h("x-regex", "grey-42")],
            [h("x-regex", "gray-"), h("x-regex", "a gray-7"), h("x-regex", "gray-7x")],
        ),
        matcher(
            "header-in",
            on("x-in", json!({ "in": ["one", "two"] })),
            [h("x-in", "one"), h("x-in", "two")],
            [h("x-in", "three"), h("x-in", "one,two")],
        ),
    ]
}

fn cookies_and_queries() -> Vec<Matcher> {
    let c = |cookie: &str| get().header("cookie", cookie);
    vec![
        matcher(
            "cookie-present",
            json!({ "cookie": { "name": "gray-present" } }),
            [c("gray-present=1"), c("a=b; gray-present="), c("a=b").header("cookie", "gray-present=1")],
            [c("gray-presents=1"), c("Gray-Present=1"), get().header("gray-present", "1")],
        ),
        matcher(
            "cookie-exact",
            json!({ "cookie": { "name": "user", "value": { "exact": "tester" } } }),
            [c("user=tester"), c("user=tester; user=other"), c("user=\"tester\"")],
            [c("user=other; user=tester"), c("user=Tester"), c("a=user=tester")],
        ),
        matcher(
            "query-present",
            json!({ "query": { "name": "gray-present" } }),
            [Call::get("/?gray-present"), Call::get("/x?a=1&gray-present=2")],
            [Call::get("/gray-present"), Call::get("/?a=gray-present")],
        ),
        matcher(
            "query-exact",
            json!({ "query": { "name": "user", "value": { "exact": "é tester" } } }),
            [Call::get("/?user=%C3%A9%20tester"), Call::get("/?x=y&user=%c3%a9+tester&user=no")],
            [Call::get("/?user=no&user=%C3%A9%20tester"), Call::get("/?User=%C3%A9%20tester")],
        ),
    ]
}

fn paths_methods_and_hosts() -> Vec<Matcher> {
    let method = |name: &str| get().method(Method::from_bytes(name.as_bytes()).unwrap_or_default());
    vec![
        matcher(
            "path-exact",
            json!({ "path": { "exact": "/path/exact" } }),
            [Call::get("/path/exact"), Call::get("/path/exact?x=1")],
            [Call::get("/path/exact/"), Call::get("/path"), Call::get("/path/%65xact")],
        ),
        matcher(
            "path-prefix",
            json!({ "path": { "prefix": "/prefix/" } }),
            [Call::get("/prefix/"), Call::get("/prefix/more?x=1")],
            [Call::get("/prefix"), Call::get("/Prefix/"), Call::get("/x/prefix/")],
        ),
        matcher(
            "path-suffix",
            json!({ "path": { "suffix": ".gray" } }),
            [Call::get("/x.gray"), Call::get("/x.gray?y=z")],
            [Call::get("/?x=.gray")],
        ),
        matcher(
            "path-contains",
            json!({ "path": { "contains": "/mid/" } }),
            [Call::get("/a/mid/b")],
            [Call::get("/a/mid"), Call::get("/?/mid/")],
        ),
        matcher(
            "path-regex",
            json!({ "path": { "regex": "/users/[0-9]+" } }),
            [Call::get("/users/42"), Call::get("/users/0?q")],
            [Call::get("/users/"), Call::get("/users/42/cart"), Call::get("/v1/users/42")],
        ),
        matcher(
            "method-in",
            json!({ "method": { "in": ["PATCH", "OPTIONS"] } }),
            [method("PATCH"), method("OPTIONS")],
            [method("GET"), method("PUT"), method("DELETE")],
        ),
        matcher(
            "host-suffix",
            json!({ "host": { "suffix": ".gray.example" } }),
            [get().host("shop.gray.example"), get().host("Shop.GRAY.example:8080")],
            [get().host("gray.example"), get().host("shop.gray.example.org")],
        ),
    ]
}

fn combinations() -> Vec<Matcher> {
    let has = |name: &str| json!({ "header": { "name": name } });
    let all = |names: &[&str]| names.iter().fold(get(), |call, name| call.header(name, "1"));
    vec![
        matcher(
            "all",
            json!({ "all": [has("x-all"), { "path": { "prefix": "/all/" } }] }),
            [Call::get("/all/1").header("x-all", "1")],
            [Call::get("/all/1"), all(&["x-all"])],
        ),
        matcher(
            "any",
            json!({ "any": [has("x-any-1"), has("x-any-2")] }),
            [all(&["x-any-1"]), all(&["x-any-2"]), all(&["x-any-1", "x-any-2"])],
            [all(&["x-any-3"])],
        ),
        matcher(
            "not",
            json!({ "all": [has("x-not"), { "not": has("x-off") }] }),
            [all(&["x-not"])],
            [all(&["x-not", "x-off"]), all(&["x-off"])],
        ),
        matcher(
            "nested",
            json!({ "all": [has("x-nested"), { "any": [has("x-n1"), { "not": { "any": [
                has("x-n2"), { "not": { "method": { "exact": "GET" } } }] } }] }] }),
            [all(&["x-nested"]), all(&["x-nested", "x-n1", "x-n2"])],
            [all(&["x-nested", "x-n2"]), all(&["x-nested"]).method(Method::POST)],
        ),
    ]
}

fn cases(matcher: &Matcher) -> impl Iterator<Item = Case> {
    let rule = matcher.rule;
    let inside = matcher.inside.iter().map(move |call| {
        let trail = format!(
            "gateway;lane=gray;why=rule:{rule}, a-gray;lane=gray;why=own, \
             b-v1;lane=baseline;why=no-version, c-gray;lane=gray;why=own"
        );
        Case::new(rule, call.clone(), GRAY).trail(trail)
    });
    let outside = matcher.outside.iter().map(move |call| {
        let trail = "gateway;lane=baseline;why=no-rule, a-v1;lane=baseline;why=baseline, \
                     b-v1;lane=baseline;why=baseline, c-v1;lane=baseline;why=baseline";
        Case::new(&format!("outside of {rule}"), call.clone(), BASELINE).trail(trail)
    });
    inside.chain(outside)
}

#[tokio::test]
async fn every_matcher_takes_what_it_should_and_nothing_beside_it() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    let matchers: Vec<Matcher> =
        [headers(), cookies_and_queries(), paths_methods_and_hosts(), combinations()]
            .into_iter()
            .flatten()
            .collect();
    let rules: Vec<Value> =
        matchers.iter().map(|m| json!({ "name": m.rule, "match": m.condition })).collect();
    lanes::set(&mesh, "gray", json!({ "rules": rules })).await?;
    let cases: Vec<Case> = matchers.iter().flat_map(cases).collect();
    lanes::check_all(&mesh, &cases).await?;
    explained::check(&mesh, &cases).await?;

    mesh.lanectl(&["remove-lane", "gray"]).await?;
    mesh.lanectl(&["wait"]).await?;
    let removed: Vec<Case> =
        cases.into_iter().map(|case| Case { hops: BASELINE, trail: String::new(), ..case }).collect();
    lanes::check_all(&mesh, &removed).await?;
    mesh.passed().await;
    Ok(())
}
