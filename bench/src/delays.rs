//! How exact delays are: those of a fault of ours, beside Envoy's own fault filter configured as Istio does it.
//!
//! One Envoy, two listeners, bursts in turns; h2load notes how long each request took. What is shown is how much
//! longer than the delay that was.

use std::path::{Path, PathBuf};
use std::process::Command;

use ::tests::diagnostics::Diagnostics;
use ::tests::envoy::{Envoy, EnvoyOptions};
use ::tests::ports;
use anyhow::{Context as _, Result, ensure};
use lane::fault::{GROUP_HEADER, Shape, Wait};
use lane::filter_config::{FaultConfig, FilterConfig};
use lane::percent::Percent;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ours;
use crate::side::envoy_config::{Listener, Routes, bootstrap};
use crate::side::filters;

/// The delays, in milliseconds.
const DELAYS_MS: [u64; 3] = [10, 100, 1000];
/// Requests in flight.
const CONCURRENT: [u32; 2] = [20, 1000];
/// Streams of a connection: as many as Envoy takes by default, and more than are used.
const STREAMS: u32 = 100;
/// How long a burst takes at the least, in milliseconds.
const BURST_MS: u64 = 3000;

/// What to run.
pub struct Options {
    /// Our filter.
    pub module: PathBuf,
    /// Bursts of each row.
    pub rounds: usize,
}

/// One row: a delay, by one of the two.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delays {
    /// Whose it is.
    pub title: String,
    /// The delay.
    pub delay_ms: u64,
    /// Requests in flight.
    pub concurrent: u32,
    /// Requests that were measured.
    pub requests: usize,
    /// How much longer requests took, in milliseconds: the median, the 99th percentile, the least.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The least.
    pub least_ms: f64,
}

/// Measures all rows.
///
/// # Errors
/// When Envoy or h2load cannot be run, or a request is not answered with 200.
pub async fn run(options: &Options) -> Result<Vec<Delays>> {
    let mut rows = Vec::new();
    for delay_ms in DELAYS_MS {
        let dir = tempfile::tempdir()?;
        let diagnostics = Diagnostics::new();
        let ports = [ports::free()?, ports::free()?];
        let kinds = [ours_with(&options.module, delay_ms)?, vec![native(delay_ms)]];
        let listener = |name, place: usize| Listener {
            name,
            port: ports[place],
            routes: Routes::One,
            filters: &kinds[place],
            early_removal: false,
        };
        let config = bootstrap(&[listener("ours", 0), listener("native", 1)], None);
        let path = dir.path().join("delays.json");
        std::fs::write(&path, config.to_string())?;
        let _envoy = Envoy::start(&path, EnvoyOptions::new(&diagnostics).log_level("warning")).await?;
        for concurrent in CONCURRENT {
            let mut took = [Vec::new(), Vec::new()];
            for round in 0..options.rounds {
                // The other one first each time, and the first burst of all only warms.
                let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
                for place in order {
                    took[place].extend(burst(ports[place], concurrent, delay_ms, dir.path())?);
                }
            }
            let titles = ["Graylane", "Envoy's fault filter alone, as Istio configures it"];
            for (title, took) in titles.into_iter().zip(took) {
                rows.push(row(title, delay_ms, concurrent, took)?);
            }
        }
        diagnostics.passed();
    }
    Ok(rows)
}

/// A role with a fault that hits everybody, and the fault filter behind it as a group has it.
fn ours_with(module: &Path, delay_ms: u64) -> Result<Vec<Value>> {
    let fault = FaultConfig {
        delay: Some(Wait { shape: Shape::Uniform { from: delay_ms, to: delay_ms }, jitter_ms: 0 }),
        ..ours::fault(Percent::ALL)?
    };
    let config = FilterConfig { faults: vec![fault], ..ours::inbound()? };
    let all = json!({"numerator": 100});
    let executes = filters::fault(&json!({
        "headers": [{"name": GROUP_HEADER, "string_match": {"exact": config.fault_group()}}],
        "delay": {"header_delay": {}, "percentage": all},
        "max_active_faults": 2000,
    }));
    Ok(vec![filters::ours(module, &config)?, executes])
}

fn native(delay_ms: u64) -> Value {
    let delay = format!("{}.{:03}s", delay_ms / 1000, delay_ms % 1000);
    filters::fault(&json!({"delay": {"fixed_delay": delay, "percentage": {"numerator": 100}}}))
}

/// How long each request of a burst took, in milliseconds.
fn burst(port: u16, concurrent: u32, delay_ms: u64, dir: &Path) -> Result<Vec<f64>> {
    let log = dir.join("requests.tsv");
    let _ = std::fs::remove_file(&log);
    // Where the delay is short the machine is what holds it up, so that requests are bounded too.
    let requests = (u64::from(concurrent) * BURST_MS / delay_ms).min(20_000);
    let (clients, streams) = (concurrent.div_ceil(STREAMS), concurrent.min(STREAMS));
    let output = Command::new("h2load")
        .args(["--requests", &requests.to_string(), "--clients", &clients.to_string()])
        .args(["--max-concurrent-streams", &streams.to_string(), "--threads", "1"])
        .arg("--log-file")
        .arg(&log)
        .arg(format!("http://127.0.0.1:{port}/"))
        .output()
        .context("failed to start h2load")?;
    ensure!(output.status.success(), "h2load: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&log)?;
    text.lines().map(took).collect()
}

/// Start in microseconds, status, duration in microseconds.
fn took(line: &str) -> Result<f64> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [_, status, took, ..] = fields.as_slice() else { anyhow::bail!("h2load noted {line:?}") };
    ensure!(*status == "200", "a request was answered {status}");
    Ok(took.parse::<f64>()? / 1000.0)
}

fn row(title: &str, delay_ms: u64, concurrent: u32, took: Vec<f64>) -> Result<Delays> {
    let mut longer: Vec<f64> = took.into_iter().map(|took| took - delay_ms as f64).collect();
    longer.sort_by(f64::total_cmp);
    let at = |percent: usize| longer.get(longer.len() * percent / 100).copied().context("no request");
    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    Ok(Delays {
        title: title.to_owned(),
        delay_ms,
        concurrent,
        requests: longer.len(),
        p50_ms: rounded(at(50)?),
        p99_ms: rounded(at(99)?),
        least_ms: rounded(at(0)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_h2load_notes_is_read() {
        assert_eq!(took("1700000000000000\t200\t10500").unwrap(), 10.5);
        assert!(took("1700000000000000\t503\t10500").is_err());
        assert!(took("nothing").is_err());
    }

    #[test]
    fn a_row_says_how_much_longer_it_took() {
        let row = row("x", 10, 20, (0..100).map(|i| 10.0 + f64::from(i) / 10.0).collect()).unwrap();
        assert_eq!((row.p50_ms, row.p99_ms, row.least_ms), (5.0, 9.9, 0.0));
    }
}
