//! The workloads of a lane go away and come back under load: nobody waits for a health check, and nothing is
//! sent twice that must not be.

mod own_errors;
mod share;
mod traffic;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use envoy_config::topology::Workload;
use tests::client::Call;
use tests::figures::{Figures, sized};
use tests::load::{Outcome, Report};
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;
use traffic::{Deliveries, Post, Traffic};

use crate::lanes;

/// The workload that goes away.
const GONE: &str = "c-gray";
const IN_LANE: &str = "a-gray,b-v1,c-gray";
const FALLEN_BACK: &str = "a-gray,b-v1,c-v1";

/// How long traffic may take to come back to the lane: the longest ejection and more.
const DEADLINE: Duration = Duration::from_secs(60);
/// Requests in a row that must be answered within the lane before it counts as back.
const PROBES: usize = 20;

/// The three ways in which a workload goes away.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// It is taken out of the topology, and ended when nobody calls it any more.
    Endpoints,
    /// Application and proxy are killed together.
    Workload,
    /// The application is killed behind its living proxy.
    Application,
}

const WAYS: [Way; 3] = [Way::Endpoints, Way::Workload, Way::Application];

/// A workload that was away.
struct Outage {
    way: Way,
    /// When it began to go.
    from: Instant,
    /// When it had gone.
    gone: Instant,
    /// When it began to come back.
    returns: Instant,
    /// When all requests were served within the lane again.
    back: Instant,
}

impl Way {
    /// File name and claim of its figures.
    fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Endpoints => {
                ("fallback-endpoints", "Endpoints of a lane are taken away and given back under load")
            }
            Self::Workload => {
                ("fallback-workload", "A workload of a lane is killed with its proxy under load")
            }
            Self::Application => {
                ("fallback-application", "An application of a lane is killed under load, and its proxy lives")
            }
        }
    }

    async fn take(self, mesh: &mut Mesh) -> Result<()> {
        match self {
            Self::Endpoints => {
                mesh.edit_topology(|spec| spec.workloads.retain(|w| w.name.as_str() != GONE)).await?;
                mesh.kill_envoy(GONE)?;
                mesh.stop_app(GONE).await
            }
            Self::Workload => {
                mesh.kill_envoy(GONE)?;
                mesh.kill_app(GONE).await
            }
            Self::Application => mesh.kill_app(GONE).await,
        }
    }

    /// `workload` is what was taken out of the topology.
    async fn give_back(self, mesh: &mut Mesh, workload: Workload) -> Result<()> {
        if self == Self::Endpoints {
            mesh.edit_topology(|spec| spec.workloads.push(workload)).await?;
        }
        mesh.start_all().await
    }
}

impl Outage {
    /// Takes the workload away for some requests, and gives it back.
    async fn run(way: Way, mesh: &mut Mesh, traffic: &Traffic) -> Result<Self> {
        let workload = mesh.topology().workloads.iter().find(|w| w.name.as_str() == GONE).cloned();
        let workload = workload.context("it is there")?;
        let from = Instant::now();
        way.take(mesh).await?;
        let gone = Instant::now();
        traffic.advance(away()).await?;
        let returns = Instant::now();
        way.give_back(mesh, workload).await?;
        back_in_lane(mesh).await?;
        let back = Instant::now();
        traffic.advance(traffic::STREAMS * 4).await?;
        Ok(Self { way, from, gone, returns, back })
    }

    /// A request that was under way when the workload went may have been cut off.
    fn cut(&self, outcome: &Outcome) -> bool {
        self.way != Way::Endpoints && outcome.start <= self.gone && outcome.end >= self.from
    }

    /// Whether a request ended while this was what happened.
    fn has_seen(&self, outcome: &Outcome) -> bool {
        outcome.end >= self.from && outcome.start <= self.back
    }

    fn away(&self) -> Duration {
        self.returns - self.gone
    }
}

/// Records what became of the requests that have seen one of these outages, and judges it.
fn judge(
    way: Way,
    outages: &[&Outage],
    gets: &Report,
    posts: &[Post],
    deliveries: &Deliveries,
) -> Result<()> {
    let (name, claim) = way.told();
    let seen = |outcome: &Outcome| outages.iter().any(|outage| outage.has_seen(outcome));
    let gets = gets.selected(seen);
    let posts: Vec<&Post> = posts.iter().filter(|post| seen(&post.outcome)).collect();
    let failed: Vec<&&Post> = posts.iter().filter(|post| !post.is_ok()).collect();
    let cut = |post: &Post| outages.iter().any(|outage| outage.cut(&post.outcome));
    let unsent: Vec<_> = failed.iter().filter(|post| !cut(post)).collect();
    let twice = posts.iter().filter(|post| deliveries.of(&post.id) > 1).count();
    let returned = outages.iter().map(|outage| outage.back - outage.returns).max();
    Figures::new(claim)
        .parameter("outages", outages.len())
        .parameter("away for", seconds(outages.iter().map(|outage| outage.away()).sum()))
        .parameter("streams", traffic::STREAMS)
        .figure("GET", gets.total())
        .figure("GET failed", gets.not_ok().count())
        .figure("POST", posts.len())
        .figure("POST failed that were not yet sent", unsent.len())
        .figure("POST failed in flight", failed.len() - unsent.len())
        .figure("POST delivered twice", twice)
        .figure("back in the lane after at most", seconds(returned.unwrap_or_default()))
        .record(name)?;

    assert_eq!(gets.not_ok().next().map(|outcome| &outcome.verdict), None, "{name}: {gets}");
    assert!(unsent.is_empty(), "{name}: {unsent:?}");
    assert_eq!(twice, 0, "{name}");
    for outage in outages {
        let away = gets.between(outage.gone, outage.returns);
        assert_eq!(away.by_path().keys().collect::<Vec<_>>(), [FALLEN_BACK], "{name}: {away}");
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// How often each of the ways is gone.
fn rounds() -> usize {
    sized(1, 5)
}

/// For how many requests a workload is away.
fn away() -> u64 {
    sized(200, 5_000)
}

/// Waits until requests of the lane are served within it, one after the other.
async fn back_in_lane(mesh: &Mesh) -> Result<()> {
    let client = mesh.h1();
    wait::succeeds(DEADLINE, "requests to be served in the lane", async || {
        for _ in 0..PROBES {
            let answer = client.send(Call::get("/").header(lanes::ENTERS, "1")).await?;
            anyhow::ensure!(answer.hops() == IN_LANE, "{}", answer.hops());
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_falls_back_without_a_window_and_returns() -> Result<()> {
    let (witness, seen) = tokio::sync::mpsc::unbounded_channel();
    let mut mesh = Mesh::start(MeshOptions::default().witness(witness)).await?;
    lanes::gray(&mesh).await?;
    back_in_lane(&mesh).await?;

    let traffic = Traffic::start(&mesh);
    traffic.advance(traffic::STREAMS * 4).await?;
    let mut outages = Vec::new();
    for way in WAYS.into_iter().cycle().take(WAYS.len() * rounds()) {
        let outage = Outage::run(way, &mut mesh, &traffic).await;
        outages.push(outage.with_context(|| way.told().1)?);
    }
    let (gets, posts) = traffic.stop().await;
    let deliveries = Deliveries::of_posts(seen);

    for way in WAYS {
        let outages: Vec<_> = outages.iter().filter(|outage| outage.way == way).collect();
        judge(way, &outages, &gets, &posts, &deliveries)?;
    }
    let elsewhere = |outcome: &Outcome| !outages.iter().any(|outage| outage.has_seen(outcome));
    let calm = gets.selected(elsewhere);
    assert_eq!(calm.by_path().keys().collect::<Vec<_>>(), [IN_LANE], "{calm}");
    let failed: Vec<_> = posts.iter().filter(|post| elsewhere(&post.outcome) && !post.is_ok()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let lost = posts.iter().filter(|post| post.is_ok() && deliveries.of(&post.id) != 1).count();
    assert_eq!(lost, 0, "answered, and not delivered exactly once");
    mesh.passed().await;
    Ok(())
}
