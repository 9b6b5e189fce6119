//! A release on a real istiod, under load: the baseline takes the lane's version and gives it back, no request fails.

use anyhow::{Result, ensure};
use tests::istiod::{IstioMesh, IstioOptions};
use tests::load::Report;

use super::order::loads;
use super::{BASELINE, GRAY, goes, set, with};

const OLD: &str = "example.com/app:1";
const NEW: &str = "example.com/app:2";

/// What both services with a gray version run as their baseline.
async fn baselines(mesh: &IstioMesh) -> Result<[String; 2]> {
    let image = async |workload: &str| {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        Ok::<_, anyhow::Error>(mesh.kubectl(&["get", "deployment", workload, "-o", path]).await?.stdout)
    };
    Ok([image("a-v1").await?, image("c-v1").await?])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn a_lane_is_promoted_and_rolled_back_under_load_and_nothing_fails() -> Result<()> {
    let mesh = IstioMesh::start(&IstioOptions::default()).await?;
    for workload in ["deployment/a-gray", "deployment/c-gray"] {
        mesh.kubectl(&["set", "image", workload, &format!("app={NEW}")]).await?;
    }
    mesh.ready().await?;
    set(&mesh, "gray", "x-gray").await?;
    goes(&mesh.h1()?, with("x-gray"), GRAY).await?;
    ensure!(baselines(&mesh).await? == [OLD, OLD], "the baselines are new already");

    let running = loads(&mesh)?;
    mesh.lanectl(&["promote", "gray", "--wait", "--timeout", "300s"]).await?;
    mesh.ready().await?;
    let promoted = baselines(&mesh).await?;
    ensure!(promoted == [NEW, NEW], "{promoted:?}");
    goes(&mesh.h1()?, with("x-gray"), BASELINE).await?;
    mesh.lanectl(&["rollback", "gray", "--wait", "--timeout", "300s"]).await?;
    mesh.ready().await?;
    let rolled_back = baselines(&mesh).await?;
    ensure!(rolled_back == [OLD, OLD], "{rolled_back:?}");
    let [http1, http2] = running;
    let report = Report::joined([http1.stop().await, http2.stop().await]);
    ensure!(report.total() > 500, "{report}");
    assert_eq!(report.not_ok().next().map(|outcome| &outcome.verdict), None, "{report}");
    let strays = report.by_path().into_keys().filter(|path| path != BASELINE && path != GRAY);
    assert_eq!(strays.collect::<Vec<_>>(), [""; 0], "{report}");
    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}
