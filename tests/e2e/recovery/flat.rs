//! However many traces come by, a sidecar's memory stays what it is with a full table.

use anyhow::{Result, ensure};
use tests::client::{Call, Protocol};
use tests::figures::{Figures, sized};
use tests::load::Load;
use tests::mesh::{Mesh, MeshOptions};

use super::{configure, recovering, traceparent, traces, workload};
use crate::lanes;
use crate::memory::footprint::Footprint;

/// How often memory is looked at.
const POINTS: u64 = 10;
/// What it may grow by, in percent of what it was with a full table.
const TOLERANCE: f64 = 5.0;
/// Traces that a slot holds.
pub(super) const PLACES: u64 = 8;

/// Traces `first` and following arrive with a lane.
async fn arrive(mesh: &Mesh, first: u64, traces: u64) -> Result<()> {
    let call = move |number| {
        let call = Call::get("/").host("b").header("x-lane", "gray");
        call.header("traceparent", traceparent(first + number, 1))
    };
    let load = Load::new(workload(mesh, "b-v1")?.inbound, Protocol::Http2, 8, call).streams(16);
    let report = load.requests(traces).start().finish().await;
    ensure!(report.not_ok().next().is_none(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_flat_over_traces() -> Result<()> {
    let (slots, count) = sized((64, 10_000), (32_768, 1_000_000));
    let options = MeshOptions { services: Vec::new(), ..recovering() };
    let mesh = Mesh::start(options.service("b", &[None, Some("gray")]).concurrency(2)).await?;
    lanes::gray(&mesh).await?;
    configure(&mesh, "slots", slots).await?;
    let footprint = || Footprint::of(mesh.envoy("b-v1")?.pid());

    // An Envoy that has been at work, then one with a full table.
    arrive(&mesh, 0, count / 100).await?;
    let idle = footprint()?;
    let filling = u64::from(slots) * PLACES * 2;
    arrive(&mesh, count, filling).await?;
    let mut points = vec![footprint()?];
    for point in 0..POINTS {
        arrive(&mesh, count * 2 + filling + point * count / POINTS, count / POINTS).await?;
        points.push(footprint()?);
    }
    let (full, last) = (points[0], points[points.len() - 1]);
    let growth = (last.resident_kib as f64 / full.resident_kib as f64 - 1.0) * 100.0;
    let table = full.resident_kib.saturating_sub(idle.resident_kib);
    Figures::new("A sidecar's memory stays flat over traces")
        .parameter("traces", count)
        .parameter("slots", slots)
        .parameter("after filling the table with", filling)
        .figure(
            "resident",
            format!("{} KiB, then {} KiB ({growth:+.1} %)", full.resident_kib, last.resident_kib),
        )
        .figure("Wasm memory", format!("{} KiB, then {} KiB", full.wasm_kib, last.wasm_kib))
        .figure("taken while the table was filled", format!("{table} KiB"))
        .figure("evicted", traces(&mesh, "b-v1", "inbound", "evicted").await?)
        .record("recovery-memory")?;
    assert!(growth <= TOLERANCE && last.wasm_kib == full.wasm_kib, "{points:?}");
    assert!(traces(&mesh, "b-v1", "inbound", "evicted").await? > 0, "the table was never full");
    mesh.passed().await;
    Ok(())
}
