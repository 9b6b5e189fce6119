//! A compiled configuration: what the filter, `lanectl explain`, tests and benches run.
//!
//! One [`Program`] is one role of one workload. [`Program::on_request`] is a pure function of the compiled
//! rules, the request's head, the time and a random draw; it returns what to do and never does it.

mod announced;
mod browser;
mod decide;
mod entry;
mod explain;
mod faults;
mod gate;
mod inbound;
mod outbound;

use crate::filter_config::{FORMAT_VERSION, FORMAT_WITHOUT_TICKETS, FilterConfig, LaneConfig, Role};
use crate::head::RequestHead;
use crate::metric::{CounterId, Metric};
use crate::name::LaneName;
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::recovery::{self, Forgetful, Slots};
use crate::ticket::{Direct, Verifier};

pub use decide::{Decision, MAX_RULES};
pub use explain::{RuleVerdict, ShareVerdict, TicketVerdict};

/// What is known from other requests.
#[derive(Debug)]
pub struct Known<'k, V, S> {
    /// Looks at the signatures of tickets.
    pub signatures: &'k V,
    /// Holds the lanes of traces.
    pub traces: &'k S,
}

/// The most counters that carry a rule's name; further rules are counted together as `other`.
pub const MAX_RULE_COUNTERS: usize = 256;

/// A compiled [`FilterConfig`]. Compile once per configuration, run per request.
#[derive(Debug)]
pub struct Program {
    config: FilterConfig,
    counters: Vec<Metric>,
    role: Compiled,
    faults: Option<Box<faults::Faults>>,
}

/// What each role keeps compiled.
#[derive(Debug)]
enum Compiled {
    Entry(entry::Entry),
    Inbound(inbound::Inbound),
    Outbound(outbound::Outbound),
}

impl Program {
    /// Reads and compiles the JSON of a filter configuration.
    ///
    /// # Errors
    /// All problems found: not JSON, an unknown version, a bad rule, a limit exceeded.
    pub fn from_json(json: &[u8]) -> Result<Self, Vec<Problem>> {
        // The version is read first, so that a newer format is named as such whatever else it holds.
        #[derive(serde::Deserialize)]
        struct Versioned {
            version: u32,
        }
        let unreadable = |error: serde_json::Error| {
            vec![Problem::error("", format!("the configuration is not readable: {error}"), "render it anew")]
        };
        let Versioned { version } = serde_json::from_slice(json).map_err(unreadable)?;
        check_version(version)?;
        Self::compile(serde_json::from_slice(json).map_err(unreadable)?)
    }

    /// Compiles a configuration.
    ///
    /// # Errors
    /// All problems found: an unknown version, a bad rule, a limit exceeded.
    pub fn compile(config: FilterConfig) -> Result<Self, Vec<Problem>> {
        check_version(config.version)?;
        check_recovery(&config)?;
        let mut counters = CounterList::default();
        let role = match config.role {
            Role::Entry => Compiled::Entry(entry::Entry::compile(&config, &mut counters)?),
            Role::Inbound => Compiled::Inbound(inbound::Inbound::compile(&config, &mut counters)),
            Role::Outbound => Compiled::Outbound(outbound::Outbound::compile(&config, &mut counters)),
        };
        let faults = faults::Faults::compile(&config, &mut counters)?;
        Ok(Self { config, counters: counters.metrics, role, faults })
    }

    /// The configuration that was compiled.
    #[must_use]
    pub fn config(&self) -> &FilterConfig {
        &self.config
    }

    /// The metric behind a counter of an [`Outcome`].
    #[must_use]
    pub fn counter(&self, id: CounterId) -> Option<&Metric> {
        self.counters.get(usize::try_from(id.0).ok()?)
    }

    /// Whether [`Self::on_request`] looks at the time, so that callers can save asking for it.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.config.tickets.is_some()
            || self.config.recovery.is_some()
            || self.faults.is_some()
            || self.config.lanes.iter().any(|lane| lane.expires_ms.is_some())
    }

    /// What this role does with a request of which no other has been remembered.
    #[must_use]
    pub fn on_request<'a>(&'a self, head: &impl RequestHead, now_ms: u64, draw: u64) -> Outcome<'a> {
        self.run(head, &Known { signatures: &Direct, traces: &Forgetful }, now_ms, draw)
    }

    /// What this role does with a request, by what is known from others.
    ///
    /// `now_ms` is milliseconds since 1970 (ignored unless [`Self::needs_time`]); `draw` is a uniformly
    /// random number for shares without a sticky key.
    #[must_use]
    pub fn run<'a>(
        &'a self,
        head: &impl RequestHead,
        known: &Known<'_, impl Verifier, impl Slots>,
        now_ms: u64,
        draw: u64,
    ) -> Outcome<'a> {
        let Known { signatures, traces } = *known;
        let mut out = match &self.role {
            Compiled::Entry(entry) => entry.on_request(&self.config, head, (now_ms, draw), signatures),
            Compiled::Inbound(inbound) => inbound.on_request(&self.config, head, traces, now_ms),
            Compiled::Outbound(outbound) => outbound.on_request(&self.config, head, traces, now_ms),
        };
        if let Some(faults) = &self.faults {
            // As the request leaves this role: a lane that was given or found again here counts.
            let lane = out.lane;
            faults.inject(&self.config, head, lane, (now_ms, draw), &mut out);
        }
        out
    }

    /// Which rule takes a request at the entry; `None` when none does, or in another role.
    #[must_use]
    pub fn decide(&self, head: &impl RequestHead, now_ms: u64, draw: u64) -> Option<Decision<'_>> {
        match &self.role {
            Compiled::Entry(entry) => {
                let looked = entry.ticket(&self.config, head, now_ms, &Direct);
                let opened = looked.and_then(Result::ok).map(|opened| opened.lane);
                let given = decide::Given { now_ms, draw, opened };
                entry.rules().decide(&self.config, head, given, &decide::Stranger::default())
            }
            Compiled::Inbound(_) | Compiled::Outbound(_) => None,
        }
    }

    /// What each rule says to a request, in order of precedence; empty in other roles than the entry.
    #[must_use]
    pub fn explain(&self, head: &impl RequestHead, now_ms: u64, draw: u64) -> Vec<RuleVerdict<'_>> {
        match &self.role {
            Compiled::Entry(entry) => {
                let looked = entry.ticket(&self.config, head, now_ms, &Direct);
                entry.rules().explain(&self.config, head, (now_ms, draw), looked)
            }
            Compiled::Inbound(_) | Compiled::Outbound(_) => Vec::new(),
        }
    }
}

fn check_version(version: u32) -> Result<(), Vec<Problem>> {
    if (FORMAT_WITHOUT_TICKETS..=FORMAT_VERSION).contains(&version) {
        return Ok(());
    }
    let reason = format!("version {version} is not {FORMAT_WITHOUT_TICKETS} to {FORMAT_VERSION}");
    Err(vec![Problem::error("version", reason, "use a module and a writer of the same release")])
}

/// The filter bounds its memory by itself, whoever has written its configuration.
fn check_recovery(config: &FilterConfig) -> Result<(), Vec<Problem>> {
    let Some(recovery) = &config.recovery else { return Ok(()) };
    let problems = recovery::limits("recovery", &recovery.headers, recovery.ttl_ms, recovery.slots);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

impl LaneConfig {
    /// Whether the lane has not ended at `now_ms`.
    #[must_use]
    pub fn is_active(&self, now_ms: u64) -> bool {
        self.expires_ms.is_none_or(|end| now_ms < end)
    }
}

/// The lane of that name, if the configuration has it.
fn lane_named<'c>(config: &'c FilterConfig, name: &[u8]) -> Option<(usize, &'c LaneConfig)> {
    config.lanes.iter().enumerate().find(|(_, lane)| lane.name.as_str().as_bytes() == name)
}

/// Counters by lane, with one more for the baseline.
#[derive(Debug)]
struct PerLane {
    lanes: Vec<CounterId>,
    baseline: CounterId,
}

impl PerLane {
    /// `metric` makes the metric of a lane; `None` stands for the baseline.
    fn new(
        config: &FilterConfig,
        counters: &mut CounterList,
        metric: impl Fn(Option<&LaneName>) -> Metric,
    ) -> Self {
        Self {
            lanes: config.lanes.iter().map(|lane| counters.add(metric(Some(&lane.name)))).collect(),
            baseline: counters.add(metric(None)),
        }
    }

    fn of(&self, lane: Option<usize>) -> CounterId {
        lane.and_then(|lane| self.lanes.get(lane)).copied().unwrap_or(self.baseline)
    }
}

/// The counters of a program while it is compiled.
#[derive(Debug, Default)]
struct CounterList {
    metrics: Vec<Metric>,
}

impl CounterList {
    fn add(&mut self, metric: Metric) -> CounterId {
        let id = u32::try_from(self.metrics.len()).unwrap_or(u32::MAX);
        self.metrics.push(metric);
        CounterId(id)
    }
}

#[cfg(test)]
mod tests;
