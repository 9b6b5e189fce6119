//! Configurations and requests by chance: few names and values, so that they meet.

use bench::random::Random;
use lane::filter_config::FORMAT_VERSION;
use serde_json::{Value, json};

use super::faults::faults;

/// Names of headers that rules look at and requests carry.
const HEADERS: [&str; 5] = ["x-gray", "x-user", "x-team", "accept", "x-raw"];
/// Texts of rules and of requests.
const TEXTS: [&str; 10] =
    ["", "1", "gray", "blue", "user-7", "a,b", "/shop/", "/shop/cart", "é", "shop.example"];
/// Lanes that may be configured; requests may carry others.
const LANES: [&str; 4] = ["blue", "gray", "green", "red"];
/// The middle of the times that requests come at, and of the ends of lanes.
const NOON_MS: u64 = 1_800_000_000_000;

/// One request, with what the proxy knows of its sender.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) address: String,
    pub(super) identity: Option<String>,
    pub(super) now_ms: u64,
}

pub(super) fn one_of<'a, T: ?Sized>(random: &mut Random, texts: &[&'a T]) -> &'a T {
    texts[random.below(texts.len())]
}

pub(super) fn chance(random: &mut Random, one_in: usize) -> bool {
    random.below(one_in) == 0
}

/// A time before or after noon, by up to a second.
pub(super) fn time(random: &mut Random) -> u64 {
    NOON_MS - 1_000 + random.below(2_000) as u64
}

/// A filter configuration of any role; a bad one holds exactly one thing that must be refused.
pub(super) fn configuration(random: &mut Random, bad: bool) -> Value {
    let role = one_of(random, &["entry", "entry", "entry", "inbound", "outbound"]);
    let names: Vec<_> = LANES.iter().filter(|_| !chance(random, 3)).collect();
    let lanes: Vec<Value> = names.into_iter().map(|name| lane(random, name, role)).collect();
    let mut config = json!({
        "version": FORMAT_VERSION, "generation": random.below(1_000), "group": "shop", "role": role,
        "workload": "here", "laneHeader": "x-lane", "lanes": lanes,
    });
    if !chance(random, 4) {
        config["baggage"] = json!("lane");
    }
    if !chance(random, 3) {
        config["trail"] = json!("x-lane-path");
    }
    if chance(random, 2) {
        config["ownLane"] = json!(one_of(random, &LANES));
    }
    if role == "entry" && chance(random, 2) {
        config["strip"] = json!(["x-lane", "x-team", "x-lane-path"]);
    }
    if chance(random, 3) {
        config["faults"] = faults(random);
    }
    if bad {
        spoil(random, &mut config);
    }
    config
}

fn spoil(random: &mut Random, config: &mut Value) {
    let bad_rule = |value: Value| json!([{ "name": "rule", "match": { "path": value } }]);
    match random.below(6) {
        0 => config["version"] = json!(FORMAT_VERSION + 1),
        1 => config["role"] = json!("sideways"),
        2 => config["lanes"] = json!([{ "name": "Not A Name" }]),
        3 => config["laneHeader"] = json!("no header"),
        4 => config["lanes"] = json!("none"),
        _ => {
            config["role"] = json!("entry");
            let regex = one_of(random, &["(", "[z-a]", r"\p{Greek}", "a)|(b", "(a{1000}){1000}"]);
            config["lanes"] = json!([{ "name": "gray", "rules": bad_rule(json!({ "regex": regex })) }]);
        }
    }
}

fn lane(random: &mut Random, name: &str, role: &str) -> Value {
    let mut lane = json!({ "name": name, "here": chance(random, 2), "priority": random.below(2) });
    if chance(random, 4) {
        lane["expiresMs"] = json!(time(random));
    }
    if role == "entry" {
        let rules = (0..random.below(4))
            .map(|number| json!({ "name": format!("rule-{number}"), "match": condition(random, 0) }));
        lane["rules"] = rules.collect();
        if chance(random, 3) {
            lane["share"] = share(random);
        }
        if chance(random, 6) {
            lane["sources"] = sources(random);
        }
    }
    lane
}

fn sources(random: &mut Random) -> Value {
    let ranges = ["10.0.0.0/8", "2001:db8::/32", "127.0.0.2"];
    let id = one_of(random, &["spiffe://shop.example/ns/*", "spiffe://shop.example/ns/grey"]);
    match random.below(3) {
        0 => json!({ "addresses": [one_of(random, &ranges)] }),
        1 => json!({ "principals": [id] }),
        _ => json!({ "addresses": [one_of(random, &ranges)], "principals": [id] }),
    }
}

fn share(random: &mut Random) -> Value {
    let keys = [
        json!({ "header": "x-user" }),
        json!({ "cookie": "user" }),
        json!({ "query": "user" }),
        json!("source"),
        Value::Null,
    ];
    let key = &keys[random.below(keys.len())];
    let (from, length) = (random.below(10_000), random.below(10_000));
    match key {
        // Drawn anew for each request: all or nobody, so that the draw does not matter.
        Value::Null if chance(random, 2) => json!({ "buckets": [] }),
        Value::Null => json!({ "buckets": [{ "from": 0, "to": 10_000 }] }),
        key => json!({ "buckets": [{ "from": from, "to": (from + length).min(10_000) }], "key": key }),
    }
}

fn condition(random: &mut Random, depth: usize) -> Value {
    let list = |random: &mut Random| -> Vec<Value> {
        (0..=random.below(3)).map(|_| condition(random, depth + 1)).collect()
    };
    let kinds = if depth < 3 { 10 } else { 7 };
    match random.below(kinds) {
        0 => json!({ "header": { "name": one_of(random, &HEADERS), "value": value(random) } }),
        1 => json!({ "cookie": { "name": one_of(random, &["user", "c"]), "value": value(random) } }),
        2 => json!({ "query": { "name": one_of(random, &["user", "q"]), "value": value(random) } }),
        3 => json!({ "path": value(random) }),
        4 => json!({ "method": value(random) }),
        5 => json!({ "host": value(random) }),
        6 => json!({ "source": value(random) }),
        7 => json!({ "all": list(random) }),
        8 => json!({ "any": list(random) }),
        _ => json!({ "not": condition(random, depth + 1) }),
    }
}

fn value(random: &mut Random) -> Value {
    let text = one_of(random, &TEXTS);
    match random.below(7) {
        0 => json!("present"),
        1 => json!({ "exact": text }),
        2 => json!({ "prefix": text }),
        3 => json!({ "suffix": text }),
        4 => json!({ "contains": text }),
        5 => json!({ "in": [text, one_of(random, &TEXTS), "GET"] }),
        _ => json!({ "regex": one_of(random, &["gr[ae]y", "user-[0-9]+", "/.*", "(?i)GRAY|1", "a*"]) }),
    }
}

/// A request with headers as an honest client, a careless one and an attacker send them.
pub(super) fn request(random: &mut Random) -> Request {
    let pseudo = [
        (":method", one_of(random, &["GET", "POST", "gray", "OPTIONS"]).to_owned()),
        (":path", path(random)),
        (":authority", one_of(random, &["shop.example", "SHOP.example:80", "[::1]:80", "1", ""]).to_owned()),
    ];
    let mut headers: Vec<(String, Vec<u8>)> =
        pseudo.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    for _ in 0..random.below(5) {
        headers.push((one_of(random, &HEADERS).to_owned(), bytes(random)));
    }
    for (name, values) in [
        ("x-lane", &["gray", "blue", "nobody", "", "gray,blue"][..]),
        ("x-lane-path", &["here;lane=gray;why=own", "forged", ""]),
        ("baggage", &["a=1", "lane=gray", "a=1;p, lane = bl%75e ;q,b=%20", "lane=", "x=lane=gray", ",,;="]),
        ("access-control-request-method", &["PUT"]),
        ("access-control-request-headers", &["x-gray", "accept,X-User", "x-other"]),
        ("cookie", &["user=user-7", "a=b; user=gray", "c=\"1\"; c=2", "user", ";;=,"]),
    ] {
        while chance(random, 3) {
            headers.push((name.to_owned(), one_of(random, values).as_bytes().to_vec()));
        }
    }
    // Too long for a lane to be added.
    if chance(random, 20) {
        headers.push(("baggage".to_owned(), format!("long={}", "v".repeat(8_180)).into_bytes()));
        headers.push(("x-lane-path".to_owned(), "h,".repeat(40).into_bytes()));
    }
    let address = one_of(random, &["10.0.0.1:80", "[2001:db8::1]:443", "127.0.0.1:9"]).to_owned();
    let identity = one_of(random, &["", "spiffe://shop.example/ns/gray", "1"]);
    let identity = (!identity.is_empty()).then(|| identity.to_owned());
    Request { headers, address, identity, now_ms: time(random) }
}

fn path(random: &mut Random) -> String {
    let path = one_of(random, &["/", "/shop/", "/shop/cart/1", "/%73hop/", "", "*"]);
    let query = ["", "?user=user-7", "?q=gr%61y&user", "?q=a+b&&=&user=%zz", "?", "#x?q=1"];
    format!("{path}{}", one_of(random, &query))
}

/// A text, or any bytes that a proxy lets pass.
fn bytes(random: &mut Random) -> Vec<u8> {
    if !chance(random, 5) {
        return one_of(random, &TEXTS).as_bytes().to_vec();
    }
    let mut bytes = vec![0; random.below(12)];
    random.fill(&mut bytes);
    bytes.retain(|byte| !matches!(byte, 0 | b'\r' | b'\n'));
    bytes
}
