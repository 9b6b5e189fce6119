//! What became of the requests of a load.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// How many different failures are printed.
const SHOWN_FAILURES: usize = 10;

/// One request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its number within the load.
    pub number: u64,
    /// The connection it went over.
    pub connection: usize,
    /// When it was sent.
    pub start: Instant,
    /// When its response was complete, or the failure was seen.
    pub end: Instant,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A whole response.
    Answered {
        /// Its status.
        status: u16,
        /// The applications on the way, such as `a-v1,b-v1`.
        hops: Arc<str>,
    },
    /// The connection or the stream broke under it.
    Reset(String),
    /// No connection, or no response in time.
    Failed(String),
}

/// The requests of a load, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every request.
    pub outcomes: Vec<Outcome>,
    /// How often a kept connection had to be opened anew, since its peer had closed it.
    pub reconnects: u64,
    /// The few strings that all the outcomes share.
    known: BTreeSet<Arc<str>>,
}

impl Report {
    /// Number of requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.outcomes.len() as u64
    }

    /// Requests that were sent in a second, from the first to the last; 0 for fewer than two.
    #[must_use]
    pub fn rate(&self) -> f64 {
        match (self.outcomes.first(), self.outcomes.last()) {
            (Some(first), Some(last)) if last.start > first.start => {
                (self.total() - 1) as f64 / (last.start - first.start).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// Number of responses by status.
    #[must_use]
    pub fn by_status(&self) -> BTreeMap<u16, u64> {
        counted(self.answered().map(|(status, _)| status))
    }

    /// Number of responses by the way they took.
    #[must_use]
    pub fn by_path(&self) -> BTreeMap<String, u64> {
        counted(self.answered().map(|(_, hops)| hops.to_owned()))
    }

    /// Number of requests whose connection or stream broke.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.failed(|verdict| matches!(verdict, Verdict::Reset(_)))
    }

    /// Number of requests without connection or without a response in time.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.failed(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// Every request that was not answered with 200.
    pub fn not_ok(&self) -> impl Iterator<Item = &Outcome> {
        let ok = |outcome: &&Outcome| matches!(outcome.verdict, Verdict::Answered { status: 200, .. });
        self.outcomes.iter().filter(move |outcome| !ok(outcome))
    }

    /// The requests that ran wholly within a window of time. Reconnects have no time and stay out.
    #[must_use]
    pub fn between(&self, from: Instant, to: Instant) -> Self {
        self.selected(|outcome| outcome.start >= from && outcome.end <= to)
    }

    /// The requests for which a condition holds.
    #[must_use]
    pub fn selected(&self, condition: impl Fn(&Outcome) -> bool) -> Self {
        let outcomes = self.outcomes.iter().filter(|outcome| condition(outcome)).cloned().collect();
        Self { outcomes, ..Self::default() }
    }

    pub(super) fn record(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// One string for all requests that took the same way: there may be a million of them.
    pub(super) fn interned(&mut self, hops: &str) -> Arc<str> {
        if let Some(known) = self.known.get(hops) {
            return Arc::clone(known);
        }
        let new: Arc<str> = hops.into();
        self.known.insert(Arc::clone(&new));
        new
    }

    /// The requests of several reports as one.
    #[must_use]
    pub fn joined(reports: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self::default();
        for Self { outcomes, reconnects, known: _ } in reports {
            joined.outcomes.extend(outcomes);
            joined.reconnects += reconnects;
        }
        joined.outcomes.sort_by_key(|outcome| outcome.start);
        joined
    }

    fn answered(&self) -> impl Iterator<Item = (u16, &str)> {
        self.outcomes.iter().filter_map(|outcome| match &outcome.verdict {
            Verdict::Answered { status, hops } => Some((*status, &**hops)),
            Verdict::Reset(_) | Verdict::Failed(_) => None,
        })
    }

    fn failed(&self, kind: impl Fn(&Verdict) -> bool) -> u64 {
        self.outcomes.iter().filter(|outcome| kind(&outcome.verdict)).count() as u64
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests, {} resets, {} errors, {} reconnects",
            self.total(),
            self.resets(),
            self.errors(),
            self.reconnects
        )?;
        writeln!(f, "by status: {:?}", self.by_status())?;
        write!(f, "by path: {:?}", self.by_path())?;
        let failures = counted(self.outcomes.iter().filter_map(|outcome| match &outcome.verdict {
            Verdict::Answered { .. } => None,
            Verdict::Reset(text) | Verdict::Failed(text) => Some(text.as_str()),
        }));
        for (text, times) in failures.iter().take(SHOWN_FAILURES) {
            write!(f, "\n{times} × {text}")?;
        }
        Ok(())
    }
}

fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}
