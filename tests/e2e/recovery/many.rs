//! Many traces at once, two workers: nearly all are found again, and none in a wrong lane.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use chain::Forward;
use tests::client::{Call, Protocol};
use tests::figures::{Figures, sized};
use tests::load::{Load, Running};
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;

use super::{GRAY, count, gray, plain, recovering, traceparent, traces, workload};
use crate::lanes;

const CONNECTIONS: usize = 8;
/// Streams of each connection of a load with a rate: so many that hardly any request waits for another.
const RATED_STREAMS: usize = 64;
/// How long the first traces may take to arrive.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks at how many traces are pending.
const LOOK: Duration = Duration::from_millis(100);
/// Percent of the traces that must be found again.
const AIM: f64 = 99.9;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_workers_and_both_roles_share_what_they_know() -> Result<()> {
    let requests = sized(1_000, 20_000);
    let mesh = Mesh::start(recovering().concurrency(2).forwards("b-v1", Forward::Traceparent)).await?;
    lanes::gray(&mesh).await?;
    // A connection for each request, so that it is chance which worker takes it.
    let calls = |number| if number % 2 == 0 { gray(number) } else { plain(number) };
    let load = Load::new(mesh.gateway(), Protocol::Http1, CONNECTIONS, calls).fresh();
    let report = load.requests(requests).start().finish().await;
    ensure!(report.not_ok().next().is_none(), "{report}");
    let (found, others) = (report.by_path().get(GRAY).copied().unwrap_or(0), super::BASELINE);
    assert_eq!(found, requests / 2, "{report}");
    assert_eq!(report.by_path().get(others).copied(), Some(requests / 2), "{report}");
    mesh.passed().await;
    Ok(())
}

/// What is asked of the sidecar.
#[derive(Clone, Copy)]
struct Aim {
    /// Traces that have arrived and are yet to send their request.
    pending: u64,
    /// Arrivals a second, and as many requests sent.
    rate: u32,
    /// Traces in all.
    traces: u64,
}

/// A request of each trace, in their order and at the rate.
fn load(addr: SocketAddr, aim: Aim, arrives: bool) -> Load {
    let call = move |number| {
        let call = Call::get("/").host("b").header("traceparent", traceparent(number, 1));
        if arrives { call.header("x-lane", "gray") } else { call }
    };
    let load = Load::new(addr, Protocol::Http2, CONNECTIONS, call).streams(RATED_STREAMS);
    load.rate(aim.rate).requests(aim.traces)
}

/// The fewest and the most traces that were pending while there were arrivals.
async fn pending(arriving: &Running, sending: &Running, traces: u64) -> (u64, u64) {
    let (mut least, mut most) = (u64::MAX, 0);
    while arriving.ended() < traces {
        let pending = arriving.ended().saturating_sub(sending.ended());
        (least, most) = (least.min(pending), most.max(pending));
        tokio::time::sleep(LOOK).await;
    }
    (least, most)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nearly_all_of_many_traces_are_found_again() -> Result<()> {
    let small = Aim { pending: 500, rate: 250, traces: 1_500 };
    let aim = sized(small, Aim { pending: 50_000, rate: 5_000, traces: 300_000 });
    // The test is the application of b-v1: what it sends, a little later, goes to b again, for want of another.
    let options = MeshOptions { services: Vec::new(), ..recovering() };
    let mesh = Mesh::start(options.service("b", &[None, Some("gray")]).concurrency(2)).await?;
    lanes::gray(&mesh).await?;
    super::configure(&mesh, "ttlSeconds", 600).await?;
    let (inbound, outbound) = (workload(&mesh, "b-v1")?.inbound, workload(&mesh, "b-v1")?.outbound);

    let arriving = load(inbound, aim, true).start();
    let enough = async || (arriving.ended() >= aim.pending).then_some(());
    wait::until(PATIENCE, "the first traces", enough).await?;
    let sending = load(outbound, aim, false).start();
    let (least, most) = pending(&arriving, &sending, aim.traces).await;
    let (arrived, sent) = (arriving.finish().await, sending.finish().await);
    for report in [&arrived, &sent] {
        ensure!(report.not_ok().next().is_none(), "{report}");
    }
    let found = sent.by_path().get("b-gray").copied().unwrap_or(0);
    let percent = found as f64 * 100.0 / aim.traces as f64;
    let restored = count(&mesh, "b-v1", "graylane_restored_total", &["reason=\"trace\""]).await?;
    Figures::new("A lane that the application dropped is found again by its trace")
        .parameter("traces", aim.traces)
        .parameter("workers", 2)
        .parameter("asked for, a second", format!("{0} arrivals and {0} requests sent", aim.rate))
        .parameter("traces pending, wanted", aim.pending)
        .figure("found again", format!("{percent:.3} %"))
        .figure("arrivals a second", format!("{:.0}", arrived.rate()))
        .figure("sent a second", format!("{:.0}", sent.rate()))
        .figure("traces pending", format!("{least} to {most}"))
        .figure("evicted", traces(&mesh, "b-v1", "inbound", "evicted").await?)
        .figure("ambiguous", traces(&mesh, "b-v1", "outbound", "ambiguous").await?)
        .record("recovery-many")?;
    assert!(percent >= AIM, "{percent} % of {} were found again", aim.traces);
    assert_eq!(restored, found, "what was found again is counted");
    mesh.passed().await;
    Ok(())
}
