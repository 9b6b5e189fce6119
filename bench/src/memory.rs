//! Size of the module, time to load it, and memory of an Envoy that runs it.
//!
//! ```text
//! proxy.rs  an Envoy whose filters come by ECDS from files that are replaced
//! ```

mod proxy;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::tests::diagnostics::Diagnostics;
use anyhow::{Context as _, Result};
use lane::filter_config::FilterConfig;
use serde::{Deserialize, Serialize};

use crate::host::Module;
use crate::instructions::configured;
use crate::ours::{self, ENTERS, LANE};
use crate::sample::Spread;
use crate::side::{Burst, Protocol};

use proxy::Proxy;

/// How often a load or an update is timed.
const TIMED: u64 = 20;
/// Envoys that are started for one figure of resident memory, which is their median.
const STARTED: usize = 3;
/// Requests of a burst.
const BURST: u32 = 10_000;
/// Points of the series that shows whether memory grows.
const POINTS: u32 = 10;

/// What to run.
pub struct Options {
    /// Our filter.
    pub module: PathBuf,
    /// The SDK's no-op filter.
    pub noop_module: PathBuf,
    /// Requests over which memory must not grow.
    pub requests: u32,
    /// Updates of the rules over which memory must not grow.
    pub updates: u32,
}

/// What was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// Bytes of our module.
    pub module_bytes: u64,
    /// Bytes of the SDK's no-op filter.
    pub noop_bytes: u64,
    /// Milliseconds from the replaced file until a configuration with a new VM was in force.
    pub load_ms: Spread,
    /// The same in the VM that is there, one rule.
    pub update_ms: Spread,
    /// The same with 10,000 rules.
    pub large_update_ms: Spread,
    /// Resident memory of whole Envoys.
    pub resident: Vec<Resident>,
    /// Pages of 64 KiB of a VM with one rule, after a request.
    pub pages: u64,
    /// The same with 10,000 rules.
    pub large_pages: u64,
    /// Resident memory over requests and updates.
    pub series: Vec<Point>,
}

/// Resident memory of an Envoy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resident {
    /// What it runs.
    pub title: String,
    /// KiB with one worker.
    pub one_worker_kib: u64,
    /// KiB with two workers.
    pub two_workers_kib: u64,
}

/// A point of the series.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Point {
    /// Requests so far.
    pub requests: u32,
    /// Updates so far.
    pub updates: u32,
    /// KiB.
    pub kib: u64,
}

/// Measures all of it.
///
/// # Errors
/// When Envoy or h2load cannot be run, or an update does not come into force.
pub async fn run(options: &Options) -> Result<Memory> {
    let diagnostics = Diagnostics::new();
    let one = ours::case("entry-lane")?.config;
    let many = ours::case("rules-10000-lane")?.config;
    let module = options.module.as_path();
    let memory = Memory {
        module_bytes: size(module)?,
        noop_bytes: size(&options.noop_module)?,
        load_ms: load_times(module, &one, &diagnostics).await?,
        update_ms: update_times(module, &one, &diagnostics).await?,
        large_update_ms: update_times(module, &many, &diagnostics).await?,
        resident: resident(module, &one, &many, &diagnostics).await?,
        pages: pages(module, "entry-lane")?,
        large_pages: pages(module, "rules-10000-lane")?,
        series: series(options, &one, &diagnostics).await?,
    };
    diagnostics.passed();
    Ok(memory)
}

fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path).with_context(|| format!("failed to read {}", path.display()))?.len())
}

/// Each time under another `vm_id`, for which Envoy compiles the module anew.
async fn load_times(module: &Path, config: &FilterConfig, diagnostics: &Diagnostics) -> Result<Spread> {
    let mut proxy = Proxy::start(module, std::slice::from_ref(config), 1, diagnostics).await?;
    let mut times = Vec::new();
    for load in 0..TIMED {
        proxy.vm_id = format!("load-{load}");
        times.push(milliseconds(proxy.update(0, config).await?));
    }
    Ok(Spread::of(&times))
}

async fn update_times(module: &Path, config: &FilterConfig, diagnostics: &Diagnostics) -> Result<Spread> {
    let mut proxy = Proxy::start(module, std::slice::from_ref(config), 1, diagnostics).await?;
    let mut times = Vec::new();
    for generation in 0..TIMED {
        let config = FilterConfig { generation: config.generation + 1 + generation, ..config.clone() };
        times.push(milliseconds(proxy.update(0, &config).await?));
    }
    Ok(Spread::of(&times))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

async fn resident(
    module: &Path,
    one: &FilterConfig,
    many: &FilterConfig,
    diagnostics: &Diagnostics,
) -> Result<Vec<Resident>> {
    let roles = ["entry-lane", "inbound-lane", "outbound-restored"];
    let roles =
        roles.map(|key| ours::case(key).map(|case| case.config)).into_iter().collect::<Result<Vec<_>>>()?;
    let kinds: [(&str, &[FilterConfig]); 4] = [
        ("no Wasm", &[]),
        ("entry, one rule", std::slice::from_ref(one)),
        ("entry, 10,000 rules", std::slice::from_ref(many)),
        ("entry, inbound and outbound", &roles),
    ];
    let mut found = Vec::new();
    for (title, configs) in kinds {
        let one_worker_kib = median_kib(module, configs, 1, diagnostics).await?;
        let two_workers_kib = median_kib(module, configs, 2, diagnostics).await?;
        found.push(Resident { title: title.to_owned(), one_worker_kib, two_workers_kib });
    }
    Ok(found)
}

async fn median_kib(
    module: &Path,
    configs: &[FilterConfig],
    workers: u32,
    diagnostics: &Diagnostics,
) -> Result<u64> {
    let mut found = Vec::new();
    for _ in 0..STARTED {
        found.push(warm_kib(module, configs, workers, diagnostics).await?);
    }
    found.sort_unstable();
    Ok(found[STARTED / 2])
}

/// Resident memory after a burst of requests.
async fn warm_kib(
    module: &Path,
    configs: &[FilterConfig],
    workers: u32,
    diagnostics: &Diagnostics,
) -> Result<u64> {
    let proxy = Proxy::start(module, configs, workers, diagnostics).await?;
    let body = if configs.is_empty() { ours::BASELINE } else { LANE };
    Burst::new(Protocol::H2, BURST).run(proxy.port, &[ENTERS], body)?;
    proxy.resident_kib()
}

fn pages(module: &Path, key: &str) -> Result<u64> {
    let case = ours::case(key)?;
    let mut instance = configured(&Module::load(module)?, &case)?;
    instance.request(Vec::new())?;
    Ok(instance.memory_pages())
}

/// First requests, then updates, each with a new generation and another rule.
async fn series(options: &Options, config: &FilterConfig, diagnostics: &Diagnostics) -> Result<Vec<Point>> {
    let mut proxy = Proxy::start(&options.module, std::slice::from_ref(config), 1, diagnostics).await?;
    Burst::new(Protocol::H2, BURST).run(proxy.port, &[ENTERS], LANE)?;
    let mut points = vec![Point { requests: 0, updates: 0, kib: proxy.resident_kib()? }];
    for point in 1..=POINTS {
        let burst = Burst::new(Protocol::H2, options.requests / POINTS);
        burst.run(proxy.port, &[ENTERS], LANE)?;
        let requests = options.requests / POINTS * point;
        points.push(Point { requests, updates: 0, kib: proxy.resident_kib()? });
    }
    for point in 1..=POINTS {
        let each = options.updates / POINTS;
        for update in each * (point - 1)..each * point {
            let rules = 1 + usize::try_from(update % 10)?;
            let changed = ours::with_rules(config, rules)?;
            proxy.update(0, &FilterConfig { generation: u64::from(update) + 2, ..changed }).await?;
        }
        points.push(Point { requests: options.requests, updates: each * point, kib: proxy.resident_kib()? });
    }
    Ok(points)
}
