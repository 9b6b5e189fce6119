//! What works in the members of an aggregate holds through it: mutual TLS, and hashing by the user's rule.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::client::{Answer, Call, Client};
use tests::istio_mesh::{Emitter, IstioMesh, IstioOptions};
use tests::mesh::MeshOptions;
use tests::wait;

use super::{DEADLINE, by_header, gray};

/// How many users there are: enough for a pod to be left out of their ways only by a mistake (2 × 2⁻²⁰).
const USERS: u8 = 20;
/// How often each of them calls.
const TIMES: usize = 5;

fn hashed(service: &str) -> Value {
    json!({
        "kind": "DestinationRule", "metadata": { "name": service, "namespace": "demo" },
        "spec": {
            "host": service,
            "trafficPolicy": { "loadBalancer": { "consistentHash": { "httpHeaderName": "x-user" } } },
        },
    })
}

/// Who has called the last hop and who that is, by their certificates.
fn peers(answer: &Answer) -> Result<(String, String)> {
    let said = answer.seen("x-forwarded-client-cert")?.join(",");
    // Each proxy on the way has added an element: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
    let last = said.rsplit(',').next().unwrap_or_default();
    let field = |name: &str| {
        let value = last.split(';').find_map(|field| field.strip_prefix(name));
        let value = value.and_then(|uri| uri.rsplit('/').next());
        value.map(str::to_owned).with_context(|| format!("no {name} in {said}"))
    };
    Ok((field("URI=")?, field("By=")?))
}

/// Each user's requests take this way and end at one pod of c, and all pods have users; returns where they end.
async fn stick(client: &Client, call: &Call, way: &str, pods: [&str; 2]) -> Result<BTreeMap<u8, String>> {
    let mut ways = BTreeMap::new();
    for user in 0..USERS {
        let mut ends = BTreeSet::new();
        for _ in 0..TIMES {
            let answer = client.send(call.clone().header("x-user", format!("user-{user}"))).await?;
            let (caller, callee) = peers(&answer)?;
            let hops = format!("{way},{callee}");
            ensure!((answer.status, answer.hops()) == (200, &*hops), "{} {}", answer.status, answer.text());
            ensure!(caller == "b-v1", "c was called by {caller}");
            ends.insert(callee);
        }
        let one = ends.pop_first().context("no request")?;
        ensure!(ends.is_empty(), "user {user} goes to {one} and {ends:?}");
        ways.insert(user, one);
    }
    let found: BTreeSet<&str> = ways.values().map(String::as_str).collect();
    ensure!(found == pods.into(), "{found:?}");
    Ok(ways)
}

/// Waits until a request takes this way to a pod whose name begins like this.
async fn ends_at(client: &Client, call: &Call, pod: &str) -> Result<()> {
    wait::succeeds(DEADLINE, pod, async || {
        let answer = client.send(call.clone()).await?;
        ensure!((answer.status, answer.hops().contains(pod)) == (200, true), "{}", answer.text());
        Ok(())
    })
    .await
}

async fn policies_hold(emitter: Emitter) -> Result<()> {
    let gray_twice = [None, None, Some("gray"), Some("gray")];
    let options = MeshOptions::empty()
        .service("a", &[None, Some("gray")])
        .service("b", &[None])
        .service("c", &gray_twice);
    let istio = IstioOptions {
        is_mutual_tls: true,
        destination_rules: vec![hashed("c")],
        ..IstioOptions::default().emitter(emitter)
    };
    let mut mesh = IstioMesh::start(options, istio).await?;
    mesh.set_lane("gray", by_header()).await?;
    let client = mesh.h2();
    let baseline = stick(&client, &Call::get("/"), "a-v1,b-v1", ["c-v1", "c-v1-2"]).await?;
    let laned = stick(&client, &gray(), "a-gray,b-v1", ["c-gray", "c-gray-2"]).await?;

    // The lane's pods die: its users are spread over the baseline as the baseline's own are.
    for pod in ["c-gray", "c-gray-2"] {
        mesh.set_ready(pod, false)?;
    }
    ends_at(&client, &gray(), ",c-v1").await?;
    let fallen = stick(&client, &gray(), "a-gray,b-v1", ["c-v1", "c-v1-2"]).await?;
    ensure!(fallen == baseline, "{fallen:?}\n{baseline:?}");
    for pod in ["c-gray", "c-gray-2"] {
        mesh.set_ready(pod, true)?;
    }
    ends_at(&client, &gray(), ",c-gray").await?;
    let back = stick(&client, &gray(), "a-gray,b-v1", ["c-gray", "c-gray-2"]).await?;
    ensure!(back == laned, "{back:?}\n{laned:?}");
    mesh.passed().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_tls_and_hashing_hold_by_a_matcher() -> Result<()> {
    policies_hold(Emitter::Matcher).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_tls_and_hashing_hold_by_header_matched_routes() -> Result<()> {
    policies_hold(Emitter::Routes).await
}
