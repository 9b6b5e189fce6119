//! Lanes come and go under load, make before break: no request fails, and what is open within a lane that is
//! removed finishes there.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chain::Seen;
use futures_util::future::try_join_all;
use tests::client::{Answer, Call, Client, Protocol};
use tests::figures::{Figures, sized};
use tests::load::sockets::{Sockets, Talk};
use tests::load::{Load, Report, Running};
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::lanes;

const BASELINE: &str = "a-v1,b-v1,c-v1";
const IN_LANE: &str = "a-gray,b-v1,c-gray";

/// Streams that are opened within the lane over each version of HTTP.
const STREAMS: usize = 4;
/// Lines of each, and the milliseconds between them: much longer than the removal of a lane takes.
const LINES: usize = 120;
const LINE_MS: u64 = 100;
/// Header that marks them.
const STREAM: &str = "x-stream";
/// WebSockets that are opened within the lane.
const SOCKETS: u64 = 4;
/// Between two messages or requests.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a number of requests may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// What was open within the lane when it was removed.
struct Left {
    streams: Vec<Answer>,
    talks: Vec<Talk>,
}

/// Requests of the lane, of the baseline, and such that must not be repeated.
fn call(number: u64) -> Call {
    match number % 3 {
        0 => Call::get("/"),
        1 => Call::get("/").header(lanes::ENTERS, "1"),
        _ => Call::post("/", "paid").header(lanes::ENTERS, "1"),
    }
}

async fn advance(loads: &[Running], requests: u64) -> Result<()> {
    let ended = || loads.iter().map(Running::ended).sum::<u64>();
    let goal = ended() + requests;
    wait::until(DEADLINE, "requests to be answered", async || (ended() >= goal).then_some(())).await
}

/// Opens streams and WebSockets within the lane, removes it, and lets them finish. `seen` tells what has reached
/// an application.
async fn remove_with_streams_open(mesh: &Mesh, seen: &mut UnboundedReceiver<Seen>) -> Result<Left> {
    let path = format!("/stream?chunks={LINES}&ms={LINE_MS}");
    // Over HTTP/2 the streams share a connection; over HTTP/1.1 each has its own.
    let h2 = mesh.h2();
    let h1: Vec<Client> = (0..STREAMS).map(|_| mesh.h1()).collect();
    let clients = std::iter::repeat_n(&h2, STREAMS).chain(&h1);
    let call = || Call::get(&path).header(lanes::ENTERS, "1").header(STREAM, "1");
    let streams = clients.map(|client| client.send(call()));
    let streams = async { Ok((try_join_all(streams).await?, Instant::now())) };

    let sockets = async {
        let handshake = |_| Call::get("/").header(lanes::ENTERS, "1");
        let sockets = Sockets::open(mesh.gateway(), SOCKETS, PAUSE, handshake).await?;
        arrived(seen).await?;
        lanes::remove(mesh, "gray").await?;
        let removed = Instant::now();
        anyhow::Ok((sockets, removed))
    };
    let ((streams, ended), (sockets, removed)) = tokio::try_join!(streams, sockets)?;
    anyhow::ensure!(ended > removed, "the streams had ended before the lane was removed");
    Ok(Left { streams, talks: sockets.stop().await })
}

/// Waits until every stream has reached the lane's last application.
async fn arrived(seen: &mut UnboundedReceiver<Seen>) -> Result<()> {
    let all = async {
        let mut streams = 0;
        while streams < 2 * STREAMS {
            let seen = seen.recv().await.context("no application is left")?;
            streams += usize::from(seen.by == "c-gray" && seen.headers.contains_key(STREAM));
        }
        Ok(())
    };
    tokio::time::timeout(DEADLINE, all).await.context("the streams do not arrive")?
}

impl Left {
    /// Those that did not come whole, each line from the application of the lane.
    fn broken(&self) -> Vec<String> {
        let whole = |answer: &&Answer| {
            let lines = answer.text().lines().filter(|line| line.contains(r#""name":"c-gray""#)).count();
            answer.status == 200 && answer.hops() == IN_LANE && lines == LINES
        };
        let streams = self.streams.iter().filter(|answer| !whole(answer)).map(Answer::text);
        let talks = self.talks.iter().filter(|talk| talk.broken.is_some() || talk.hops != IN_LANE);
        streams.chain(talks.map(|talk| format!("{talk:?}"))).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_come_and_go_under_load_and_streams_within_finish() -> Result<()> {
    let (witness, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let mesh = Mesh::start(MeshOptions::default().witness(witness)).await?;
    let loads = [Protocol::Http1, Protocol::Http2];
    let loads = loads.map(|protocol| Load::new(mesh.gateway(), protocol, 4, call).pause(PAUSE).start());

    let cycles = sized(2, 30);
    let (mut streams, mut sockets, mut broken) = (0, 0, Vec::new());
    for cycle in 0..cycles {
        lanes::gray(&mesh).await?;
        advance(&loads, 50).await?;
        let left =
            remove_with_streams_open(&mesh, &mut seen).await.with_context(|| format!("cycle {cycle}"))?;
        broken.extend(left.broken());
        streams += left.streams.len();
        sockets += left.talks.len();
        advance(&loads, 50).await?;
    }
    let [http1, http2] = loads;
    let report = Report::joined([http1.stop().await, http2.stop().await]);

    let strays = report.by_path().into_keys().filter(|path| path != BASELINE && path != IN_LANE);
    let strays: Vec<String> = strays.collect();
    Figures::new("A lane is added and removed under load, and what is open within it finishes")
        .parameter("times", cycles)
        .parameter("connections of the load", 8)
        .figure("requests", report.total())
        .figure("failed", report.not_ok().count())
        .figure("partly in the lane", strays.len())
        .figure("streams open when the lane was removed", streams)
        .figure("WebSockets", sockets)
        .figure("of both cut off", broken.len())
        .record("order")?;
    assert_eq!(report.not_ok().next().map(|outcome| &outcome.verdict), None, "{report}");
    assert_eq!(strays, [""; 0], "{report}");
    assert!(broken.is_empty(), "{broken:?}");
    mesh.passed().await;
    Ok(())
}
