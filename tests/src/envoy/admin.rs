//! The administration interface of an Envoy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::client::{Call, Client};

/// How long a request may take: a configuration dump of thousands of clusters is large.
const DEADLINE: Duration = Duration::from_secs(20);

/// A client of the administration interface.
pub struct Admin {
    addr: SocketAddr,
    client: Client,
}

impl Admin {
    /// The interface at this address.
    #[must_use]
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, client: Client::h1(addr).fresh().deadline(DEADLINE) }
    }

    /// Its address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The body of a page, such as `/clusters`.
    ///
    /// # Errors
    /// When the status is not 200.
    pub async fn get(&self, path: &str) -> Result<String> {
        self.send(path, Call::get(path)).await
    }

    /// Does something, such as `/logging?level=debug`.
    ///
    /// # Errors
    /// When the status is not 200.
    pub async fn post(&self, path: &str) -> Result<String> {
        self.send(path, Call::post(path, "")).await
    }

    /// All counters and gauges by name.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn stats(&self) -> Result<BTreeMap<String, u64>> {
        Ok(parse_stats(&self.get("/stats").await?))
    }

    /// The statistics as Prometheus reads them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn prometheus(&self) -> Result<String> {
        self.get("/stats/prometheus").await
    }

    /// The whole configuration, endpoints included.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn config_dump(&self) -> Result<Value> {
        let dump = self.get("/config_dump?include_eds").await?;
        serde_json::from_str(&dump).context("the configuration dump is no JSON")
    }

    async fn send(&self, path: &str, call: Call) -> Result<String> {
        let answer = self.client.send(call).await.with_context(|| format!("admin {path}"))?;
        ensure!(answer.status == 200, "admin {path}: status {}: {}", answer.status, answer.text());
        Ok(answer.text())
    }
}

/// Reads `name: value` lines; histograms and texts are passed over.
fn parse_stats(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
    lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_gauges_are_read_and_the_rest_is_not() {
        let stats = parse_stats(
            "cluster.b.upstream_rq_200: 7\n\
             control_plane.identifier: \"x: 3\"\n\
             cluster.b.upstream_rq_time: P0(nan,1.0) P100(nan,2.0)\n\
             server.concurrency: 2\n",
        );
        let expected = [("cluster.b.upstream_rq_200".to_owned(), 7), ("server.concurrency".to_owned(), 2)];
        assert_eq!(stats, BTreeMap::from(expected));
    }
}
