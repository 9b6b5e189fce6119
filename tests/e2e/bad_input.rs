//! Hostile and broken requests: a clear 4xx of Envoy's codec or an untouched 200, never a 5xx of ours, never a
//! trap. Afterwards every worker still decides.

mod counted;
mod frames;
mod requests;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use requests::{Broken, Verdict};
use tests::client::{Call, Client};
use tests::mesh::{GATEWAY, Mesh, MeshOptions};
use tests::raw::raw;
use tests::wait;

use crate::lanes;

/// The way of a request of lane gray.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";
/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// Workers of each Envoy.
const WORKERS: u32 = 2;
/// Connections that are opened to meet every worker.
const CONNECTIONS: usize = 24;

async fn start() -> Result<Mesh> {
    let mesh = Mesh::start(MeshOptions::default().concurrency(WORKERS)).await?;
    lanes::set(
        &mesh,
        "gray",
        serde_json::json!({ "rules": [
            { "name": "header", "match": { "header": { "name": lanes::ENTERS } } },
            // These make the filter look at every part of a request.
            { "name": "cookie", "match": { "cookie": { "name": "lane", "value": { "exact": "gray" } } } },
            { "name": "query", "match": { "query": { "name": "lane", "value": { "regex": "gr[ae]y" } } } },
            { "name": "path", "match": { "path": { "suffix": "/gray" } } },
            { "name": "host", "match": { "host": { "exact": "gray.example" } } },
        ] }),
    )
    .await?;
    Ok(mesh)
}

/// Every Envoy has all its workers' filters alive, and none has answered 5xx.
async fn check_alive(mesh: &Mesh) -> Result<()> {
    for _ in 0..CONNECTIONS {
        let client = Client::h1(mesh.gateway());
        for (call, hops) in [(Call::get("/").header(lanes::ENTERS, "1"), GRAY), (Call::get("/"), BASELINE)] {
            let answer = client.send(call).await?;
            ensure!((answer.status, answer.hops()) == (200, hops), "{} {}", answer.status, answer.hops());
        }
    }
    for (name, envoy) in mesh.envoys() {
        let stats = envoy.stats().await?;
        let failed = stats.iter().filter(|(stat, value)| **value > 0 && stat.ends_with("downstream_rq_5xx"));
        let failed: Vec<_> = failed.filter(|(stat, _)| !stat.contains("admin")).collect();
        ensure!(failed.is_empty(), "{name}: {failed:?}");
        let log = std::fs::read_to_string(envoy.log())?;
        let trap = log.lines().find(|line| line.contains("Proxy-Wasm") || line.contains("[wasm]"));
        ensure!(trap.is_none(), "{name}: {trap:?}");
    }
    // The main thread has a VM too.
    let wanted = u64::from(WORKERS) + 1;
    wait::succeeds(DEADLINE, "the heartbeat of every worker", async || {
        let stats = mesh.envoy(GATEWAY)?.stats().await?;
        let alive =
            stats.iter().find(|(stat, _)| stat.ends_with("graylane_workers") && stat.contains("entry"));
        ensure!(alive.is_some_and(|(_, alive)| *alive == wanted), "{alive:?} instead of {wanted}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn broken_http1_requests_hurt_nobody() -> Result<()> {
    let mesh = start().await?;
    for Broken { name, bytes, verdict } in requests::all() {
        let answer = raw(mesh.gateway(), &bytes, DEADLINE).await.with_context(|| name.clone())?;
        check_answer(&answer, &verdict).with_context(|| name)?;
    }
    check_alive(&mesh).await?;
    mesh.passed().await;
    Ok(())
}

/// Reads status and way out of the bytes of a response.
fn check_answer(answer: &[u8], verdict: &Verdict) -> Result<()> {
    let text = String::from_utf8_lossy(answer);
    let status = text.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    let status =
        status.with_context(|| format!("no response: {:?}", text.chars().take(80).collect::<String>()))?;
    let hops = text.lines().find_map(|line| line.strip_prefix("x-hops: "));
    match verdict {
        Verdict::Refused => {
            ensure!((400..500).contains(&status) && hops.is_none(), "not refused: {status} {hops:?}");
        }
        Verdict::Served(expected) => {
            ensure!(status == 200 && hops == Some(expected), "{status} {hops:?} instead of {expected}");
        }
        Verdict::Either => {
            let is_refused = (400..500).contains(&status) && hops.is_none();
            ensure!(is_refused || (status == 200 && hops.is_some()), "{status} {hops:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn broken_http2_requests_hurt_nobody() -> Result<()> {
    let mesh = start().await?;
    let client = mesh.h2();
    for byte in 0x80..=0xff_u8 {
        let call = [lanes::ENTERS, "x-lane", "baggage", "cookie", "x-lane-path"]
            .iter()
            .fold(Call::get("/"), |call, name| call.header(name, [b'a', byte, b'=', byte]));
        let answer = client.send(call).await?;
        ensure!((answer.status, answer.hops()) == (200, GRAY), "{byte:#x}: {}", answer.text());
    }
    for (name, fields, expected) in frames::cases() {
        let reply = frames::send(mesh.gateway(), &fields, DEADLINE).await.with_context(|| name)?;
        ensure!(expected.contains(&reply), "{name}: {reply:?} is none of {expected:?}");
    }
    check_alive(&mesh).await?;
    mesh.passed().await;
    Ok(())
}
