//! Requests of the lane, some of which may be repeated and some of which must not, and who has got them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use chain::Seen;
use tests::client::{Call, Protocol};
use tests::load::{Load, Outcome, Report, Running, Verdict};
use tests::mesh::Mesh;
use tests::wait;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::lanes;

/// Names a POST, so that it is known again wherever it arrives.
const ID: &str = "x-id";
/// Long enough at the last hop for requests to be in flight whenever something happens.
const PATH: &str = "/slow?ms=20";
const PAUSE: Duration = Duration::from_millis(50);
/// How long the answers that a test waits for may take.
const DEADLINE: Duration = Duration::from_secs(900);

/// Connections of each kind.
const CONNECTIONS: usize = 2;
/// Streams of each connection over HTTP/2.
const HTTP2_STREAMS: usize = 3;
/// Requests that are under way at a time.
pub(super) const STREAMS: u64 = 2 * (CONNECTIONS + CONNECTIONS * HTTP2_STREAMS) as u64;

/// Requests that may be repeated and requests that must not, over HTTP/1.1 and HTTP/2.
pub(super) struct Traffic {
    gets: [Running; 2],
    posts: [Running; 2],
}

/// A request that must not be repeated, with what became of it.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) id: String,
    pub(super) outcome: Outcome,
}

/// How often each POST has been handed to an application of the last service.
pub(super) struct Deliveries(BTreeMap<String, u64>);

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

impl Traffic {
    /// Begins.
    pub(super) fn start(mesh: &Mesh) -> Self {
        let start = |protocol, call: fn(Protocol, u64) -> Call| {
            let streams = if protocol == Protocol::Http2 { HTTP2_STREAMS } else { 1 };
            let calls = move |number| call(protocol, number);
            Load::new(mesh.gateway(), protocol, CONNECTIONS, calls).streams(streams).pause(PAUSE).start()
        };
        Self { gets: PROTOCOLS.map(|p| start(p, get)), posts: PROTOCOLS.map(|p| start(p, post)) }
    }

    /// Waits until this many more requests have ended.
    pub(super) async fn advance(&self, requests: u64) -> Result<()> {
        let ended = || self.gets.iter().chain(&self.posts).map(Running::ended).sum::<u64>();
        let goal = ended() + requests;
        wait::until(DEADLINE, "requests to end", async || (ended() >= goal).then_some(())).await
    }

    /// Ends.
    pub(super) async fn stop(self) -> (Report, Vec<Post>) {
        let (mut gets, mut posts) = (Vec::new(), Vec::new());
        for load in self.gets {
            gets.push(load.stop().await);
        }
        for (protocol, load) in PROTOCOLS.into_iter().zip(self.posts) {
            let outcomes = load.stop().await.outcomes;
            posts.extend(
                outcomes.into_iter().map(|outcome| Post { id: id(protocol, outcome.number), outcome }),
            );
        }
        (Report::joined(gets), posts)
    }
}

impl Post {
    /// Whether it was answered with 200.
    pub(super) fn is_ok(&self) -> bool {
        matches!(self.outcome.verdict, Verdict::Answered { status: 200, .. })
    }
}

impl Deliveries {
    /// Counts what the applications have reported. A request is at most once at each service: most often at any
    /// of them is what counts.
    pub(super) fn of_posts(mut seen: UnboundedReceiver<Seen>) -> Self {
        let mut by_service: BTreeMap<(String, String), u64> = BTreeMap::new();
        while let Ok(Seen { by, headers, .. }) = seen.try_recv() {
            let Some(id) = headers.get(ID).and_then(|id| id.to_str().ok()) else { continue };
            let service = by.split('-').next().unwrap_or_default().to_owned();
            *by_service.entry((id.to_owned(), service)).or_default() += 1;
        }
        let mut most = BTreeMap::new();
        for ((id, _), times) in by_service {
            let entry = most.entry(id).or_default();
            *entry = times.max(*entry);
        }
        Self(most)
    }

    /// How often a POST has been delivered to one service at most.
    pub(super) fn of(&self, id: &str) -> u64 {
        self.0.get(id).copied().unwrap_or(0)
    }
}

fn get(_: Protocol, _: u64) -> Call {
    Call::get(PATH).header(lanes::ENTERS, "1")
}

fn post(protocol: Protocol, number: u64) -> Call {
    Call::post(PATH, "paid").header(lanes::ENTERS, "1").header(ID, id(protocol, number))
}

fn id(protocol: Protocol, number: u64) -> String {
    format!("{protocol:?}-{number}")
}
