//! The controller is killed before and after every write of every change.
//!
//! An undisturbed round enumerates the writes. Then every change is made again for every write and for both
//! sides of it, with the controller killed there and another one put in its place. Several stages take turns,
//! since most of the time is spent waiting.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use tests::api_proxy::{Moment, Write};
use tests::cluster::Cluster;
use tests::figures::{Figures, is_full, sized};
use tests::wait;

use super::super::demo::Demo;
use super::changes::{Change, Round};
use super::forms::{form, same};
use super::stage::{DEADLINE, Stage};

/// What an undisturbed change has written, and where it has ended.
struct Undisturbed {
    change: Change,
    /// None where the controller is not to be killed.
    writes: Vec<Write>,
    end: String,
}

/// The number of a write, counted from 1, and the side of it.
type Point = (usize, Moment);

/// What became of the points of one stage.
#[derive(Default)]
struct Outcome {
    killed: usize,
    /// Runs that were done before they came to their point: a run may have a write less than another.
    not_reached: usize,
    versions: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_killed_at_any_write_is_followed_by_one_that_ends_at_the_same() -> Result<()> {
    let figures = Figures::new(
        "The controller is killed with -9 before and after its writes, and its successor ends at the same objects",
    );
    killed(Round::LANES, sized(8, 1), figures).await?.record("controller-killed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_whose_controller_is_killed_at_any_write_ends_at_the_same() -> Result<()> {
    let figures = Figures::new(
        "The controller is killed with -9 before and after its writes of a promotion and a rollback: each is carried out once, in its order",
    );
    killed(Round::RELEASES, sized(12, 1), figures).await?.record("release-killed")
}

/// Kills the controller at every write of the round, or at every so many.
async fn killed(round: Round, every: usize, figures: Figures) -> Result<Figures> {
    let cluster = Demo::cluster().await?;
    let changes = undisturbed(cluster.clone(), round).await?;
    let points: Vec<_> = changes.iter().map(|change| points_of(change, every)).collect();
    let stages = sized(6, 8);
    let running = (0..stages).map(|stage| {
        let own = changes.iter().zip(&points).map(|(change, points)| {
            (change, points.iter().copied().skip(stage).step_by(stages).collect::<VecDeque<_>>())
        });
        interrupted(cluster.clone(), own.collect())
    });
    let mut all = Outcome::default();
    for Outcome { killed, not_reached, versions } in try_join_all(running).await? {
        all.killed += killed;
        all.not_reached += not_reached;
        all.versions += versions;
    }
    let points: usize = points.iter().map(Vec::len).sum();
    let tried = all.killed + all.not_reached;
    ensure!(tried == points && points > 0, "{tried} of {points} points were tried");
    // How often a status is written while pods start depends on how busy the machine is.
    ensure!(all.killed * 2 > points, "only {} of {points} points were reached", all.killed);
    let writes = changes.iter().filter(|change| !change.writes.is_empty());
    let writes = writes.map(|change| format!("{:?} {}", change.change, change.writes.len()));
    Ok(figures
        .parameter("writes", writes.collect::<Vec<_>>().join(", "))
        .parameter("points", if is_full() { "before and after each" } else { "a sample" })
        .figure("killed", all.killed)
        .figure("done before the point", all.not_reached)
        .figure("ended elsewhere", 0)
        .figure("versions of objects", all.versions)
        .figure("of them with two truths", 0))
}

/// Every write from both sides; with small numbers some of them, and from one side each, in turns.
fn points_of(change: &Undisturbed, every: usize) -> Vec<Point> {
    let numbers = (1..=change.writes.len()).step_by(every).enumerate();
    let sides = |turn: usize| match (is_full(), turn % 2) {
        (true, _) => vec![Moment::Before, Moment::After],
        (false, 0) => vec![Moment::After],
        (false, _) => vec![Moment::Before],
    };
    numbers.flat_map(|(turn, number)| sides(turn).into_iter().map(move |side| (number, side))).collect()
}

/// One round without a fault.
async fn undisturbed(cluster: Arc<Cluster>, round: Round) -> Result<Vec<Undisturbed>> {
    let mut stage = Stage::set(cluster).await?;
    let mut changes = Vec::new();
    for change in round.changes {
        stage.proxy.count_from_here(None);
        change.ask(&stage.demo).await?;
        let end = stage.settled().await.with_context(|| format!("{change:?}"))?;
        let is_interrupted = round.interrupted.contains(change);
        let writes = if is_interrupted { stage.proxy.writes() } else { Vec::new() };
        changes.push(Undisturbed { change: *change, writes, end });
    }
    stage.history.judge().await?;
    Ok(changes)
}

/// Rounds until every point has had its turn.
async fn interrupted(
    cluster: Arc<Cluster>,
    mut changes: Vec<(&Undisturbed, VecDeque<Point>)>,
) -> Result<Outcome> {
    let mut stage = Stage::set(cluster).await?;
    let mut outcome = Outcome::default();
    while changes.iter().any(|(_, points)| !points.is_empty()) {
        for (change, points) in &mut changes {
            let point = points.pop_front();
            let run = interrupt(&mut stage, change, point).await;
            let killed = run.with_context(|| format!("{:?}, killed at {point:?}", change.change))?;
            outcome.killed += usize::from(killed.is_some());
            outcome.not_reached += usize::from(point.is_some() && killed.is_none());
        }
    }
    outcome.versions = stage.history.judge().await?;
    Ok(outcome)
}

/// Makes a change, kills the controller at the point if there is one, and waits for the end; returns the write.
async fn interrupt(
    stage: &mut Stage,
    undisturbed: &Undisturbed,
    point: Option<Point>,
) -> Result<Option<Write>> {
    stage.proxy.count_from_here(point);
    undisturbed.change.ask(&stage.demo).await?;
    let held = wait::succeeds(DEADLINE, "the write, or the end", async || match stage.proxy.held() {
        Some(write) => Ok(Some(write)),
        None => {
            same(&form(&stage.demo).await?, &undisturbed.end)?;
            ensure!(stage.proxy.hold_nothing(), "the last write is being held");
            Ok(None)
        }
    });
    let held = stage.demo.controller.explains(held.await)?;
    if held.is_some() {
        stage.proxy.count_from_here(None);
        stage.kill_and_replace().await?;
    }
    stage.converged(&undisturbed.end).await.with_context(|| format!("held was {held:?}"))?;
    stage
        .demo
        .controller
        .explains(stage.history.judge().await)
        .with_context(|| format!("held was {held:?}"))?;
    Ok(held)
}
