//! The routes of users' VirtualServices: those that qualify go by lane and keep what they say, others stay.

use anyhow::{Result, ensure};
use envoy_config::istio::Reason;
use serde_json::{Value, json};
use tests::client::{Answer, Call, Client};
use tests::istio_mesh::{Emitter, IstioMesh, IstioOptions, virtual_service};
use tests::mesh::MeshOptions;
use tests::wait;

use super::{DEADLINE, by_header};

/// Requests of which a weighted route must have sent some to either version.
const DRAWS: usize = 40;
/// The pod whose sidecar is called as its application would.
const CALLER: &str = "a-v1";

/// Calls b through the sidecar of a, as its application would.
struct Caller {
    client: Client,
}

impl Caller {
    async fn send(&self, path: &str, lane: Option<&str>) -> Result<Answer> {
        let call = Call::get(path).host("b");
        let call = lane.iter().fold(call, |call, lane| call.header("x-lane", lane));
        Ok(self.client.send(call).await?)
    }

    /// Whether a path goes by lane.
    async fn check_laned(&self, path: &str) -> Result<()> {
        for (lane, hops) in [(Some("gray"), "b-gray"), (None, "b-v1"), (Some("other"), "b-v1")] {
            let answer = self.send(path, lane).await?;
            ensure!(
                (answer.status, answer.hops()) == (200, hops),
                "{path} {lane:?}: {} {}",
                answer.status,
                answer.hops()
            );
        }
        Ok(())
    }
}

fn to(subset: Option<&str>) -> Value {
    let mut destination = json!({ "host": "b" });
    if let Some(subset) = subset {
        destination["subset"] = json!(subset);
    }
    json!([{ "destination": destination }])
}

fn at(prefix: &str) -> Value {
    json!([{ "uri": { "prefix": prefix } }])
}

/// A host with one route of every kind that stays, and of every kind that goes by lane and has a name.
fn all_kinds() -> Value {
    let weighted = |subset: &str| json!({ "destination": { "host": "b", "subset": subset }, "weight": 50 });
    json!([
        { "name": "split", "match": at("/split"), "route": [weighted("v1"), weighted("v2")] },
        { "name": "moved", "match": at("/moved"), "redirect": { "uri": "/elsewhere" } },
        { "name": "said", "match": at("/said"), "directResponse": { "status": 418 } },
        { "name": "chosen", "match": at("/chosen"), "route": to(Some("v2")) },
        { "name": "rewritten", "match": at("/old"), "rewrite": { "uri": "/new" }, "route": to(None) },
        { "name": "hurried", "match": at("/slow"), "timeout": "2s", "route": to(None) },
        {
            "name": "stubborn", "match": at("/status"), "route": to(None),
            "retries": { "attempts": 4, "retryOn": "5xx" },
        },
        { "name": "two", "match": [
            { "name": "first", "uri": { "prefix": "/first" } }, { "name": "second", "uri": { "prefix": "/second" } },
        ], "route": to(None) },
        { "name": "mirrored", "match": at("/mirrored"), "route": to(None), "mirror": { "host": "b", "subset": "v1" } },
        { "name": "rest", "route": to(None) },
    ])
}

fn user_rule() -> Value {
    json!({
        "kind": "DestinationRule", "metadata": { "namespace": "demo", "name": "b" },
        "spec": { "host": "b.demo.svc.cluster.local", "subsets": [
            { "name": "v1", "labels": { "version": "v1" } }, { "name": "v2", "labels": { "version": "v2" } },
        ] },
    })
}

async fn mesh(emitter: Emitter, http: &Value) -> Result<(IstioMesh, Vec<Reason>, Caller)> {
    let options = MeshOptions { trail: false, ..MeshOptions::empty() }
        .service("a", &[None])
        .service("b", &[None, Some("gray")]);
    let mut istio = IstioOptions::default().emitter(emitter);
    istio.virtual_services = vec![virtual_service("b", "b.demo.svc.cluster.local", http)];
    istio.destination_rules = vec![user_rule()];
    istio.gateway_service =
        tests::istio_mesh::gateway_service(&json!([{ "name": "all", "route": to(None) }]));
    let mut mesh = IstioMesh::start(options, istio).await?;
    let findings = mesh.set_lane("gray", by_header()).await?;
    let caller = Caller { client: Client::h1(mesh.outbound(CALLER)?).deadline(DEADLINE) };
    Ok((mesh, findings.iter().map(|finding| finding.reason).collect(), caller))
}

async fn what_stays(mesh: &IstioMesh, caller: &Caller) -> Result<()> {
    let mut split = [0, 0];
    for _ in 0..DRAWS {
        let answer = caller.send("/split", Some("gray")).await?;
        split[usize::from(answer.hops() == "b-gray")] += 1;
    }
    ensure!(split[0] > 0 && split[1] > 0, "weights: {split:?}");
    for lane in [None, Some("gray")] {
        let moved = caller.send("/moved", lane).await?;
        ensure!(moved.status == 301, "{}", moved.status);
        ensure!(
            moved.header("location").is_some_and(|place| place.ends_with("/elsewhere")),
            "{:?}",
            moved.headers
        );
        ensure!(caller.send("/said", lane).await?.status == 418);
        ensure!(caller.send("/chosen", lane).await?.hops() == "b-gray", "the subset v2 was chosen");
    }
    // A mirror goes on to where it went, beside the request itself.
    let before = answered_by_v1(mesh).await?;
    for _ in 0..3 {
        ensure!(caller.send("/mirrored", Some("gray")).await?.hops() == "b-gray");
    }
    wait::succeeds(DEADLINE, "the mirror of three requests", async || {
        let mirrored = answered_by_v1(mesh).await? - before;
        ensure!(mirrored == 3, "{mirrored} were mirrored");
        Ok(())
    })
    .await
}

/// What the user's subset v1 has answered to the caller.
async fn answered_by_v1(mesh: &IstioMesh) -> Result<u64> {
    let counts = |name: &str| name.contains("|v1|b.demo.") && name.ends_with("upstream_rq_total");
    let stats = mesh.envoy(CALLER)?.stats().await?;
    Ok(stats.iter().filter(|(name, _)| counts(name)).map(|(_, value)| value).sum())
}

async fn every_kind(emitter: Emitter, reasons: &[Reason]) -> Result<()> {
    let (mesh, findings, caller) = mesh(emitter, &all_kinds()).await?;
    assert_eq!(findings, reasons);
    for path in ["/old/x", "/first", "/second", "/mirrored", "/else"] {
        caller.check_laned(path).await?;
    }
    for lane in [None, Some("gray")] {
        let answer = caller.send("/old/x", lane).await?;
        ensure!(answer.json()?["path"] == "/new/x", "{}", answer.text());
        let late = caller.send("/slow?ms=9000", lane).await?;
        ensure!(late.status == 504, "{}", late.status);
        ensure!(caller.send("/slow?ms=1", lane).await?.status == 200);
        let refused = caller.send("/status/500", lane).await?;
        ensure!(refused.status == 500, "{}", refused.status);
    }
    let stats = mesh.envoy(CALLER)?.stats().await?;
    let retries: u64 =
        stats.iter().filter(|(name, _)| name.ends_with("upstream_rq_retry")).map(|(_, n)| n).sum();
    ensure!(retries == 8, "{retries} retries instead of four for each of two requests");
    what_stays(&mesh, &caller).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_by_a_matcher() -> Result<()> {
    let left =
        [Reason::WeightedRoute, Reason::RedirectRoute, Reason::DirectResponseRoute, Reason::ExplicitSubset];
    every_kind(Emitter::Matcher, &left).await
}
