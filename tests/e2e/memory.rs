//! Requests and updates of the rules leave nothing behind in an Envoy.

pub(crate) mod footprint;
mod requests;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use footprint::Footprint;
use tests::client::Call;
use tests::figures::{Figures, sized};
use tests::mesh::{GATEWAY, Mesh, MeshOptions};

use crate::lanes;

/// How often memory is looked at.
const POINTS: u64 = 10;
/// What it may have grown by in the end, in percent of what it was after a tenth of the work.
const TOLERANCE: f64 = 5.0;

/// Changes the rules of lane gray; whatever `number` is, a request with the header enters.
async fn update(mesh: &Mesh, number: u64) -> Result<()> {
    let build = format!("build={number}");
    mesh.lanectl(&["set-lane", "gray", "--any", "--header", lanes::ENTERS, "--query", &build]).await?;
    Ok(())
}

/// The memory of every Envoy.
fn footprints(mesh: &Mesh) -> Result<BTreeMap<String, Footprint>> {
    mesh.envoys().map(|(name, envoy)| Ok((name.to_owned(), Footprint::of(envoy.pid())?))).collect()
}

/// Growth in percent.
fn growth(from: u64, to: u64) -> f64 {
    (to as f64 / from as f64 - 1.0) * 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_flat_over_requests_and_updates() -> Result<()> {
    let (requests, updates) = sized((20_000, 50), (1_000_000, 1_000));
    let mesh = Mesh::start(MeshOptions::empty().service("a", &[None, Some("gray")])).await?;
    lanes::gray(&mesh).await?;

    let mut points = Vec::new();
    let mut updated = 0;
    // The first point is the warm-up, as long as all that follow.
    for _ in 0..=POINTS {
        for _ in 0..updates / POINTS {
            updated += 1;
            update(&mesh, updated).await?;
        }
        requests::send(&mesh, requests / POINTS).await?;
        points.push(footprints(&mesh)?);
    }
    let answer = mesh.h1().send(Call::get(&format!("/?build={updated}"))).await?;
    ensure!(answer.hops() == "a-gray", "the last update is not in force: {}", answer.hops());

    let (first, last) = (&points[0], &points[points.len() - 1]);
    let mut figures = Figures::new("Memory stays flat over requests and updates of the rules")
        .parameter("requests", requests)
        .parameter("updates", updates)
        .parameter("after a warm-up of requests", requests / POINTS);
    let mut grown = Vec::new();
    for (name, before) in first {
        let after = last[name];
        let resident = growth(before.resident_kib, after.resident_kib);
        let wasm = growth(before.wasm_kib, after.wasm_kib);
        if name == GATEWAY {
            let (from, to) = (before.resident_kib / 1024, after.resident_kib / 1024);
            figures = figures
                .figure("resident at the gateway", format!("{from} MiB, then {to} MiB ({resident:+.1} %)"))
                .figure("Wasm memory", format!("{} KiB, then {} KiB", before.wasm_kib, after.wasm_kib));
        }
        if resident > TOLERANCE || wasm > 0.0 {
            let series: Vec<_> = points.iter().map(|point| point[name]).collect();
            grown.push(format!("{name}: {series:?}"));
        }
    }
    figures.figure("proxies that grew", grown.len()).record("memory")?;
    assert!(grown.is_empty(), "{grown:?}");
    assert!(first.values().all(|footprint| footprint.wasm_kib > 0), "no Wasm memory was found: {first:?}");
    mesh.passed().await;
    Ok(())
}
