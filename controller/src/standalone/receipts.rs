//! Asking the proxies what they run: the only evidence that counts.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use envoy_config::names::{filter_generation_stat, filter_workers_stat};
use envoy_config::standalone::{Proxy, Receipt, Stage};
use jiff::{SignedDuration, Timestamp};
use lane::filter_config::Role;
use reqwest::{Client, header};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::error::{Error, Result};
use crate::clock;
use crate::losses::Loss;

/// How long one question to a proxy may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Pause between two rounds of questions.
pub const POLL: Duration = Duration::from_millis(50);

/// What a proxy says to the question whether it runs a rendering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state", content = "missing")]
pub enum Verdict {
    /// It runs it, on every worker.
    Current,
    /// It runs, but lacks something: what was asked, and what it says.
    Behind(Vec<String>),
    /// It does not run: its admin address refuses connections.
    Stopped,
    /// It cannot be asked, or does not answer as an Envoy does.
    Silent(String),
}

/// A proxy with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its name.
    pub proxy: String,
    /// What it runs.
    pub verdict: Verdict,
    /// The lanes that its application has lost.
    pub losses: Vec<Loss>,
    /// By how much its clock is ahead of ours, as [`clock::ahead`] says.
    pub ahead: Option<SignedDuration>,
}

impl Answer {
    /// What is to be told of the clock of a proxy, where it is not ours.
    #[must_use]
    pub fn clock_warning(&self) -> Option<String> {
        let told = clock::told(self.ahead.filter(|ahead| clock::is_apart(*ahead))?);
        Some(format!("the clock of {} is {told}: lanes and tickets end there by that clock", self.proxy))
    }
}

/// The proxies that count as evidence for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Every proxy.
    All,
    /// Every proxy but those that do not run: they read the files when they start.
    Running,
    /// Every proxy that can be asked.
    Verifiable,
}

impl Demand {
    /// Whether `verdict` is enough.
    #[must_use]
    pub fn is_met(self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Current => true,
            Verdict::Behind(_) => false,
            Verdict::Stopped => self != Self::All,
            Verdict::Silent(_) => self == Self::Verifiable,
        }
    }
}

/// A proxy that does not run what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lagging {
    /// Its name.
    pub proxy: String,
    /// What it says.
    pub verdict: Verdict,
}

impl fmt::Display for Lagging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Current => write!(f, "{} is current", self.proxy),
            Verdict::Behind(missing) => write!(f, "{} is behind: {}", self.proxy, missing.join(", ")),
            Verdict::Stopped => write!(f, "{} is unverified: it does not run", self.proxy),
            Verdict::Silent(reason) => write!(f, "{} is unverified: {reason}", self.proxy),
        }
    }
}

/// Asks all proxies at once; the answers are in the order of the proxies.
///
/// # Errors
/// The system is out of something.
pub async fn ask(proxies: &[Proxy], stages: &[Stage]) -> Result<Vec<Answer>> {
    // The admin interface is asked itself, whatever proxy the environment names for the web.
    let client = Client::builder().no_proxy().build();
    let client = client.map_err(|error| Error::Internal(error.to_string()))?;
    let mut tasks = JoinSet::new();
    for (place, proxy) in proxies.iter().enumerate() {
        let (client, proxy, stages) = (client.clone(), proxy.clone(), stages.to_vec());
        tasks.spawn(async move { (place, ask_one(&client, &proxy, &stages).await) });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// Waits until every proxy of which `demand` speaks has taken `stages`; the last answers of all.
///
/// # Errors
/// [`Error::TimedOut`] names the proxies that lag.
pub async fn wait(
    proxies: &[Proxy],
    stages: &[Stage],
    generation: u64,
    deadline: Instant,
    demand: Demand,
) -> Result<Vec<Answer>> {
    loop {
        let answers = ask(proxies, stages).await?;
        let lagging = lagging(&answers, demand);
        if lagging.is_empty() {
            return Ok(answers);
        }
        if Instant::now() >= deadline {
            return Err(Error::TimedOut { generation, lagging });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The proxies whose answers are not enough.
#[must_use]
pub fn lagging(answers: &[Answer], demand: Demand) -> Vec<Lagging> {
    let lag = answers.iter().filter(|answer| !demand.is_met(&answer.verdict));
    lag.map(|answer| Lagging { proxy: answer.proxy.clone(), verdict: answer.verdict.clone() }).collect()
}

async fn ask_one(client: &Client, proxy: &Proxy, stages: &[Stage]) -> Answer {
    let silent = |verdict| (verdict, Vec::new(), None);
    let (verdict, losses, ahead) = match tokio::time::timeout(PATIENCE, read(client, proxy)).await {
        Ok(Ok(Said { stats, concurrency, ahead })) => {
            (judge(&proxy.receipts, stages, &stats, concurrency), Loss::of_statistics(&stats), ahead)
        }
        Ok(Err(verdict)) => silent(verdict),
        Err(_) => silent(Verdict::Silent(format!("no answer within {PATIENCE:?}"))),
    };
    Answer { proxy: proxy.name.to_string(), verdict, losses, ahead }
}

/// What a proxy says.
struct Said {
    /// The statistics that receipts are about.
    stats: BTreeMap<String, String>,
    /// The number of workers.
    concurrency: u64,
    /// By how much its clock is ahead.
    ahead: Option<SignedDuration>,
}

async fn read(client: &Client, proxy: &Proxy) -> Result<Said, Verdict> {
    let (info, _) = get(client, proxy, "/server_info").await?;
    let info: serde_json::Value =
        serde_json::from_str(&info).map_err(|error| Verdict::Silent(format!("/server_info: {error}")))?;
    let concurrency = info.pointer("/command_line_options/concurrency").and_then(serde_json::Value::as_u64);
    let concurrency =
        concurrency.ok_or_else(|| Verdict::Silent("/server_info names no concurrency".to_owned()))?;
    let (stats, ahead) = get(client, proxy, "/stats?filter=version_text%7Cgraylane_").await?;
    let lines = stats.lines().filter_map(|line| line.rsplit_once(": "));
    let stats = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(Said { stats, concurrency, ahead })
}

/// The body of a page, and by how much the clock that dated it is ahead.
async fn get(
    client: &Client,
    proxy: &Proxy,
    path: &str,
) -> Result<(String, Option<SignedDuration>), Verdict> {
    let asked = Timestamp::now();
    let response = match client.get(format!("http://{}{path}", proxy.admin)).send().await {
        Ok(response) if !response.status().is_success() => {
            return Err(Verdict::Silent(format!("{path} answers {}", response.status())));
        }
        Ok(response) => Ok(response),
        Err(error) if is_refused(&error) => return Err(Verdict::Stopped),
        Err(error) => Err(error),
    };
    let silent = |error: reqwest::Error| Verdict::Silent(innermost(&error).to_string());
    let response = response.map_err(silent)?;
    let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let ahead = clock::ahead(date, asked, Timestamp::now());
    Ok((response.text().await.map_err(silent)?, ahead))
}

/// Whether nobody listens: a host that cannot be reached may well run.
fn is_refused(error: &reqwest::Error) -> bool {
    let io = innermost(error).downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// The error that the others wrap: what the system said.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

fn judge(
    receipts: &[Receipt],
    stages: &[Stage],
    stats: &BTreeMap<String, String>,
    concurrency: u64,
) -> Verdict {
    let asked = receipts.iter().filter(|receipt| stages.contains(&receipt.stage));
    let missing: Vec<String> = asked.filter_map(|receipt| lacks(receipt, stats, concurrency)).collect();
    if missing.is_empty() { Verdict::Current } else { Verdict::Behind(missing) }
}

/// What a proxy lacks of a receipt.
fn lacks(receipt: &Receipt, stats: &BTreeMap<String, String>, concurrency: u64) -> Option<String> {
    let says = |stat: &str| stats.get(stat).map_or("nothing", String::as_str).to_owned();
    let number = |stat: &str| stats.get(stat).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
    let roles = [Role::Entry, Role::Inbound, Role::Outbound];
    let Some(role) = roles.into_iter().find(|role| receipt.stat == filter_generation_stat(*role)) else {
        // A version text alone does not decide for filters: Envoy sets it for a refused configuration too.
        let decides = receipt.stage != Stage::Filters && stats.get(&receipt.stat) != Some(&receipt.value);
        return decides.then(|| format!("{} says {}", receipt.stat, says(&receipt.stat)));
    };
    // Envoy's main thread runs the filter's VM too.
    let workers = concurrency.saturating_add(1);
    // A greater one does not do: it may stem from a directory that was deleted and initialised anew.
    if stats.get(&receipt.stat) != Some(&receipt.value) {
        return Some(format!("{} role runs generation {}", role.as_str(), says(&receipt.stat)));
    }
    let alive = number(&filter_workers_stat(role));
    (alive < workers).then(|| format!("{} role is alive on {alive} of {workers} threads", role.as_str()))
}

#[cfg(test)]
mod tests;
