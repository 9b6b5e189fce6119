//! Requests in the background, each recorded, so that a test can judge them by the time they ran in.
//!
//! ```no_run
//! # async fn example(addr: std::net::SocketAddr) {
//! use tests::client::{Call, Protocol};
//! use tests::load::Load;
//!
//! let load = Load::new(addr, Protocol::Http2, 10, |_| Call::get("/").header("x-gray", "1")).start();
//! // ... change something ...
//! let report = load.stop().await;
//! assert_eq!(report.total(), report.by_status()[&200], "{report}");
//! # }
//! ```

mod report;
pub mod sockets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use report::{Outcome, Report, Verdict};

use crate::client::{Answer, Call, Client, Failure, Protocol};

/// How long a request may take unless the load is told otherwise.
const DEADLINE: Duration = Duration::from_secs(30);

/// What the n-th request of a load is.
type Calls = dyn Fn(u64) -> Call + Send + Sync;

/// A load that is yet to be started.
pub struct Load {
    addr: SocketAddr,
    protocol: Protocol,
    connections: usize,
    streams: usize,
    requests: u64,
    duration: Option<Duration>,
    pause: Duration,
    rate: Option<u32>,
    deadline: Duration,
    fresh: bool,
    calls: Arc<Calls>,
}

impl Load {
    /// A load over this many connections, each sending one request after the other until it is stopped.
    ///
    /// `calls` makes the n-th request; they are counted over all connections.
    pub fn new(
        addr: SocketAddr,
        protocol: Protocol,
        connections: usize,
        calls: impl Fn(u64) -> Call + Send + Sync + 'static,
    ) -> Self {
        Self {
            addr,
            protocol,
            connections,
            streams: 1,
            requests: u64::MAX,
            duration: None,
            pause: Duration::ZERO,
            rate: None,
            deadline: DEADLINE,
            fresh: false,
            calls: Arc::new(calls),
        }
    }

    /// Keeps this many requests in flight on each connection, as streams of HTTP/2.
    #[must_use]
    pub fn streams(self, streams: usize) -> Self {
        Self { streams, ..self }
    }

    /// Ends after this many requests.
    #[must_use]
    pub fn requests(self, requests: u64) -> Self {
        Self { requests, ..self }
    }

    /// Begins no request later than this.
    #[must_use]
    pub fn duration(self, duration: Duration) -> Self {
        Self { duration: Some(duration), ..self }
    }

    /// Lets each connection rest between two requests.
    #[must_use]
    pub fn pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Sends each request when it is due, at this many a second, whether or not those before it have been answered.
    ///
    /// One that is due while every stream of every connection waits for an answer is sent late: give enough of
    /// them, and look at [`Report::rate`].
    #[must_use]
    pub fn rate(self, rate: u32) -> Self {
        Self { rate: Some(rate), ..self }
    }

    /// Lets a request take this long.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Opens a connection for every request instead of keeping one.
    #[must_use]
    pub fn fresh(self) -> Self {
        Self { fresh: true, ..self }
    }

    /// Starts it in the background.
    #[must_use]
    pub fn start(self) -> Running {
        let stop = CancellationToken::new();
        let (started, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let begin = Instant::now();
        let until = self.duration.map(|duration| begin + duration);
        let (mut workers, mut clients) = (JoinSet::new(), Vec::new());
        for connection in 0..self.connections {
            let client = Client::new(self.addr, self.protocol).deadline(self.deadline);
            let client = Arc::new(if self.fresh { client.fresh() } else { client });
            for _ in 0..self.streams {
                let worker = Worker {
                    connection,
                    client: Arc::clone(&client),
                    requests: self.requests,
                    until,
                    pause: self.pause,
                    rate: self.rate.map(|rate| (begin, rate)),
                    calls: Arc::clone(&self.calls),
                    started: Arc::clone(&started),
                    answered: Arc::clone(&answered),
                    stop: stop.clone(),
                };
                workers.spawn(worker.run());
            }
            clients.push(client);
        }
        Running { workers, clients, stop, answered, fresh: self.fresh }
    }
}

/// A load in the background; dropping it cuts it off.
pub struct Running {
    workers: JoinSet<Report>,
    clients: Vec<Arc<Client>>,
    stop: CancellationToken,
    answered: Arc<AtomicU64>,
    fresh: bool,
}

impl Running {
    /// How many requests have ended so far.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Begins no further request, and waits for those in flight.
    pub async fn stop(self) -> Report {
        self.stop.cancel();
        self.finish().await
    }

    /// Waits until all requests are sent or the time is over.
    ///
    /// # Panics
    /// When making a request panicked.
    pub async fn finish(self) -> Report {
        let mut report = Report::joined(self.workers.join_all().await);
        if !self.fresh {
            report.reconnects = self.clients.iter().map(|client| client.opened().saturating_sub(1)).sum();
        }
        report
    }
}

/// One connection of a load, or one of its streams.
struct Worker {
    connection: usize,
    client: Arc<Client>,
    requests: u64,
    until: Option<Instant>,
    pause: Duration,
    /// Since when, and how many a second.
    rate: Option<(Instant, u32)>,
    calls: Arc<Calls>,
    started: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl Worker {
    async fn run(self) -> Report {
        let mut report = Report::default();
        while let Some(number) = self.next() {
            if !self.is_due(number).await {
                break;
            }
            let start = Instant::now();
            let result = self.client.send((self.calls)(number)).await;
            let verdict = verdict(&mut report, result);
            report.record(Outcome {
                number,
                connection: self.connection,
                start,
                end: Instant::now(),
                verdict,
            });
            self.answered.fetch_add(1, Ordering::Relaxed);
            if !self.pause.is_zero() {
                self.stop.run_until_cancelled(tokio::time::sleep(self.pause)).await;
            }
        }
        report
    }

    /// Waits until a request is due; `false` when the load was stopped before.
    async fn is_due(&self, number: u64) -> bool {
        let Some((begin, rate)) = self.rate else { return true };
        let due = begin + Duration::from_secs_f64(number as f64 / f64::from(rate));
        self.stop.run_until_cancelled(tokio::time::sleep_until(due.into())).await.is_some()
    }

    /// The number of the next request, unless there is to be none.
    fn next(&self) -> Option<u64> {
        let over = self.stop.is_cancelled() || self.until.is_some_and(|until| Instant::now() >= until);
        if over {
            return None;
        }
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        (number < self.requests).then_some(number)
    }
}

fn verdict(report: &mut Report, result: Result<Answer, Failure>) -> Verdict {
    match result {
        Ok(answer) => Verdict::Answered { status: answer.status, hops: report.interned(answer.hops()) },
        Err(failure @ Failure::Lost(_)) => Verdict::Reset(text(failure)),
        Err(failure) => Verdict::Failed(text(failure)),
    }
}

fn text(failure: Failure) -> String {
    format!("{:#}", anyhow::Error::from(failure))
}

#[cfg(test)]
mod tests;
