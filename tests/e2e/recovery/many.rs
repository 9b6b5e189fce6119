//! Many traces at once, two workers: nearly all are found again, and none in a wrong lane.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, ensure};
use chain::Forward;
use tests::client::{Call, Protocol};
use tests::figures::{Figures, sized};
use tests::load::{Load, Report};
use tests::mesh::{Mesh, MeshOptions};

use super::{GRAY, count, gray, plain, recovering, traceparent, traces, workload};
use crate::lanes;

const CONNECTIONS: usize = 8;
const STREAMS: usize = 16;
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

/// Requests of traces `first` and following, all at once.
fn load(addr: SocketAddr, first: u64, traces: u64, arrives: bool) -> Load {
    let call = move |number| {
        let call = Call::get("/").host("b").header("traceparent", traceparent(first + number, 1));
        if arrives { call.header("x-lane", "gray") } else { call }
    };
    Load::new(addr, Protocol::Http2, CONNECTIONS, call).streams(STREAMS).requests(traces)
}

fn all_ok(report: &Report) -> Result<()> {
    ensure!(report.not_ok().next().is_none(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nearly_all_of_many_traces_are_found_again() -> Result<()> {
    let (pending, rounds) = sized((2_000, 2), (50_000, 10));
    // The test is the application of b-v1: what it sends, a little later, goes to b again, for want of another.
    let options = MeshOptions { services: Vec::new(), ..recovering() };
    let mesh = Mesh::start(options.service("b", &[None, Some("gray")]).concurrency(2)).await?;
    lanes::gray(&mesh).await?;
    super::configure(&mesh, "ttlSeconds", 600).await?;
    let (inbound, outbound) = (workload(&mesh, "b-v1")?.inbound, workload(&mesh, "b-v1")?.outbound);

    all_ok(&load(inbound, 0, pending, true).start().finish().await)?;
    let (mut found, start) = (0, Instant::now());
    for round in 1..=rounds {
        // While as many new traces arrive, each trace of the round before sends its request.
        let arriving = load(inbound, round * pending, pending, true).start();
        let sending = load(outbound, (round - 1) * pending, pending, false).start();
        all_ok(&arriving.finish().await)?;
        let report = sending.finish().await;
        all_ok(&report)?;
        found += report.by_path().get("b-gray").copied().unwrap_or(0);
    }
    let (sent, took) = (pending * rounds, start.elapsed().as_secs_f64());
    let percent = found as f64 * 100.0 / sent as f64;
    let restored = count(&mesh, "b-v1", "graylane_restored_total", &["reason=\"trace\""]).await?;
    Figures::new("A lane that the application dropped is found again by its trace")
        .parameter("traces pending", format!("{pending} to {}", 2 * pending))
        .parameter("workers", 2)
        .parameter("traces", sent)
        .figure("found again", format!("{percent:.3} %"))
        .figure("arrivals a second, and as many sent", format!("{:.0}", sent as f64 / took))
        .figure("evicted", traces(&mesh, "b-v1", "inbound", "evicted").await?)
        .figure("ambiguous", traces(&mesh, "b-v1", "outbound", "ambiguous").await?)
        .record("recovery-many")?;
    assert!(percent >= AIM, "{percent} % of {sent} were found again");
    assert_eq!(restored, found, "what was found again is counted");
    mesh.passed().await;
    Ok(())
}
