//! Loads on applications in this process.

use chain::{App, Config};
use tokio::io::AsyncReadExt as _;

use super::*;

async fn app() -> chain::Running {
    App { config: Config::new("c", "v1") }.start().await.unwrap()
}

#[tokio::test]
async fn every_request_of_a_bounded_load_is_recorded() {
    let app = app().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let load = Load::new(app.addr, protocol, 3, |number| match number {
            0 => Call::get("/status/503"),
            _ => Call::get("/"),
        });
        let report = load.requests(50).start().finish().await;
        assert_eq!(report.total(), 50);
        assert_eq!(report.by_status(), [(200, 49), (503, 1)].into());
        assert_eq!(report.by_path(), [("c-v1".to_owned(), 50)].into());
        assert_eq!((report.resets(), report.errors(), report.reconnects), (0, 0, 0), "{report}");
        assert_eq!(report.not_ok().map(|outcome| outcome.number).collect::<Vec<_>>(), [0]);
    }
}

#[tokio::test]
async fn a_load_is_judged_by_time_and_stopped() {
    let app = app().await;
    let load = Load::new(app.addr, Protocol::Http1, 2, |_| Call::get("/")).pause(Duration::from_millis(1));
    let running = load.start();
    let seen = async |least: u64| {
        crate::wait::until(Duration::from_secs(10), "requests", async || {
            (running.ended() >= least).then(Instant::now)
        })
        .await
        .unwrap()
    };
    let from = seen(10).await;
    let to = seen(running.ended() + 10).await;
    let report = running.stop().await;
    let within = report.between(from, to);
    assert!(
        within.total() >= 1 && within.total() < report.total(),
        "{} of {}",
        within.total(),
        report.total()
    );
    assert!(within.outcomes.iter().all(|outcome| outcome.start >= from && outcome.end <= to));
}

#[tokio::test]
async fn a_load_ends_with_its_time() {
    let app = app().await;
    let load =
        Load::new(app.addr, Protocol::Http2, 1, |_| Call::get("/")).duration(Duration::from_millis(50));
    assert!(load.start().finish().await.total() > 0);
}

#[tokio::test]
async fn resets_and_refusals_are_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let load = Load::new(listener.local_addr().unwrap(), Protocol::Http1, 1, |_| Call::get("/"));
    let running = load.requests(2).start();
    let (mut stream, _) = listener.accept().await.unwrap();
    // Closed before the connection, so that the second request cannot come in between.
    drop(listener);
    stream.read_u8().await.unwrap();
    drop(stream);
    let report = running.finish().await;
    assert_eq!((report.resets(), report.errors()), (1, 1), "{report}");
    assert!(report.to_string().contains("failed to connect"), "{report}");
}

#[tokio::test]
async fn a_closed_connection_counts_as_a_reconnect() {
    let app = app().await;
    let load = Load::new(app.addr, Protocol::Http1, 1, |_| Call::get("/").header("connection", "close"));
    assert_eq!(load.requests(3).start().finish().await.reconnects, 2);
    let load = Load::new(app.addr, Protocol::Http1, 1, |_| Call::get("/"));
    assert_eq!(load.fresh().requests(3).start().finish().await.reconnects, 0);
}

#[tokio::test]
async fn streams_of_one_connection_run_side_by_side() {
    let app = app().await;
    let load = Load::new(app.addr, Protocol::Http2, 1, |_| Call::get("/slow?ms=200")).streams(4);
    let report = load.requests(4).start().finish().await;
    assert_eq!((report.total(), report.reconnects), (4, 0), "{report}");
    let last_start = report.outcomes.iter().map(|outcome| outcome.start).max();
    let first_end = report.outcomes.iter().map(|outcome| outcome.end).min();
    assert!(last_start < first_end, "one after the other");
}

#[tokio::test]
async fn a_load_of_a_rate_sends_no_request_before_its_time() {
    let app = app().await;
    let load = Load::new(app.addr, Protocol::Http2, 2, |_| Call::get("/")).streams(4).rate(200).requests(41);
    let report = load.start().finish().await;
    assert_eq!((report.total(), report.not_ok().count()), (41, 0), "{report}");
    let begin = report.outcomes[0].start;
    for outcome in &report.outcomes {
        let due = Duration::from_secs_f64(outcome.number as f64 / 200.0);
        // The first request itself may have been sent a little late.
        assert!(outcome.start - begin + Duration::from_millis(100) >= due, "{outcome:?}");
    }
    // 40 intervals of 5 ms, on a machine that may be busy.
    assert!(report.rate() > 0.0 && report.rate() <= 400.0, "{}", report.rate());
    let endless = Load::new(app.addr, Protocol::Http2, 1, |_| Call::get("/")).rate(1).start();
    let first = async || (endless.ended() > 0).then_some(());
    crate::wait::until(Duration::from_secs(10), "the first request", first).await.unwrap();
    assert!(endless.stop().await.total() < 10);
}
