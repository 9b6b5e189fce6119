//! No change of lanes costs a connection, a request or a listener.

mod oracle;

use std::time::Duration;

use anyhow::{Context as _, Result};
use oracle::History;
use tests::client::{Call, Protocol};
use tests::drains::Drains;
use tests::figures::{Figures, sized};
use tests::load::sockets::{Sockets, Talk};
use tests::load::{Load, Report, Running};
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;

/// How long a connection may take to be used once: a thousand of them begin at the same time.
const DEADLINE: Duration = Duration::from_secs(120);

/// What runs while lanes change.
struct Traffic {
    http1: Running,
    http2: Running,
    sockets: Sockets,
}

/// How much of it.
struct Size {
    http1: usize,
    http2: usize,
    streams: usize,
    sockets: u64,
    /// Between two requests of one stream.
    pause: Duration,
    changes: usize,
}

impl Size {
    fn wanted() -> Self {
        let ms = Duration::from_millis;
        let small = Self { http1: 30, http2: 15, streams: 3, sockets: 15, pause: ms(100), changes: 8 };
        let full = Self { http1: 500, http2: 250, streams: 4, sockets: 250, pause: ms(2000), changes: 100 };
        sized(small, full)
    }

    fn connections(&self) -> usize {
        self.http1 + self.http2 + usize::try_from(self.sockets).unwrap_or(usize::MAX)
    }

    /// Requests that are under way at a time.
    fn streams(&self) -> u64 {
        (self.http1 + self.http2 * self.streams) as u64
    }
}

impl Traffic {
    /// Opens every connection and uses it once.
    async fn start(mesh: &Mesh, size: &Size) -> Result<Self> {
        let load = |protocol, connections| {
            Load::new(mesh.gateway(), protocol, connections, oracle::call).pause(size.pause)
        };
        let http1 = load(Protocol::Http1, size.http1).start();
        let http2 = load(Protocol::Http2, size.http2).streams(size.streams).start();
        // Every other one is opened within the lane, and stays there whatever becomes of the lane.
        let handshake = |number| match number % 2 {
            0 => Call::get("/").header("x-gray", "1"),
            _ => Call::get("/"),
        };
        let sockets = Sockets::open(mesh.gateway(), size.sockets, size.pause, handshake).await?;
        let traffic = Self { http1, http2, sockets };
        traffic.advance(size.streams()).await?;
        Ok(traffic)
    }

    /// Waits until this many more requests have been answered.
    async fn advance(&self, requests: u64) -> Result<()> {
        let ended = || self.http1.ended() + self.http2.ended();
        let goal = ended() + requests;
        wait::until(DEADLINE, "requests to be answered", async || (ended() >= goal).then_some(())).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_lanes_cost_no_connection_and_no_request() -> Result<()> {
    let size = Size::wanted();
    let options = MeshOptions::empty()
        .service("a", &[None, Some("gray"), Some("blue")])
        .service("b", &[None])
        .service("c", &[None, Some("gray")]);
    let mesh = Mesh::start(options).await?;
    let mut history = History::begin(&mesh).await?;

    let traffic = Traffic::start(&mesh, &size).await?;
    let before = Drains::read(&mesh).await?;
    for number in 0..size.changes {
        history.change(&mesh, number).await.with_context(|| format!("change {number}"))?;
        // As many requests as there are streams, most of which can have met the new rules only.
        traffic.advance(size.streams()).await?;
    }
    let report = Report::joined([traffic.http1.stop().await, traffic.http2.stop().await]);
    let drained = Drains::read(&mesh).await?.since(&before);
    let talks = traffic.sockets.stop().await;

    let wrong: Vec<_> = report.outcomes.iter().filter(|outcome| !history.is_right(outcome)).collect();
    let met_a_change = report.outcomes.iter().filter(|outcome| history.met_a_change(outcome)).count();
    let broken: Vec<&Talk> = talks.iter().filter(|talk| talk.broken.is_some()).collect();
    let echoes: u64 = talks.iter().map(|talk| talk.echoes).sum();
    Figures::new("Changes of lanes under load cost no connection and no request")
        .parameter("connections", size.connections())
        .parameter("of them HTTP/1.1", size.http1)
        .parameter("HTTP/2", format!("{} with {} streams each", size.http2, size.streams))
        .parameter("WebSocket", size.sockets)
        .parameter("changes of lanes", size.changes)
        .figure("requests", report.total())
        .figure("of them during a change", met_a_change)
        .figure("WebSocket echoes", echoes)
        .figure("resets", report.resets())
        .figure("connections closed", report.reconnects + broken.len() as u64)
        .figure("drained listeners or connections", drained.len())
        .figure("other than 200", report.not_ok().count())
        .figure("in the wrong lane", wrong.len())
        .record("zero-drain")?;

    assert!(wrong.is_empty(), "{} in the wrong lane, first {:?}\n{report}", wrong.len(), wrong[0]);
    assert_eq!(report.not_ok().next().map(|outcome| &outcome.verdict), None, "{report}");
    assert_eq!(report.reconnects, 0, "{report}");
    assert!(broken.is_empty(), "{broken:?}");
    assert!(drained.is_empty(), "{drained:?}");
    assert!(met_a_change > 0, "no request ran during a change");
    let gray = talks.iter().filter(|talk| talk.hops == "a-gray,b-v1,c-gray").count();
    assert_eq!(gray, talks.len().div_ceil(2), "websockets within the lane");
    mesh.passed().await;
    Ok(())
}
