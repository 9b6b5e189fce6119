//! Which generation each proxy runs, asked of the proxies themselves.
//!
//! The filter counts its generation as the smallest among its workers, and how many workers live, as statistics
//! that Istio offers on the metrics port of every pod.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use lane::metric::{GENERATION, WORKERS};
use lane::model::ProxyCount;

use super::dereference::Proxy;

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

    /// Counts the proxies that run `generation`.
    pub async fn count(&self, proxies: &[Proxy], generation: u64) -> ProxyCount {
        let receipts = stream::iter(proxies).map(|proxy| self.ask(proxy)).buffer_unordered(AT_ONCE);
        let receipts: Vec<Receipt> = receipts.collect().await;
        let number = |wanted: fn(&Receipt, u64) -> bool| {
            let found = receipts.iter().filter(|receipt| wanted(receipt, generation)).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        ProxyCount {
            total: u32::try_from(proxies.len()).unwrap_or(u32::MAX),
            ready: number(
                |receipt, generation| matches!(receipt, Receipt::Runs(found) if *found >= generation),
            ),
            unverified: number(|receipt, _| *receipt == Receipt::Unverified),
        }
    }

    async fn ask(&self, proxy: &Proxy) -> Receipt {
        let Some(address) = proxy.address.filter(|_| proxy.has_proxy) else { return Receipt::Unverified };
        match self.statistics(address).await {
            Ok(text) => read(&text),
            Err(error) => {
                tracing::debug!(pod = proxy.pod, %error, "the proxy cannot be asked");
                Receipt::Unverified
            }
        }
    }

    async fn statistics(&self, address: IpAddr) -> Result<String, reqwest::Error> {
        let ip = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        let url = self.url.replace("{ip}", &ip);
        self.http
            .get(format!("{url}?filter=graylane_|server.concurrency"))
            .send()
            .await?
            .error_for_status()?
            .text()
            .await
    }
}

/// The receipt in statistics in Prometheus' text format.
///
/// Labels may be labels or, where the proxy lacks our tags, part of the name: both end in the base name or hold
/// it before the braces.
fn read(text: &str) -> Receipt {
    let generation = values(text, GENERATION).min();
    let workers = values(text, WORKERS).min();
    let concurrency = values(text, CONCURRENCY).max();
    match (generation, workers) {
        // One more than there are workers, since the main thread has the filter too.
        (Some(generation), Some(workers)) if concurrency.is_none_or(|count| workers > count) => {
            Receipt::Runs(generation)
        }
        (Some(_), Some(_)) => Receipt::Runs(0),
        _ => Receipt::Unverified,
    }
}

/// The values of all series of that base name.
fn values(text: &str, name: &str) -> impl Iterator<Item = u64> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(move |line| {
        let (series, value) = line.rsplit_once(' ')?;
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
                 graylane_generation{{role=\"entry\"}} {}\n\
                 wasmcustom_role___inbound____graylane_generation{{}} {}\n\
                 graylane_workers{{role=\"entry\"}} {workers}\n\
                 envoy_server_concurrency{{}} 2\n",
                generations[0], generations[1]
            )
        };
        assert_eq!(read(&statistics([8, 7], 3)), Receipt::Runs(7));
        assert_eq!(read(&statistics([8, 8], 2)), Receipt::Runs(0));
        assert_eq!(read("envoy_server_concurrency{} 2\n"), Receipt::Unverified);
        assert_eq!(read(""), Receipt::Unverified);
    }
}
