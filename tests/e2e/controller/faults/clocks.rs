//! Two controllers whose clocks are two hours apart: one an hour ahead of everybody, one an hour behind.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use controller::cluster::phases::GRACE;
use lane::model::{LanePhase, ReleasePhase};
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

/// Whoever judged a release or a removal by the times in objects would find it two hours late, or one.
#[tokio::test]
async fn who_takes_a_release_over_gives_it_its_time_whatever_the_clocks_say() -> Result<()> {
    let cluster = Demo::cluster().await?;
    let ahead = ApiProxy::with_clock(&cluster, Skew::hours(1)).await?;
    let behind = ApiProxy::with_clock(&cluster, Skew::hours(-1)).await?;
    let mut demo = Demo::on(cluster, behind.kubeconfig()).await?;
    let mut history = History::of(&demo).await?;
    let second = demo.controller_through(ahead.kubeconfig()).await?;
    Change::MakeAll.ask(&demo).await?;
    settled(&demo).await?;
    Change::Promote.ask(&demo).await?;
    wait::succeeds(DEADLINE, "the lane to end after its promotion", async || {
        let status = demo.lanes().get("gray").await?.status.context("no status")?;
        let release = status.release.context("nothing is said of the release")?;
        ensure!(release.phase == ReleasePhase::Retiring, "{release:?}");
        Ok(())
    })
    .await?;
    std::mem::replace(&mut demo.controller, second).stop().await?;
    settled(&demo).await?;
    Change::DeleteGroup.ask(&demo).await?;
    wait::succeeds(DEADLINE, "the group to go", async || {
        ensure!(demo.groups().get_opt("shop").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let log = demo.controller.log();
    ensure!(!log.contains("let go with objects left"), "{log}");
    history.judge().await?;
    // Step by step, each after a pass of its own: the entry first, the subsets last.
    let seen = history.seen();
    let gone = |stem: &str| seen.iter().rposition(|seen| seen.name.contains(stem) && seen.object.is_none());
    let steps = [ENTRY, ".routes", ".subsets."].map(gone);
    ensure!(steps.is_sorted() && steps[0].is_some(), "{steps:?}");
    let said = seen[steps[0].unwrap_or_default()..].iter();
    let said = said.filter(|seen| seen.kind == "LaneGroup" && seen.object.is_some()).count();
    ensure!(said >= 3, "the objects were removed in {said} steps");
    Ok(())
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
