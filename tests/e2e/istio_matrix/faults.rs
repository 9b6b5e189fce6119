//! Faults under Istio: between lanes and services, and what the caller's retries make of them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::client::{Answer, Call};
use tests::istio_mesh::{Emitter, IstioMesh, IstioOptions, PortProtocol};
use tests::mesh::MeshOptions;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{BASELINE, GRAY, by_header, gray};

/// How many more attempts reach b for a request that fails to the end: Istio retries twice by itself, a's proxy and for
/// each of its failures the gateway.
const MORE: u32 = 3 * 3 - 1;
/// gRPC's code for a service that is not available.
const UNAVAILABLE: u16 = 14;
/// Users whose requests are drawn.
const USERS: u32 = 60;

fn is_aborted(answer: &Answer) -> bool {
    answer.status == 503 && answer.text().contains("fault filter abort")
}

async fn start(istio: IstioOptions, options: MeshOptions) -> Result<IstioMesh> {
    let istio = IstioOptions { is_armed: true, ..istio };
    let mut mesh = IstioMesh::start(options, istio).await?;
    mesh.set_lane("gray", by_header()).await?;
    Ok(mesh)
}

async fn faults_hit_whom_they_are_for(emitter: Emitter) -> Result<()> {
    let mut mesh = start(IstioOptions::default().emitter(emitter), MeshOptions::default().no_trail()).await?;
    let client = mesh.h1();
    for (spec, of_baseline, of_lane) in [
        (json!({"to": "c", "lane": "gray", "from": "b"}), false, true),
        (json!({"to": "c", "lane": "gray", "from": "a"}), false, false),
        (json!({"to": "c", "lane": "baseline", "at": "Caller"}), true, false),
        (json!({"to": "a", "from": "gateway", "at": "Caller"}), true, true),
        (json!({"to": "a", "from": "gateway", "lane": "gray"}), false, true),
    ] {
        let mut fault = spec.clone();
        fault["abort"] = json!({"http": 503});
        mesh.set_fault(Some(("f", fault))).await?;
        for (call, hit, hops) in [(Call::get("/"), of_baseline, BASELINE), (gray(), of_lane, GRAY)] {
            let answer = client.send(call).await?;
            ensure!(is_aborted(&answer) == hit, "{spec} {hops}: {} {}", answer.status, answer.text());
            ensure!(hit || (answer.status, answer.hops()) == (200, hops), "{spec}: {}", answer.text());
        }
    }
    mesh.set_fault(Some(("slow", json!({"to": "b", "delay": {"fixed": "400ms"}})))).await?;
    let begun = Instant::now();
    let answer = client.send(gray()).await?;
    ensure!(answer.hops() == GRAY && begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    for name in ["x-envoy-fault-delay-request", "x-graylane-fault", "x-graylane-caller"] {
        ensure!(answer.seen(name)?.is_empty(), "the application has seen {name}");
    }
    mesh.set_fault(None).await?;
    ensure!(client.send(gray()).await?.hops() == GRAY);
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn faults_hit_whom_they_are_for_by_matchers() -> Result<()> {
    faults_hit_whom_they_are_for(Emitter::Matcher).await
}

#[tokio::test]
async fn faults_hit_whom_they_are_for_by_routes() -> Result<()> {
    faults_hit_whom_they_are_for(Emitter::Routes).await
}

/// How many of the users' requests fail, and how often b's proxy has been asked for all of them.
async fn failures(mesh: &mut IstioMesh, call: &Call, more: Value) -> Result<(u32, u64)> {
    let mut spec = json!({"to": "b", "from": "a", "percent": 50, "key": "x-user"});
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    mesh.set_fault(Some(("half", spec))).await?;
    let before = asked(mesh).await?;
    let client = mesh.h2();
    let mut failed = 0;
    for user in 0..USERS {
        let answer = client.send(call.clone().header("x-user", format!("user{user}"))).await?;
        let is_hit = is_aborted(&answer) || answer.grpc_status() == Some(UNAVAILABLE);
        ensure!(is_hit || answer.status == 200, "{} {}", answer.status, answer.text());
        failed += u32::from(is_hit);
    }
    Ok((failed, asked(mesh).await? - before))
}

/// How many requests the filter before b has counted.
async fn asked(mesh: &IstioMesh) -> Result<u64> {
    let stats = mesh.envoy("b-v1")?.stats().await?;
    let ours =
        stats.iter().filter(|(name, _)| name.contains("role=.=inbound") && name.ends_with("requests_total"));
    Ok(ours.map(|(_, count)| count).sum())
}

/// In front of the callee a fault is what any failure of the callee is: Istio by itself retries UNAVAILABLE and not
/// 503. All attempts share one verdict, unless each is drawn by itself. Behind the caller nothing is retried.
#[tokio::test]
async fn retries_see_a_fault_as_a_failure_of_the_callee() -> Result<()> {
    let istio = IstioOptions::default().protocol(PortProtocol::Grpc);
    let mut mesh = start(istio, MeshOptions::default().no_trail()).await?;
    let (plain, grpc) = (Call::get("/"), Call::grpc("/shop.Cart/Get", b"message"));
    let unavailable = |more: Value| {
        let mut spec = json!({"abort": {"grpc": UNAVAILABLE}});
        more.as_object().into_iter().flatten().for_each(|(key, value)| spec[key] = value.clone());
        spec
    };
    let (shared, attempts) = failures(&mut mesh, &plain, json!({"abort": {"http": 503}})).await?;
    ensure!((15..45).contains(&shared), "{shared} of {USERS} failed");
    ensure!(attempts == u64::from(USERS), "503: {attempts} attempts instead of {USERS}");

    let (again, attempts) = failures(&mut mesh, &grpc, unavailable(json!({}))).await?;
    ensure!(again == shared, "{again} failed with the same draws instead of {shared}");
    let expected = u64::from(USERS + shared * MORE);
    ensure!(attempts == expected, "UNAVAILABLE: {attempts} attempts instead of {expected}");

    let (own, attempts) = failures(&mut mesh, &grpc, unavailable(json!({"perAttempt": true}))).await?;
    // An eighth: three attempts, each with an even chance.
    ensure!(own < 20 && own < shared, "{own} of {USERS} failed, {shared} with one verdict for all attempts");
    ensure!(attempts > u64::from(USERS + own * MORE), "{attempts} attempts: nothing was saved by a retry");

    let (at_caller, attempts) = failures(&mut mesh, &grpc, unavailable(json!({"at": "Caller"}))).await?;
    ensure!(attempts == u64::from(USERS - at_caller), "{attempts} have arrived, {at_caller} failed");
    mesh.passed().await;
    Ok(())
}

/// Every order, and by which proxies' applications it must not be seen.
async fn unseen(witness: &mut UnboundedReceiver<chain::Seen>, count: usize) -> Result<()> {
    for _ in 0..count {
        let seen = witness.recv().await.ok_or_else(|| anyhow::anyhow!("nobody has seen it"))?;
        for name in lane::fault::HEADERS {
            ensure!(!seen.headers.contains_key(name), "{} has seen {name}", seen.by);
        }
    }
    Ok(())
}

#[tokio::test]
async fn forged_orders_do_nothing() -> Result<()> {
    let (witness, mut seen) = unbounded_channel();
    let mut mesh = start(IstioOptions::default(), MeshOptions::default().no_trail().witness(witness)).await?;
    let nobody = json!({"header": {"name": "x-nobody"}});
    mesh.set_fault(Some(("f", json!({"to": "c", "match": nobody, "abort": {"http": 503}})))).await?;
    let forged = lane::fault::HEADERS.iter().fold(Call::get("/"), |call, name| call.header(name, "503"));
    let answer = mesh.h1().send(forged).await?;
    ensure!((answer.status, answer.hops()) == (200, BASELINE), "{} {}", answer.status, answer.text());
    unseen(&mut seen, 3).await?;
    mesh.passed().await;
    Ok(())
}
