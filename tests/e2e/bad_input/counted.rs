//! What each bad input gets, and which counters move: at an entry, and in front of and behind an application.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tests::client::{Call, Client};
use tests::mesh::{GATEWAY, Mesh, MeshOptions};

use super::{BASELINE, GRAY};
use crate::lanes;

/// The rule by which a path enters the lane.
const PREFIX: &str = "/beta/";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A counter that moves by one: its name, and the reason where it has some.
type Counter = (&'static str, Option<&'static str>);

const STRIPPED: Counter = ("graylane_stripped_total", None);
const BAGGAGE_SKIPPED: Counter = ("graylane_skipped_total", Some("baggage"));
const TRAIL_SKIPPED: Counter = ("graylane_skipped_total", Some("trail"));
/// Of the service in front of which the test stands there is no version in the lane.
const NO_VERSION: Counter = ("graylane_fallbacks_total", Some("no-version"));
const MISSED: Counter = ("graylane_traces_total", Some("missed"));
const AMBIGUOUS: Counter = ("graylane_traces_total", Some("ambiguous"));

/// A bad input, the way that the request takes all the same, and what is counted, each once.
struct Case {
    name: &'static str,
    call: Call,
    hops: &'static str,
    counted: &'static [Counter],
}

fn case(name: &'static str, call: Call, hops: &'static str, counted: &'static [Counter]) -> Case {
    Case { name, call, hops, counted }
}

fn get(name: &str, value: impl AsRef<[u8]>) -> Call {
    Call::get("/").header(name, value.as_ref())
}

/// What a client sends to an entry.
fn at_the_entry() -> Vec<Case> {
    let gray = |name: &str, value: &str| get(name, value).header(lanes::ENTERS, "1");
    let path = |path: &str| Call::get(path);
    let forged = get("x-lane", "gray").header("baggage", "lane=gray");
    let faults = get("x-envoy-fault-abort-request", "503").header("x-lane-path", "w;lane=gray;why=own");
    vec![
        case("a forged lane header", get("x-lane", "gray"), BASELINE, &[]),
        case("an over-long lane header", get("x-lane", "g".repeat(9_000)), BASELINE, &[]),
        case("a lane header that is not UTF-8", get("x-lane", b"\xff\xfe"), BASELINE, &[]),
        case("the lane header twice", get("x-lane", "gray").header("x-lane", "gray"), BASELINE, &[]),
        case("a forged member of baggage", get("baggage", "lane=gray"), BASELINE, &[STRIPPED]),
        case("both forged", forged.clone(), BASELINE, &[STRIPPED]),
        case("both forged, inside the lane", forged.header(lanes::ENTERS, "1"), GRAY, &[STRIPPED]),
        case("a forged trail and fault header", faults, BASELINE, &[]),
        case("broken baggage", get("baggage", b"garbage,,=,;\xff"), BASELINE, &[]),
        case("broken baggage in the lane", gray("baggage", "garbage,,=,;"), GRAY, &[]),
        case("long baggage", gray("baggage", &format!("k={}", "v".repeat(8_190))), GRAY, &[BAGGAGE_SKIPPED]),
        case("64 members of baggage", gray("baggage", &["k=v"; 64].join(",")), GRAY, &[BAGGAGE_SKIPPED]),
        case("a broken cookie", get("cookie", b"=;;lane;lane=\"gray\xff"), BASELINE, &[]),
        case("the cookie twice", get("cookie", "lane=blue; lane=gray"), BASELINE, &[]),
        case("an encoded slash", path("/beta%2Fx"), BASELINE, &[]),
        case("an encoded letter", path("/bet%61/x"), BASELINE, &[]),
        case("dot segments", path("/x/../beta/x"), BASELINE, &[]),
        case("dot segments behind the prefix", path("/beta/../x"), GRAY, &[]),
        case("broken encoding in the query", path("/?lane=%zz%"), BASELINE, &[]),
    ]
}

/// What a caller sends to an application's sidecar.
fn in_front() -> Vec<Case> {
    let long = get("x-lane-path", "x".repeat(4_096));
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let twice = get("traceparent", &parent);
    vec![
        case("a lane that there is not", get("x-lane", "nobody"), "b-v1,c-v1", &[]),
        case("a lane that is no name", get("x-lane", b"\xff"), "b-v1,c-v1", &[]),
        // Neither callee of this request writes it.
        case("a long trail", long, "b-v1,c-v1", &[TRAIL_SKIPPED]),
        case("a trace in a lane", twice.clone().header("x-lane", "gray"), "b-v1,c-gray", &[NO_VERSION]),
        // Noted in front of the application, and seen behind it, since this one forwards the trace.
        case("the same trace without one", twice.clone(), "b-v1,c-v1", &[AMBIGUOUS, AMBIGUOUS]),
        case("an ambiguous trace", twice, "b-v1,c-v1", &[AMBIGUOUS]),
    ]
}

/// What an application sends; Envoy gives each request an id of its own, of which nobody knows.
fn behind() -> Vec<Case> {
    let upper = format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase());
    let both = format!("{TRACE},{TRACE}");
    vec![
        case("a broken traceparent", get("traceparent", upper), "c-v1", &[MISSED]),
        case("a broken b3", get("b3", format!("{TRACE}-1")), "c-v1", &[MISSED]),
        case("x-b3-traceid twice", get("x-b3-traceid", both), "c-v1", &[MISSED]),
        case("broken baggage", get("baggage", "lane=%zz,,lane"), "c-v1", &[MISSED]),
        case("baggage of no lane", get("baggage", "lane=nobody"), "c-v1", &[MISSED]),
    ]
}

/// What the filter has counted in a proxy, but for requests as such.
async fn counters(mesh: &Mesh, proxy: &str) -> Result<BTreeMap<String, u64>> {
    let text = mesh.envoy(proxy)?.prometheus().await?;
    let lines = text.lines().filter(|line| line.starts_with("graylane_") && line.contains("_total{"));
    let counted = lines.filter(|line| !line.starts_with("graylane_requests_total"));
    counted
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
            Ok((name.to_owned(), value.parse()?))
        })
        .collect()
}

/// Exactly these have moved, each by one.
fn check_counted(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    wanted: &[Counter],
) -> Result<()> {
    let moved: BTreeMap<&String, u64> = after
        .iter()
        .map(|(name, value)| (name, value - before.get(name).unwrap_or(&0)))
        .filter(|(_, by)| *by > 0)
        .collect();
    let is_wanted = |line: &str| {
        wanted.iter().any(|(name, reason)| {
            line.starts_with(name)
                && reason.is_none_or(|reason| line.contains(&format!("reason=\"{reason}\"")))
        })
    };
    let is_right = moved.len() == wanted.len() && moved.iter().all(|(line, by)| is_wanted(line) && *by == 1);
    ensure!(is_right, "{moved:?} have moved instead of {wanted:?}");
    Ok(())
}

async fn check(mesh: &Mesh, proxy: &str, client: &Client, case: Case) -> Result<()> {
    let before = counters(mesh, proxy).await?;
    let answer = client.send(case.call).await?;
    ensure!((answer.status, answer.hops()) == (200, case.hops), "{} {}", answer.status, answer.hops());
    check_counted(&before, &counters(mesh, proxy).await?, case.counted)
}

#[tokio::test]
async fn each_bad_input_is_served_and_counted() -> Result<()> {
    let options = MeshOptions { init: vec!["--recovery".to_owned()], ..MeshOptions::default() };
    let mesh = Mesh::start(options).await?;
    let rule = |name: &str, condition| json!({ "name": name, "match": condition });
    let gray = |value| json!({ "name": "lane", "value": { "exact": value } });
    lanes::set(
        &mesh,
        "gray",
        json!({ "rules": [
            rule("header", json!({ "header": { "name": lanes::ENTERS } })),
            rule("cookie", json!({ "cookie": gray("gray") })),
            rule("query", json!({ "query": gray("gray") })),
            rule("path", json!({ "path": { "prefix": PREFIX } })),
        ] }),
    )
    .await?;
    for case in at_the_entry() {
        let name = case.name;
        check(&mesh, GATEWAY, &mesh.h1(), case).await.with_context(|| name)?;
    }
    let sidecar = mesh.topology().workloads.iter().find(|workload| workload.name.as_str() == "b-v1");
    let sidecar = sidecar.context("no workload b-v1")?;
    let sides = [(sidecar.inbound, "b", in_front()), (sidecar.outbound, "c", behind())];
    for (addr, host, cases) in sides {
        let client = Client::h1(addr);
        for case in cases {
            let (name, call) = (case.name, case.call.clone().host(host));
            check(&mesh, "b-v1", &client, Case { call, ..case }).await.with_context(|| name)?;
        }
    }
    mesh.passed().await;
    Ok(())
}
