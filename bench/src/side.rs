//! The side-by-side run: one Envoy, one listener for each row, short bursts in turns.
//!
//! ```text
//! rows.rs          what is measured, and against what
//! filters.rs       the filters that are compared
//! envoy_config.rs  the measured Envoy and its upstream
//! load.rs          h2load
//! worker.rs        CPU time of the worker thread
//! ```
//!
//! Other load on the machine disturbs bursts, and only ever adds to them. So bursts are short and many, the
//! rows take turns, and a row is compared with its base by the lower quartiles of both.

pub(crate) mod envoy_config;
pub(crate) mod filters;
mod load;
mod rows;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::tests::diagnostics::Diagnostics;
use ::tests::envoy::{Envoy, EnvoyOptions};
use ::tests::ports;
use anyhow::{Context as _, Result, ensure};
use lane::filter_config::Role;
use lane::metric;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use envoy_config::{Listener, Upstreams};
use rows::Row;
use worker::Worker;

use crate::ours;
use crate::sample::{Cost, Ratio};

pub use load::{Burst, Protocol};
pub use rows::{LUA, MATCHER, NOOP};

/// Bursts in a round of rows that forward to an upstream.
const BURSTS_OF_FORWARDING: usize = 4;

/// What to run.
pub struct Options {
    /// Our filter.
    pub module: PathBuf,
    /// The SDK's no-op filter.
    pub noop_module: PathBuf,
    /// How a burst is made.
    pub burst: Burst,
    /// Bursts of each row that are counted.
    pub rounds: usize,
    /// Rows to run, with their bases; all when empty.
    pub only: Vec<String>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// How each burst was made.
    pub burst: Burst,
    /// Rows, in the order of the table.
    pub rows: Vec<Measured>,
}

/// The samples of a row, one for each burst.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Short name.
    pub key: String,
    /// What it is.
    pub title: String,
    /// Key of the row that it is compared with.
    pub base: Option<String>,
    /// CPU time of the worker in microseconds for each request.
    pub cpu_us: Vec<f64>,
    /// Requests per second.
    pub per_second: Vec<f64>,
    /// How long the worker waited for its core, as a share of the time that it ran.
    pub waited: Vec<f64>,
}

impl Run {
    /// The row of that key.
    #[must_use]
    pub fn row(&self, key: &str) -> Option<&Measured> {
        self.rows.iter().find(|row| row.key == key)
    }

    /// What a row costs more than its base; `None` for rows without one.
    #[must_use]
    pub fn cost(&self, key: &str) -> Option<Cost<'_>> {
        let row = self.row(key)?;
        let base = self.row(row.base.as_deref()?)?;
        Some(Cost { row: &row.cpu_us, base: &base.cpu_us })
    }

    /// The ratio of what two rows cost.
    #[must_use]
    pub fn ratio(&self, above: &str, below: &str) -> Option<Ratio> {
        Some(Ratio::of(self.cost(above)?, self.cost(below)?))
    }
}

/// Measures all rows.
///
/// # Errors
/// When Envoy or h2load cannot be run, or an answer is not what its row must give.
pub async fn run(options: &Options) -> Result<Run> {
    worker::prepare()?;
    let rows = selected(rows::rows(&options.module, &options.noop_module)?, &options.only)?;
    let diagnostics = Diagnostics::new();
    let envoys = Envoys::start(&rows, &diagnostics).await?;
    let mut measured: Vec<Measured> = rows.iter().map(Measured::empty).collect();
    // The first round warms connections, caches and the compilers of V8 and Lua.
    for round in 0..=options.rounds {
        for place in in_turns(&turns(&rows), round) {
            let (row, port) = (&rows[place], envoys.ports[place]);
            let sample = burst(&envoys.worker, options.burst, row, port);
            let sample = sample.with_context(|| format!("row {}, round {round}", row.key))?;
            if round > 0 {
                measured[place].add(&sample);
            }
        }
        eprint!("\rround {round} of {}", options.rounds);
    }
    eprintln!();
    let bursts = u64::try_from(options.rounds)? + 1;
    check_counters(&envoys.measured.stats().await?, &rows, bursts * u64::from(options.burst.requests))?;
    diagnostics.passed();
    Ok(Run { burst: options.burst, rows: measured })
}

/// The rows of these keys and their bases.
fn selected(rows: Vec<Row>, only: &[String]) -> Result<Vec<Row>> {
    if only.is_empty() {
        return Ok(rows);
    }
    let base = |key: &String| rows.iter().find(|row| row.key == *key).map(|row| row.base.clone());
    let mut wanted = only.to_vec();
    for key in only {
        wanted.extend(base(key).with_context(|| format!("there is no row {key}"))?);
    }
    Ok(rows.into_iter().filter(|row| wanted.contains(&row.key)).collect())
}

/// The rows that get a burst in a round, by their places: those that forward to an upstream get several, since
/// what they differ by is small beside what they cost.
fn turns(rows: &[Row]) -> Vec<usize> {
    let forwarding = |place: &usize| rows[*place].routes.need_upstream();
    let all = 0..rows.len();
    let more = (1..BURSTS_OF_FORWARDING).flat_map(|_| all.clone().filter(forwarding));
    all.clone().chain(more).collect()
}

/// The order of a round: each begins elsewhere, and every other one runs backwards, so that no row always
/// follows the same neighbour.
fn in_turns(places: &[usize], round: usize) -> Vec<usize> {
    let mut order = places.to_vec();
    order.rotate_left(round % places.len().max(1));
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// What one burst gave.
struct Sample {
    cpu_us: f64,
    per_second: f64,
    waited: f64,
}

fn burst(worker: &Worker, burst: Burst, row: &Row, port: u16) -> Result<Sample> {
    let before = worker.time_when_idle()?;
    let per_second = burst.run(port, &row.request, row.body)?;
    let spent = worker.time_when_idle()? - before;
    Ok(Sample {
        cpu_us: spent.cpu_ns as f64 / 1000.0 / f64::from(burst.requests),
        per_second,
        waited: spent.waited_ns as f64 / spent.cpu_ns as f64,
    })
}

/// Our filter must have counted every request: under its failure policy a dead VM would let them pass.
fn check_counters(stats: &BTreeMap<String, u64>, rows: &[Row], requests_per_row: u64) -> Result<()> {
    for role in [Role::Entry, Role::Inbound] {
        let label = format!("role=.={};.;", role.as_str());
        let cases = ours::cases()?.into_iter().filter(|case| case.config.role == role);
        let run = cases.filter(|case| rows.iter().any(|row| row.key == case.key)).count();
        let counted: u64 = stats
            .iter()
            .filter(|(name, _)| name.contains(&label) && name.ends_with(metric::REQUESTS_TOTAL))
            .map(|(_, count)| count)
            .sum();
        let expected = requests_per_row * u64::try_from(run)?;
        ensure!(counted == expected, "role {} counted {counted} of {expected} requests", role.as_str());
    }
    Ok(())
}

impl Measured {
    fn empty(row: &Row) -> Self {
        let (key, title, base) = (row.key.clone(), row.title.clone(), row.base.clone());
        Self { key, title, base, cpu_us: Vec::new(), per_second: Vec::new(), waited: Vec::new() }
    }

    /// Keeps a sample, with no more digits than mean something.
    fn add(&mut self, sample: &Sample) {
        self.cpu_us.push(rounded(sample.cpu_us));
        self.per_second.push(sample.per_second.round());
        self.waited.push(rounded(sample.waited));
    }
}

/// A number with three decimals.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The measured Envoy, and the upstream that some rows need.
struct Envoys {
    measured: Envoy,
    /// Held, so that it runs.
    _upstream: Envoy,
    worker: Worker,
    /// Port of each row.
    ports: Vec<u16>,
}

impl Envoys {
    async fn start(rows: &[Row], diagnostics: &Diagnostics) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let upstreams = Upstreams { baseline: ports::free()?, lane: ports::free()? };
        let config = envoy_config::upstream_bootstrap(upstreams);
        let upstream = start(&dir.path().join("upstream.json"), &config, diagnostics).await?;

        let ports = rows.iter().map(|_| ports::free()).collect::<Result<Vec<_>>>()?;
        let listeners: Vec<_> = rows.iter().zip(&ports).map(|(row, port)| row.listener(*port)).collect();
        let config = envoy_config::bootstrap(&listeners, Some(upstreams));
        let measured = start(&dir.path().join("measured.json"), &config, diagnostics).await?;
        let worker = Worker::find_and_pin(measured.pid())?;
        Ok(Self { measured, _upstream: upstream, worker, ports })
    }
}

impl Row {
    fn listener(&self, port: u16) -> Listener<'_> {
        let Self { key, routes, filters, early_removal, .. } = self;
        Listener { name: key, port, routes: *routes, filters, early_removal: *early_removal }
    }
}

/// Starts an Envoy with one worker.
async fn start(path: &Path, bootstrap: &Value, diagnostics: &Diagnostics) -> Result<Envoy> {
    std::fs::write(path, bootstrap.to_string())?;
    let options = EnvoyOptions::new(diagnostics).log_level("warning");
    Envoy::start(path, options).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_runs_every_row_in_another_order() {
        assert_eq!(in_turns(&[0, 1, 2], 0), [0, 1, 2]);
        assert_eq!(in_turns(&[0, 1, 2], 1), [0, 2, 1]);
        assert_eq!(in_turns(&[0, 1, 2], 2), [2, 0, 1]);
    }
}
