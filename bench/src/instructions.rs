//! Counted instructions: what a request costs when the machine's noise is left out.
//!
//! The shipped module runs in our own host, which counts the Wasm instructions that each request executes, the
//! host calls that it makes and the allocations that these need. The engine itself is counted natively by
//! callgrind, where that is installed.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::callgrind;
use crate::host::{Header, Instance, Module, Outcome};
use crate::ours::{self, Case, LANE, LANE_HEADER, Line, OTHER, USUAL};

/// Requests before those that are counted: the filter learns from the last one how to read the next.
const WARMING: usize = 3;
/// Requests that are counted, each with a path one byte longer: what the allocator does depends on sizes.
const COUNTED: usize = 64;

/// What load generator and Envoy add to the headers of a case.
const ADDED: [Line; 6] = [
    (":authority", "127.0.0.1:8080"),
    (":method", "GET"),
    (":scheme", "http"),
    ("user-agent", "h2load nghttp2/1.52.0"),
    ("x-forwarded-proto", "http"),
    ("x-envoy-internal", "true"),
];

/// What was counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// The SDK's no-op filter, then each case of ours.
    pub requests: Vec<Count>,
    /// The engine alone, natively; empty where callgrind is not installed.
    pub native: Vec<NativeCount>,
}

/// One request through a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Count {
    /// Key of the case.
    pub key: String,
    /// What it is.
    pub title: String,
    /// Wasm instructions, the mean of requests with paths of different length.
    pub instructions: f64,
    /// Host calls in order.
    pub host_calls: Vec<String>,
    /// Allocations that the host made in the VM, to hand out data.
    pub allocations: u32,
}

/// One decision of the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NativeCount {
    /// Key of the case.
    pub key: String,
    /// Instructions of the processor.
    pub instructions: f64,
}

impl Counts {
    /// The count of that case.
    #[must_use]
    pub fn request(&self, key: &str) -> Option<&Count> {
        self.requests.iter().find(|count| count.key == key)
    }

    /// The engine's count of that case.
    #[must_use]
    pub fn engine(&self, key: &str) -> Option<&NativeCount> {
        self.native.iter().find(|count| count.key == key)
    }
}

/// Counts all cases.
///
/// # Errors
/// When a module cannot be run, refuses a configuration, or does not do what the case says.
pub fn run(module: &Path, noop_module: &Path) -> Result<Counts> {
    let mut requests = vec![count_noop(&Module::load(noop_module)?)?];
    let module = Module::load(module)?;
    for case in ours::cases()? {
        requests.push(count(&module, &case).with_context(|| format!("case {}", case.key))?);
    }
    let keys = ["entry", "rules-1000", "rules-10000", "entry-lane", "rules-1000-lane", "rules-10000-lane"];
    let native = if callgrind::is_installed() {
        keys.iter().map(|key| native_count(key)).collect::<Result<_>>()?
    } else {
        eprintln!("valgrind is not installed: the engine is not counted natively");
        Vec::new()
    };
    Ok(Counts { requests, native })
}

fn native_count(key: &str) -> Result<NativeCount> {
    Ok(NativeCount { key: key.to_owned(), instructions: callgrind::instructions_per_decision(key)? })
}

fn count_noop(module: &Module) -> Result<Count> {
    let mut instance = module.instance()?;
    ensure!(instance.configure(b"")?, "the no-op filter refuses an empty configuration");
    Count::of("noop", "no-op filter of the SDK", &requests(&mut instance, &[OTHER])?)
}

fn count(module: &Module, case: &Case) -> Result<Count> {
    let mut instance = configured(module, case)?;
    let outcomes = requests(&mut instance, &case.request)?;
    for outcome in &outcomes {
        check(case, outcome)?;
    }
    Count::of(case.key, case.title, &outcomes)
}

/// A VM of our filter with the configuration of a case.
///
/// # Errors
/// When the module traps or refuses the configuration.
pub fn configured(module: &Module, case: &Case) -> Result<Instance> {
    let mut instance = module.instance()?;
    let accepted = instance.configure(&serde_json::to_vec(&case.config)?)?;
    ensure!(accepted, "the configuration is refused: {:?}", instance.take_log());
    Ok(instance)
}

/// What became of the requests that are counted.
fn requests(instance: &mut Instance, request: &[Line]) -> Result<Vec<Outcome>> {
    let mut send = |length| instance.request(headers(request, length));
    for _ in 0..WARMING {
        send(0)?;
    }
    (0..COUNTED).map(send).collect()
}

/// The lane must have come out as the case says, and something must have been counted.
fn check(case: &Case, outcome: &Outcome) -> Result<()> {
    let lane = outcome.headers.iter().find(|(name, _)| name == LANE_HEADER.as_bytes());
    let in_lane = lane.is_some_and(|(_, value)| value == LANE.as_bytes());
    ensure!(in_lane == case.in_lane, "the request left with {LANE_HEADER} {lane:?}");
    let counts = case.counts();
    ensure!(counts != outcome.metrics.is_empty(), "it counted {:?}", outcome.metrics);
    Ok(())
}

/// The header lines of a request as the filter sees them, with a path of that length and a bit.
fn headers(request: &[Line], length: usize) -> Vec<Header> {
    let path = (b":path".to_vec(), format!("/orders/42{}", "0".repeat(length)).into_bytes());
    let lines = ADDED.iter().chain(&USUAL).chain(request);
    let lines = lines.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    [path].into_iter().chain(lines).collect()
}

impl Count {
    fn of(key: &str, title: &str, outcomes: &[Outcome]) -> Result<Self> {
        let last = outcomes.last().context("no request was counted")?;
        let instructions: u64 = outcomes.iter().map(|outcome| outcome.fuel).sum();
        Ok(Self {
            key: key.to_owned(),
            title: title.to_owned(),
            instructions: instructions as f64 / outcomes.len() as f64,
            host_calls: last.host_calls.iter().map(|call| (*call).to_owned()).collect(),
            allocations: last.allocations,
        })
    }
}
