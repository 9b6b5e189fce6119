//! One of two endpoints of a lane is ejected: how much of the lane goes to the baseline.
//!
//! By its default Envoy holds a set of endpoints for whole while at least 1/1.4, about 71 %, of it are healthy.
//! With one of two, 50 % × 1.4 = 70 % of the requests stay; the rest goes to the next set, the baseline, though
//! the endpoint that is left could have served it. We tell Envoy that one healthy endpoint suffices, and show
//! both: other meshes have the default.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::client::{Call, Protocol};
use tests::figures::{Figures, sized};
use tests::load::Load;
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;

use super::{FALLEN_BACK, IN_LANE};
use crate::lanes;

/// The endpoint whose application is dead.
const DEAD: &str = "c-gray-2";
/// What its caller counts.
const EJECTIONS: &str = "cluster.c_gray.outlier_detection";
/// Requests that are sent before the caller is asked again whether the endpoint is still ejected.
const BATCH: u64 = 50;
/// How long all samples may take: now and then the endpoint gets another chance.
const DEADLINE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_of_two_endpoints_ejected_part_of_the_lane_falls_back() -> Result<()> {
    let options = MeshOptions::empty()
        .service("a", &[None, Some("gray")])
        .service("b", &[None])
        .service("c", &[None, Some("gray"), Some("gray")]);
    let mut mesh = Mesh::start(options).await?;
    lanes::gray(&mesh).await?;
    mesh.kill_app(DEAD).await?;

    let ours = baseline_share(&mesh).await?;
    use_default_factor(&mesh.proxy_dir("b-v1").join("cds.json"))?;
    let default = baseline_share(&mesh).await?;
    Figures::new("One of two endpoints of a lane is ejected: what is left serves the lane")
        .parameter("requests", samples())
        .figure("served by the baseline", format!("{ours:.1} %"))
        .figure("by Envoy's default overprovisioning", format!("{default:.1} %"))
        .figure("failed", 0)
        .record("fallback-share")?;
    assert!(ours == 0.0, "{ours:.1} % went to the baseline");
    assert!((20.0..40.0).contains(&default), "{default:.1} % instead of about 30 %");
    mesh.passed().await;
    Ok(())
}

/// Requests that are looked at.
fn samples() -> u64 {
    sized(500, 10_000)
}

/// The share of the lane's requests, in percent, that the baseline serves while one endpoint is ejected.
async fn baseline_share(mesh: &Mesh) -> Result<f64> {
    let mut ways: BTreeMap<String, u64> = BTreeMap::new();
    wait::succeeds(DEADLINE, "samples with one endpoint ejected", async || {
        let batch = sample(mesh).await?.unwrap_or_default();
        batch.into_iter().for_each(|(way, times)| *ways.entry(way).or_default() += times);
        let count = ways.values().sum::<u64>();
        ensure!(count >= samples(), "{count} of {} samples", samples());
        Ok(())
    })
    .await?;
    let total: u64 = ways.values().sum();
    let fallen = ways.remove(FALLEN_BACK).unwrap_or(0);
    let in_lane = ways.remove(IN_LANE).unwrap_or(0);
    ensure!(in_lane > 0 && ways.is_empty(), "neither the living endpoint nor the baseline: {ways:?}");
    Ok(fallen as f64 / total as f64 * 100.0)
}

/// Has a proxy work with Envoy's own factor, as it would in a mesh whose clusters somebody else writes.
fn use_default_factor(clusters: &Path) -> Result<()> {
    let mut content: Value = serde_json::from_slice(&std::fs::read(clusters)?)?;
    let resources = content.get_mut("resources").and_then(Value::as_array_mut).context("no resources")?;
    let policies = resources.iter_mut().filter_map(|cluster| cluster.pointer_mut("/load_assignment/policy"));
    let mut found = 0;
    for policy in policies {
        policy["overprovisioning_factor"] = 140.into();
        found += 1;
    }
    ensure!(found > 0, "no cluster has a factor: {content}");
    // Renamed into place, which is what Envoy looks for.
    let new = clusters.with_extension("new");
    std::fs::write(&new, content.to_string())?;
    Ok(std::fs::rename(new, clusters)?)
}

/// The ways of some requests, if one endpoint was ejected all the while.
async fn sample(mesh: &Mesh) -> Result<Option<BTreeMap<String, u64>>> {
    let before = ejections(mesh).await?;
    let load = Load::new(mesh.gateway(), Protocol::Http2, 1, gray);
    let report = load.streams(4).requests(BATCH).start().finish().await;
    assert_eq!(report.not_ok().next().map(|outcome| &outcome.verdict), None, "{report}");
    let (active, enforced) = ejections(mesh).await?;
    Ok(((active, enforced) == before && active == 1).then(|| report.by_path()))
}

/// How many endpoints are ejected now, and how often one has been.
async fn ejections(mesh: &Mesh) -> Result<(u64, u64)> {
    let stats = mesh.envoy("b-v1")?.stats().await?;
    let value = |name: &str| stats.get(&format!("{EJECTIONS}.{name}")).copied().unwrap_or(0);
    Ok((value("ejections_active"), value("ejections_enforced_total")))
}

fn gray(_: u64) -> Call {
    Call::get("/").header(lanes::ENTERS, "1")
}
