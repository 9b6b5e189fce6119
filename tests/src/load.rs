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
    requests: u64,
    duration: Option<Duration>,
    pause: Duration,
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
            requests: u64::MAX,
            duration: None,
            pause: Duration::ZERO,
            deadline: DEADLINE,
            fresh: false,
            calls: Arc::new(calls),
        }
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
        let Self { addr, protocol, connections, requests, duration, pause, deadline, fresh, calls } = self;
        let stop = CancellationToken::new();
        let (started, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let until = duration.map(|duration| Instant::now() + duration);
        let mut workers = JoinSet::new();
        for connection in 0..connections {
            let client = Client::new(addr, protocol).deadline(deadline);
            let worker = Worker {
                connection,
                client: if fresh { client.fresh() } else { client },
                requests,
                until,
                pause,
                calls: Arc::clone(&calls),
                started: Arc::clone(&started),
                answered: Arc::clone(&answered),
                stop: stop.clone(),
            };
            workers.spawn(worker.run());
        }
        Running { workers, stop, answered, fresh }
    }
}

/// A load in the background; dropping it cuts it off.
pub struct Running {
    workers: JoinSet<Report>,
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
        let reports = self.workers.join_all().await;
        let mut report = reports.into_iter().fold(Report::default(), Report::joined);
        if self.fresh {
            report.reconnects = 0;
        }
        report
    }
}

/// One connection of a load.
struct Worker {
    connection: usize,
    client: Client,
    requests: u64,
    until: Option<Instant>,
    pause: Duration,
    calls: Arc<Calls>,
    started: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl Worker {
    async fn run(self) -> Report {
        let mut report = Report::default();
        while let Some(number) = self.next() {
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
        report.reconnects = self.client.opened().saturating_sub(1);
        report
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
