//! Which generation each proxy runs, which lanes its application has lost and how far its clock is from ours, asked of the
//! proxies themselves.
//!
//! The filter counts its generation as the smallest among its workers, and how many workers live, for each group
//! by itself, as statistics that Istio offers on the metrics port of every pod.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use lane::metric::{GENERATION, GROUP, RESTORED_TOTAL, TRACES_TOTAL, WORKERS};
use lane::model::ProxyCount;
use reqwest::header;

use super::dereference::Proxy;
use super::lost_lanes::Told;
use crate::clock;
use crate::losses::Loss;

/// How long a proxy may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How many are asked at once.
const AT_ONCE: usize = 32;
/// Envoy's gauge of its worker threads.
const CONCURRENCY: &str = "server_concurrency";

/// What a proxy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Every worker runs this generation, or a newer one.
    Runs(u64),
    /// It could not be asked, or has no filter.
    Unverified,
}

/// The answer of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'p> {
    /// The proxy.
    pub proxy: &'p Proxy,
    /// What it runs.
    pub receipt: Receipt,
    /// What its application has lost.
    pub losses: Vec<Loss>,
    /// By how much its clock is ahead of ours; `None` where it has not said.
    pub ahead: Option<SignedDuration>,
}

impl Answer<'_> {
    /// What is known of the lanes that the proxy's application has lost; none at an entry, which has no application.
    #[must_use]
    pub fn lost(&self) -> Option<Told<'_>> {
        let losses = (self.receipt != Receipt::Unverified).then_some(self.losses.as_slice());
        Some(Told { serves: self.proxy.serves.as_ref()?, losses })
    }
}

/// By how much the clock of each is ahead of ours, by the `NAMESPACE/NAME` of its pod; `None` where it has not said.
#[must_use]
pub fn clocks(answers: &[Answer<'_>]) -> BTreeMap<String, Option<SignedDuration>> {
    answers.iter().map(|answer| (answer.proxy.pod.clone(), answer.ahead)).collect()
}

/// Counts the proxies that run `generation`.
#[must_use]
pub fn count(answers: &[Answer<'_>], generation: u64) -> ProxyCount {
    let number = |wanted: fn(Receipt, u64) -> bool| {
        let found = answers.iter().filter(|answer| wanted(answer.receipt, generation)).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    ProxyCount {
        total: u32::try_from(answers.len()).unwrap_or(u32::MAX),
        ready: number(|receipt, generation| matches!(receipt, Receipt::Runs(found) if found >= generation)),
        unverified: number(|receipt, _| receipt == Receipt::Unverified),
    }
}

/// Asks proxies.
#[derive(Clone, Debug)]
pub struct Scraper {
    http: reqwest::Client,
    url: String,
}

impl Scraper {
    /// A scraper of the address `url`, in which `{ip}` stands for the address of the pod.
    ///
    /// # Errors
    /// There is no HTTP client, which is a fault of this program.
    pub fn new(url: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { http, url: url.to_owned() })
    }

    /// Asks all proxies of a group, which the filter calls `group`.
    pub async fn ask<'p>(&self, proxies: &'p [Proxy], group: &str) -> Vec<Answer<'p>> {
        stream::iter(proxies)
            .map(|proxy| self.ask_one(proxy, group))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await
    }

    async fn ask_one<'p>(&self, proxy: &'p Proxy, group: &str) -> Answer<'p> {
        let silent = Answer { proxy, receipt: Receipt::Unverified, losses: Vec::new(), ahead: None };
        let Some(address) = proxy.address.filter(|_| proxy.has_proxy) else { return silent };
        match self.statistics(address, group).await {
            Ok((text, ahead)) => {
                let (receipt, losses) = (read(&text, group), Loss::of_prometheus(&text));
                Answer { receipt, losses, ahead, ..silent }
            }
            Err(error) => {
                tracing::debug!(pod = proxy.pod, %error, "the proxy cannot be asked");
                silent
            }
        }
    }

    async fn statistics(
        &self,
        address: IpAddr,
        group: &str,
    ) -> Result<(String, Option<SignedDuration>), reqwest::Error> {
        let ip = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        // A regex over the names that Envoy gives its statistics, before labels are found in them.
        let wanted = format!(
            "{GROUP}=.={group};.;({GENERATION}|{WORKERS})|{RESTORED_TOTAL}|{TRACES_TOTAL}|server.concurrency"
        );
        let asked = Timestamp::now();
        let request = self.http.get(self.url.replace("{ip}", &ip)).query(&[("filter", wanted)]);
        let response = request.send().await?.error_for_status()?;
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let ahead = clock::ahead(date, asked, Timestamp::now());
        Ok((response.text().await?, ahead))
    }
}

/// The receipt in statistics in Prometheus' text format.
///
/// Labels may be labels or, where the proxy lacks our tags, part of the name: both end in the base name or hold
/// it before the braces.
fn read(text: &str, group: &str) -> Receipt {
    let generation = values(text, GENERATION, group).min();
    let workers = values(text, WORKERS, group).min();
    let concurrency = values(text, CONCURRENCY, group).max();
    match (generation, workers) {
        // One more than there are workers, since the main thread has the filter too.
        (Some(generation), Some(workers)) if concurrency.is_none_or(|count| workers > count) => {
            Receipt::Runs(generation)
        }
        (Some(_), Some(_)) => Receipt::Runs(0),
        _ => Receipt::Unverified,
    }
}

/// The values of all series of that base name, but for those of other groups: not everything that answers in place
/// of Envoy heeds what was asked for.
fn values(text: &str, name: &str, group: &str) -> impl Iterator<Item = u64> {
    let (any, own) = (format!("{GROUP}=\""), format!("{GROUP}=\"{group}\""));
    text.lines().filter(|line| !line.starts_with('#')).filter_map(move |line| {
        let (series, value) = line.rsplit_once(' ')?;
        if series.contains(&any) && !series.contains(&own) {
            return None;
        }
        let found = series.split('{').next()?;
        let number: f64 = value.parse().ok().filter(|_| found.ends_with(name))?;
        // Numbers of generations stay far below 2^53.
        (number >= 0.0).then_some(number as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_role_counts_and_a_missing_worker_counts_as_nothing() {
        let statistics = |generations: [u64; 2], workers: u64| {
            format!(
                "# TYPE graylane_generation gauge\n\
                 graylane_generation{{role=\"entry\",group=\"demo/shop\"}} {}\n\
                 wasmcustom_role___inbound____group___demo_shop____graylane_generation{{}} {}\n\
                 graylane_workers{{role=\"entry\",group=\"demo/shop\"}} {workers}\n\
                 graylane_generation{{role=\"entry\",group=\"demo/other\"}} 3\n\
                 envoy_server_concurrency{{}} 2\n",
                generations[0], generations[1]
            )
        };
        let read = |text: &str| read(text, "demo/shop");
        assert_eq!(read(&statistics([8, 7], 3)), Receipt::Runs(7));
        assert_eq!(read(&statistics([8, 8], 2)), Receipt::Runs(0));
        assert_eq!(read("envoy_server_concurrency{} 2\n"), Receipt::Unverified);
        assert_eq!(read("graylane_generation{group=\"demo/other\"} 8\n"), Receipt::Unverified);
        assert_eq!(read(""), Receipt::Unverified);
    }
}
