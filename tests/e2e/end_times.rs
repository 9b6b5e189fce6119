//! The end of a lane in Envoys to which nobody writes any more: no controller, no istiod and no `lanectl` runs.
//!
//! Requests go to every place that judges the end, from before it until after it. What is compared is when each was
//! sent and when it was answered, so that a slow machine only blurs the end, and never moves it.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use tests::client::{Call, Client};
use tests::figures::Figures;
use tests::mesh::{Mesh, MeshOptions};

use crate::lanes;

/// How far a lane's end may be from its time.
const TOLERANCE: Duration = Duration::from_secs(1);
/// How long before its end a lane must be in force, so that each place is seen before it.
const BEFORE: Duration = Duration::from_secs(2);
/// How long a lane lasts, in seconds: as much longer as the machine needs to get it into force.
const LIFETIMES: [u64; 4] = [6, 12, 24, 48];

/// Where the end is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The gateway admits.
    Entry,
    /// What b sends carries the lane in its baggage alone.
    Baggage,
    /// What b sends has a trace that arrived in the lane long ago.
    Trace,
    /// What b sends has a trace that has arrived in the lane this very moment.
    Arrival,
    /// What a's gray workload sends has nothing of the lane at all.
    Workload,
}

impl Place {
    const ALL: [Self; 5] = [Self::Entry, Self::Baggage, Self::Trace, Self::Arrival, Self::Workload];

    /// The ways in the lane and outside of it.
    fn ways(self) -> [&'static str; 2] {
        match self {
            Self::Entry => ["a-gray,b-v1,c-gray", "a-v1,b-v1,c-v1"],
            Self::Baggage | Self::Trace | Self::Arrival => ["c-gray", "c-v1"],
            Self::Workload => ["b-v1,c-gray", "b-v1,c-v1"],
        }
    }
}

/// What was seen of one request.
#[derive(Clone, Copy, Debug)]
struct Seen {
    sent: Duration,
    answered: Duration,
    in_lane: bool,
}

/// Clients in the places of callers and of applications.
struct Callers {
    gateway: Client,
    to_b: Client,
    from_b: Client,
    from_gray_a: Client,
}

impl Callers {
    fn of(mesh: &Mesh) -> Result<Self> {
        let workload = |name: &str| {
            let mut workloads = mesh.topology().workloads.iter();
            workloads.find(|workload| workload.name.as_str() == name).with_context(|| name.to_owned())
        };
        let b = workload("b-v1")?;
        Ok(Self {
            gateway: mesh.h2(),
            to_b: Client::h1(b.inbound),
            from_b: Client::h2(b.outbound),
            from_gray_a: Client::h1(workload("a-gray")?.outbound),
        })
    }

    /// A request arrives at b in the lane.
    async fn arrives(&self, trace: &str) -> Result<()> {
        let call = Call::get("/").host("b").header("x-lane", "gray").header("traceparent", trace);
        let answer = self.to_b.send(call).await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(())
    }

    /// One request to a place.
    async fn look(&self, place: Place, number: u64) -> Result<Seen> {
        let sent_by_b = Call::get("/").host("c");
        let (client, call) = match place {
            Place::Entry => (&self.gateway, Call::get("/").header(lanes::ENTERS, "1")),
            Place::Baggage => (&self.from_b, sent_by_b.header("baggage", "lane=gray")),
            Place::Trace => (&self.from_b, sent_by_b.header("traceparent", trace(0))),
            Place::Arrival => {
                self.arrives(&trace(number)).await?;
                (&self.from_b, sent_by_b.header("traceparent", trace(number)))
            }
            Place::Workload => (&self.from_gray_a, Call::get("/").host("b")),
        };
        let sent = now()?;
        let answer = client.send(call).await?;
        let answered = now()?;
        let way = place.ways().iter().position(|way| *way == answer.hops());
        let way = way.with_context(|| format!("{place:?}: {} {}", answer.status, answer.text()))?;
        Ok(Seen { sent, answered, in_lane: way == 0 })
    }

    /// Requests to a place until one was sent so late that it must be outside of the lane.
    async fn watch(&self, place: Place, end: Duration) -> Result<Vec<Seen>> {
        let mut all = Vec::new();
        for number in 1.. {
            let seen = self.look(place, number).await?;
            all.push(seen);
            if seen.sent > end + TOLERANCE {
                break;
            }
        }
        Ok(all)
    }
}

/// What a place has shown: each request on the right side, and both sides seen. The last that was sent in the lane and
/// the first that was answered outside of it are returned, as seconds from the end.
fn judge(place: Place, all: &[Seen], end: Duration) -> Result<[f64; 2]> {
    for seen in all {
        let Seen { sent, answered, in_lane } = *seen;
        ensure!(
            !in_lane || sent <= end + TOLERANCE,
            "{place:?}: {seen:?} in the lane, which ended at {end:?}"
        );
        ensure!(in_lane || answered + TOLERANCE >= end, "{place:?}: {seen:?} outside, the end is at {end:?}");
    }
    let last = all.iter().filter(|seen| seen.in_lane).map(|seen| seen.sent).max();
    let first = all.iter().filter(|seen| !seen.in_lane).map(|seen| seen.answered).min();
    let (last, first) = last.zip(first).with_context(|| format!("{place:?}: one side only: {all:?}"))?;
    Ok([last, first].map(|time| time.as_secs_f64() - end.as_secs_f64()))
}

/// Sets the lane `gray` so that it is in force for a while; returns its end.
async fn set_ending(mesh: &Mesh) -> Result<Duration> {
    for lifetime in LIFETIMES {
        // Whole seconds, so that the object says exactly what is compared.
        let end = Duration::from_secs(now()?.as_secs() + lifetime);
        let rule = json!({ "name": "rule", "match": { "header": { "name": lanes::ENTERS } } });
        let expires = jiff::Timestamp::from_second(i64::try_from(end.as_secs())?)?.to_string();
        lanes::set(mesh, "gray", json!({ "expires": expires, "rules": [rule] })).await?;
        if now()? + BEFORE < end {
            return Ok(end);
        }
    }
    anyhow::bail!("no lane gets into force within {LIFETIMES:?} seconds")
}

fn now() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?)
}

fn trace(number: u64) -> String {
    format!("00-{:032x}-00f067aa0ba902b7-01", u128::from(number) << 64 | 0xe)
}

#[tokio::test]
async fn a_lane_ends_at_its_time_at_every_place_with_nobody_writing_anything() -> Result<()> {
    let options = MeshOptions { init: vec!["--recovery".to_owned()], ..MeshOptions::default() };
    let mesh = Mesh::start(options.concurrency(2)).await?;
    let end = set_ending(&mesh).await?;
    let callers = Callers::of(&mesh)?;
    callers.arrives(&trace(0)).await?;

    let watched = try_join_all(Place::ALL.map(|place| callers.watch(place, end))).await?;
    let (mut last, mut first) = (f64::MIN, f64::MAX);
    for (place, all) in Place::ALL.into_iter().zip(&watched) {
        let [sent, answered] = judge(place, all, end)?;
        (last, first) = (last.max(sent), first.min(answered));
    }

    // Nothing of the lane is left in what enters now.
    let answer = callers.gateway.send(Call::get("/").header(lanes::ENTERS, "1")).await?;
    ensure!(answer.seen("x-lane")?.is_empty() && answer.seen("baggage")?.is_empty(), "{}", answer.text());
    // What was stamped before still finds its way, wherever it is.
    let stamped = Call::get("/").host("c").header("x-lane", "gray");
    ensure!(callers.from_b.send(stamped).await?.hops() == "c-gray");
    mesh.passed().await;
    Figures::new("A lane ends at its time in Envoys to which nobody writes any more")
        .parameter("places", format!("{:?}", Place::ALL))
        .parameter("workers of each proxy", 2)
        .figure("requests", watched.iter().map(Vec::len).sum::<usize>())
        .figure("the last in the lane was sent at its end", format!("{last:+.3} s"))
        .figure("the first outside of it was answered at its end", format!("{first:+.3} s"))
        .record("end-times")
}
