//! Watches that stand still though nothing looks broken, and watches whose past is lost.

use anyhow::{Context as _, Result, ensure};
use tests::api_proxy::ApiProxy;
use tests::figures::sized;
use tests::wait;

use super::super::demo::Demo;
use super::changes::Change;
use super::stage::{DEADLINE, Stage};

/// All that a controller follows for its rules.
const ALL: [&str; 4] = ["lanegroups", "lanes", "envoyfilters", "destinationrules"];

/// The leader sees lanes come and go, and not what it has written itself about them.
#[tokio::test]
async fn a_leader_with_a_stale_watch_writes_no_old_truth() -> Result<()> {
    let mut stage = Stage::set(Demo::cluster().await?).await?;
    Change::MakeAll.ask(&stage.demo).await?;
    stage.settled().await?;
    Change::RemoveLane.ask(&stage.demo).await?;
    let without = stage.settled().await?;
    let (groups, ours) = (&ALL[..1], &ALL[2..]);
    // Whether what was held back is lost.
    let all = [(groups, false), (ours, true), (groups, true), (ours, false)];
    for (resources, is_lost) in &all[..sized(2, 4)] {
        stage.proxy.freeze(resources);
        let first = given(&stage.demo).await?;
        Change::SetLane.ask(&stage.demo).await?;
        wait::succeeds(DEADLINE, "the lane to be routed", async || {
            let now = given(&stage.demo).await?;
            ensure!(now > first, "{now}");
            Ok(())
        })
        .await?;
        Change::RemoveLane.ask(&stage.demo).await?;
        passes(&stage.demo, 4).await?;
        stage.history.judge().await.with_context(|| format!("{resources:?} stood still"))?;
        if *is_lost {
            stage.proxy.expire();
        } else {
            stage.proxy.thaw();
        }
        stage.converged(&without).await?;
    }
    stage.history.judge().await.map(drop)
}

/// A candidate's watches stand still while somebody else leads; then it leads.
#[tokio::test]
async fn who_begins_to_lead_looks_anew() -> Result<()> {
    let mut stage = Stage::set(Demo::cluster().await?).await?;
    let stale = ApiProxy::start(&stage.demo.cluster).await?;
    let second = stage.demo.controller_through(stale.kubeconfig()).await?;
    stale.freeze(&ALL);
    Change::MakeAll.ask(&stage.demo).await?;
    let with = stage.settled().await?;
    std::mem::replace(&mut stage.demo.controller, second).stop().await?;
    passes(&stage.demo, 1).await?;
    stage.converged(&with).await?;
    stage.history.judge().await?;
    stale.thaw();
    Change::RemoveLane.ask(&stage.demo).await?;
    stage.settled().await?;
    stage.history.judge().await.map(drop)
}

/// The newest number of a generation that the status has.
async fn given(demo: &Demo) -> Result<u64> {
    Ok(demo.groups().get("shop").await?.status.context("no status")?.rules_generation)
}

/// Waits for further passes of the controller.
async fn passes(demo: &Demo, wanted: u64) -> Result<()> {
    let before = demo.controller.passes().await?;
    let further = wait::succeeds(DEADLINE, "further passes", async || {
        let passes = demo.controller.passes().await? - before;
        ensure!(passes >= wanted, "{passes} of {wanted}");
        Ok(())
    });
    demo.controller.explains(further.await)
}
