//! Make before break on a real istiod: groups and lanes come and go under load, no request fails and no
//! connection is drained by a change of lanes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::client::{Call, Protocol};
use tests::figures::{Figures, sized};
use tests::istiod::{IstioMesh, IstioOptions};
use tests::load::{Load, Report};

use super::{BASELINE, GRAY, remove, set};

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// Requests of the baseline, of the lane, and such that must not be repeated.
fn call(number: u64) -> Call {
    match number % 3 {
        0 => Call::get("/"),
        1 => Call::get("/").header("x-gray", "1"),
        _ => Call::post("/", "paid").header("x-gray", "1"),
    }
}

pub(super) fn loads(mesh: &IstioMesh) -> Result<[tests::load::Running; 2]> {
    let gateway = mesh.gateway()?;
    let load = |protocol| Load::new(gateway, protocol, 2, call).pause(PAUSE).start();
    Ok([load(Protocol::Http1), load(Protocol::Http2)])
}

/// Counters that move when a listener is changed or drained, of all proxies.
async fn listeners(mesh: &IstioMesh) -> Result<BTreeMap<String, u64>> {
    let counts = |name: &str| {
        name.starts_with("listener_manager.listener_") || name.ends_with("downstream_cx_drain_close")
    };
    let mut all = BTreeMap::new();
    for (pod, running) in mesh.pods() {
        let stats = running.envoy.stats().await?.into_iter().filter(|(name, _)| counts(name));
        all.extend(stats.map(|(name, value)| (format!("{pod}: {name}"), value)));
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn lanes_come_and_go_under_load_and_nothing_fails_or_is_drained() -> Result<()> {
    let mesh = IstioMesh::start(&IstioOptions::default()).await?;
    // Once, since Envoy makes some statistics when they are first needed.
    set(&mesh, "gray", "x-gray").await?;
    remove(&mesh, "gray").await?;
    let before = listeners(&mesh).await?;
    let running = loads(&mesh)?;
    let cycles = sized(2, 20);
    for _ in 0..cycles {
        set(&mesh, "gray", "x-gray").await?;
        remove(&mesh, "gray").await?;
    }
    let [http1, http2] = running;
    let report = Report::joined([http1.stop().await, http2.stop().await]);
    let strays = report.by_path().into_keys().filter(|path| path != BASELINE && path != GRAY);
    let strays: Vec<String> = strays.collect();
    Figures::new("A lane is added and removed under load, on a real istiod")
        .parameter("times", cycles)
        .figure("requests", report.total())
        .figure("failed", report.not_ok().count())
        .figure("partly in the lane", strays.len())
        .record("istiod-order")?;
    assert_eq!(report.not_ok().next().map(|outcome| &outcome.verdict), None, "{report}");
    assert_eq!(strays, [""; 0], "{report}");
    // What a proxy had before its own `Sidecar` is drained meanwhile, and its counters go.
    let after = listeners(&mesh).await?;
    let moved: Vec<_> =
        after.into_iter().filter(|(name, value)| before.get(name).is_some_and(|was| was < value)).collect();
    assert_eq!(moved, [], "a listener was changed");
    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}

/// Its routes lead to clusters that proxies have to get first, and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn a_group_comes_and_goes_under_load_and_nothing_fails() -> Result<()> {
    let options = IstioOptions::default();
    let mesh = IstioMesh::without_group(&options).await?;
    let (running, begun, mut steps) = (loads(&mesh)?, Instant::now(), Vec::new());
    for _ in 0..sized(2, 10) {
        steps.push(("init", begun.elapsed()));
        mesh.init(&options).await?;
        steps.push(("set", begun.elapsed()));
        set(&mesh, "gray", "x-gray").await?;
        // A version that comes while its lane admits requests.
        steps.push(("deploy", begun.elapsed()));
        mesh.deploy("b", "gray").await?;
        mesh.followed().await?;
        steps.push(("delete the version", begun.elapsed()));
        mesh.kubectl(&["delete", "deployment", "b-gray"]).await?;
        mesh.ready().await?;
        steps.push(("remove", begun.elapsed()));
        remove(&mesh, "gray").await?;
        steps.push(("delete the group", begun.elapsed()));
        mesh.kubectl(&["delete", "lanegroup", "shop"]).await?;
    }
    let [http1, http2] = running;
    let report = Report::joined([http1.stop().await, http2.stop().await]);
    ensure!(report.total() > 500, "{report}");
    let failed: Vec<_> = report.not_ok().map(|outcome| (outcome.start - begun, &outcome.verdict)).collect();
    assert_eq!(failed, [], "steps {steps:?}\n{report}");
    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}
