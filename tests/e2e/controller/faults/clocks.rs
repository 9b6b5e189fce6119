//! Two controllers whose clocks are two hours apart: one an hour ahead of everybody, one an hour behind.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use controller::cluster::phases::GRACE;
use lane::model::LanePhase;
use tests::api_proxy::{ApiProxy, Skew};
use tests::figures::Figures;
use tests::wait;

use super::super::demo::Demo;
use super::changes::Change;
use super::history::{History, Seen};
use super::stage::{DEADLINE, settled};
use super::truths::{ENTRY, configs};

/// A candidate looks every 2 s, and a lease holds for 15 s.
const LOOKS: usize = 9;

#[tokio::test]
async fn of_two_controllers_with_clocks_apart_one_acts() -> Result<()> {
    let cluster = Demo::cluster().await?;
    let ahead = ApiProxy::with_clock(&cluster, Skew::hours(1)).await?;
    let behind = ApiProxy::with_clock(&cluster, Skew::hours(-1)).await?;
    let mut demo = Demo::on(cluster, ahead.kubeconfig()).await?;
    let mut history = History::of(&demo).await?;
    let second = demo.controller_through(behind.kubeconfig()).await?;
    Change::MakeAll.ask(&demo).await?;
    settled(&demo).await?;
    looks(&behind).await?;
    ensure!(behind.writes().is_empty(), "both act: {:?}", behind.writes());

    // The first one goes while requests in flight have their grace, and the second one must not cut it short.
    Change::RemoveLane.ask(&demo).await?;
    wait::succeeds(DEADLINE, "the lane to retire", async || {
        let status = demo.groups().get("shop").await?.status.context("no status")?;
        ensure!(status.lanes.iter().any(|lane| lane.phase == LanePhase::Retiring), "{:?}", status.lanes);
        let at_the_gateway = demo.at_the_gateway().await?;
        ensure!(!at_the_gateway.contains("testers"), "it admits requests");
        Ok(())
    })
    .await?;
    std::mem::replace(&mut demo.controller, second).stop().await?;
    let before = ahead.writes();
    settled(&demo).await?;
    let grace = grace(&history.seen()).context("the lane did not end in two steps")?;
    // What is seen here is seen with the delay of a watch.
    ensure!(grace + Duration::from_millis(500) >= GRACE, "requests in flight had {grace:?}");

    let third = demo.controller_through(ahead.kubeconfig()).await?;
    looks(&ahead).await?;
    ensure!(ahead.writes() == before, "both act: {:?}", ahead.writes());
    ensure!(third.passes().await? == 0, "both act");
    let versions = history.judge().await?;
    Figures::new("Of two controllers whose clocks are two hours apart one acts at a time")
        .parameter("clocks", "one hour ahead and one hour behind")
        .parameter("looks at the other's lease", 2 * LOOKS)
        .figure("writes of who did not lead", 0)
        .figure("grace of requests in flight over the takeover", format!("{:.1} s", grace.as_secs_f64()))
        .figure("versions of objects", versions)
        .record("controller-clocks")
}

/// Lets a candidate look at the lease of the other one for longer than it holds.
async fn looks(candidate: &ApiProxy) -> Result<()> {
    let begun = candidate.lease_requests();
    wait::succeeds(DEADLINE, "a candidate's looks at the lease", async || {
        let looks = candidate.lease_requests() - begun;
        ensure!(looks >= LOOKS, "{looks} of {LOOKS}");
        Ok(())
    })
    .await
}

/// The time between the end of the lane at the entry and that of its clusters.
fn grace(history: &[Seen]) -> Option<Duration> {
    let admits = |seen: &Seen| {
        let configs = seen.object.iter().flat_map(configs);
        configs.flat_map(|config| config.lanes).any(|lane| !lane.rules.is_empty())
    };
    let last = history.iter().rposition(|seen| seen.name == ENTRY && admits(seen))?;
    let after = &history[last + 1..];
    let closed = after.iter().find(|seen| seen.name == ENTRY)?;
    let gone = after.iter().find(|seen| seen.name.ends_with(".clusters") && seen.object.is_none())?;
    gone.at.checked_duration_since(closed.at)
}
