//! The API server is killed while lanes change, and comes back after some seconds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tests::cluster::Cluster;
use tests::figures::{Figures, sized};

use super::super::demo::install_definitions;
use super::changes::Change;
use super::stage::Stage;

#[tokio::test]
async fn an_outage_of_the_api_server_delays_changes_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::start().await?;
    cluster.install_istio_crds().await?;
    install_definitions(&cluster).await?;
    let mut stage = Stage::set(Arc::new(cluster)).await?;
    let mut ends = Vec::new();
    for change in [Change::MakeAll, Change::RemoveLane, Change::SetLane] {
        change.ask(&stage.demo).await?;
        ends.push((change, stage.settled().await?));
    }
    let outages: &[u64] = sized(&[1, 3], &[1, 1, 10, 10, 60, 60]);
    for (seconds, (change, end)) in outages.iter().zip(ends[1..].iter().cycle()) {
        change.ask(&stage.demo).await?;
        let cluster = Arc::get_mut(&mut stage.demo.cluster).context("somebody else holds the cluster")?;
        cluster.restart_api_server(Duration::from_secs(*seconds)).await?;
        let alive = stage.demo.controller.ready().await;
        alive.with_context(|| format!("the controller is not ready after {seconds} s"))?;
        stage.converged(end).await.with_context(|| format!("{change:?} over {seconds} s"))?;
    }
    let versions = stage.history.judge().await?;
    ensure!(versions > 0, "nothing was seen");
    Figures::new(
        "The API server is killed while lanes change; the controller lives on and ends at the same objects",
    )
    .parameter("seconds away", format!("{outages:?}"))
    .parameter("changes", "a lane is removed, and set, in turns")
    .figure("controllers that ended", 0)
    .figure("ended elsewhere", 0)
    .figure("versions of objects", versions)
    .figure("of them with two truths", 0)
    .record("controller-outage")
}
