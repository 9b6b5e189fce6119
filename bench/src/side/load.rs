//! h2load, the load generator, and what it reports.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::ours::{Line, USUAL};

/// Protocol of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/2 without TLS.
    H2,
    /// HTTP/1.1.
    H1,
}

impl Protocol {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::H2 => "HTTP/2",
            Self::H1 => "HTTP/1.1",
        }
    }
}

/// How a burst is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// Protocol.
    pub protocol: Protocol,
    /// Requests.
    pub requests: u32,
    /// Connections.
    pub clients: u32,
    /// Requests in flight on each connection.
    pub streams: u32,
}

impl std::fmt::Display for Protocol {
    /// As the command line names it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::H2 => "h2",
            Self::H1 => "h1",
        })
    }
}

impl Burst {
    /// A burst of that many requests with as many in flight as keep a worker busy.
    #[must_use]
    pub fn new(protocol: Protocol, requests: u32) -> Self {
        match protocol {
            Protocol::H2 => Self { protocol, requests, clients: 4, streams: 16 },
            Protocol::H1 => Self { protocol, requests, clients: 16, streams: 1 },
        }
    }

    /// Runs it, checks that every answer was a 2xx with that body, and returns requests per second.
    pub(crate) fn run(self, port: u16, request: &[Line], body: &str) -> Result<f64> {
        let output = self.command(port, request).output().context("failed to start h2load")?;
        ensure!(output.status.success(), "h2load: {}", String::from_utf8_lossy(&output.stderr));
        let report = Report::parse(&String::from_utf8_lossy(&output.stdout))?;
        let expected = u64::from(self.requests);
        ensure!(
            report.succeeded == expected,
            "{} of {expected} requests were answered 2xx",
            report.succeeded
        );
        let bytes = expected * u64::try_from(body.len())?;
        ensure!(
            report.body_bytes == bytes,
            "{} bytes of bodies instead of {bytes}: not {body}",
            report.body_bytes
        );
        Ok(report.requests_per_second)
    }

    fn command(self, port: u16, request: &[Line]) -> Command {
        let mut cmd = Command::new("h2load");
        cmd.args(["--requests", &self.requests.to_string(), "--clients", &self.clients.to_string()]);
        cmd.args(["--max-concurrent-streams", &self.streams.to_string(), "--threads", "1"]);
        if self.protocol == Protocol::H1 {
            cmd.arg("--h1");
        }
        for (name, value) in USUAL.iter().chain(request) {
            cmd.args(["--header", &format!("{name}: {value}")]);
        }
        cmd.arg(format!("http://127.0.0.1:{port}/orders/42"));
        cmd
    }
}

/// What h2load printed, as far as it is used.
#[derive(Debug, PartialEq)]
struct Report {
    requests_per_second: f64,
    succeeded: u64,
    body_bytes: u64,
}

impl Report {
    fn parse(text: &str) -> Result<Self> {
        Ok(Self {
            requests_per_second: before(text, " req/s")?,
            succeeded: before(text, " 2xx")?,
            body_bytes: before(text, ") data")?,
        })
    }
}

/// The number that stands right before a mark.
fn before<T: std::str::FromStr>(text: &str, mark: &str) -> Result<T> {
    let number = || {
        let end = text.find(mark)?;
        let start = text[..end].rfind([' ', '(']).map_or(0, |at| at + 1);
        text[start..end].parse().ok()
    };
    number().with_context(|| format!("h2load printed no number before {mark:?}:\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let text = "
finished in 47.12ms, 63665.19 req/s, 2.61MB/s
requests: 3000 total, 3000 started, 3000 done, 3000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 2999 2xx, 0 3xx, 0 4xx, 1 5xx
traffic: 126.12KB (129144) total, 35.28KB (36132) headers (space savings 86.00%), 23.44KB (24000) data
";
        let report = Report { requests_per_second: 63_665.19, succeeded: 2999, body_bytes: 24_000 };
        assert_eq!(Report::parse(text).unwrap(), report);
        assert!(Report::parse("nothing").is_err());
    }
}
