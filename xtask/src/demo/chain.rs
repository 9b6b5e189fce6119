//! The example chain as its topology file describes it, and the way of a request through it.

use std::fmt;
use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// How far the ports are moved when one of them is taken, and how often.
const PORT_STEP: u16 = 500;
const PORT_TRIES: u16 = 20;

/// The gateway and workloads of the example.
pub(super) struct Chain {
    pub(super) gateway: Gateway,
    pub(super) workloads: Vec<Workload>,
    text: String,
}

#[derive(Deserialize)]
pub(super) struct Gateway {
    pub(super) name: String,
    pub(super) listen: String,
    pub(super) admin: String,
}

#[derive(Deserialize)]
pub(super) struct Workload {
    pub(super) name: String,
    pub(super) service: String,
    pub(super) lane: Option<String>,
    pub(super) app: String,
    pub(super) inbound: String,
    pub(super) outbound: String,
    pub(super) admin: String,
}

#[derive(Deserialize)]
struct Topology {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    gateways: Vec<Gateway>,
    workloads: Vec<Workload>,
}

impl Chain {
    /// Reads the topology, with all ports moved where some are taken.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let original = std::fs::read_to_string(path)?;
        for step in 0..PORT_TRIES {
            let chain = Self::parse(shift_ports(&original, step * PORT_STEP))
                .with_context(|| format!("failed to read {}", path.display()))?;
            if chain.addresses().all(|address| TcpListener::bind(address).is_ok()) {
                return Ok(chain);
            }
        }
        bail!("no free ports on 127.0.0.1 near those of {}; stop what listens there", path.display())
    }

    fn parse(text: String) -> Result<Self> {
        let Topology { spec } = serde_saphyr::from_str(&text)?;
        let gateway = spec.gateways.into_iter().next().context("there is no gateway")?;
        Ok(Self { gateway, workloads: spec.workloads, text })
    }

    /// The topology file, as it is in force.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Names and admin addresses of all Envoys.
    pub(super) fn proxies(&self) -> impl Iterator<Item = (&str, &str)> {
        let workloads = self.workloads.iter().map(|w| (w.name.as_str(), w.admin.as_str()));
        std::iter::once((self.gateway.name.as_str(), self.gateway.admin.as_str())).chain(workloads)
    }

    /// The service that `service` calls: the next one in the order of the file.
    pub(super) fn next_service(&self, service: &str) -> Option<&str> {
        let mut services: Vec<&str> = self.workloads.iter().map(|w| w.service.as_str()).collect();
        services.dedup();
        services.into_iter().skip_while(|s| *s != service).nth(1)
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        let workloads = self.workloads.iter().flat_map(|w| [&w.app, &w.inbound, &w.outbound, &w.admin]);
        [&self.gateway.listen, &self.gateway.admin].into_iter().chain(workloads).map(String::as_str)
    }
}

/// Adds `offset` to every port of `127.0.0.1:PORT`.
fn shift_ports(text: &str, offset: u16) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = text.split(HOST);
    let mut shifted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (port, rest) = part.split_at(digits);
        let moved = port.parse::<u16>().map_or_else(|_| port.to_owned(), |port| (port + offset).to_string());
        shifted.extend([HOST, &moved, rest]);
    }
    shifted
}

/// The names of the applications that answered, in order.
pub(super) fn names(body: &str) -> Result<String> {
    let answer: serde_json::Value = serde_json::from_str(body).context("the answer is no JSON")?;
    let hops = answer["hops"].as_array().context("the answer has no hops")?;
    let names: Vec<_> = hops.iter().map(|hop| hop["name"].as_str().unwrap_or("?")).collect();
    Ok(names.join(" → "))
}

/// The hops of a request, from the trail that the last application saw.
pub(super) struct Way(Vec<(String, String)>);

impl Way {
    /// Reads the answer of the example application.
    pub(super) fn from_answer(body: &str) -> Result<Self> {
        let answer: serde_json::Value = serde_json::from_str(body).context("the answer is no JSON")?;
        let hops = answer["hops"].as_array().context("the answer has no hops")?;
        let trail = answer["headers"]["x-lane-path"][0].as_str().context("the last hop saw no trail")?;
        let mut way = Vec::new();
        for (i, hop) in trail.split(',').enumerate() {
            let mut fields = hop.trim().split(';');
            let workload = fields.next().unwrap_or_default();
            let lane = fields.find_map(|field| field.strip_prefix("lane=")).unwrap_or("?");
            // The gateway comes first; it is no service and has no lane of its own.
            let Some(hop) = i.checked_sub(1).map(|i| &hops[i]) else {
                way.push((workload.to_owned(), String::new()));
                continue;
            };
            if hop["name"] != workload {
                bail!("the trail names {workload} where {} answered", hop["name"]);
            }
            way.push((hop["service"].as_str().unwrap_or("?").to_owned(), format!("[{lane}]")));
        }
        Ok(Self(way))
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hops: Vec<_> = self.0.iter().map(|(name, lane)| format!("{name}{lane}")).collect();
        f.write_str(&hops.join(" → "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_moved_together() {
        let text = "listen: \"127.0.0.1:18000\", admin: 127.0.0.1:18001\n";
        assert_eq!(shift_ports(text, 0), text);
        assert_eq!(shift_ports(text, 500), "listen: \"127.0.0.1:18500\", admin: 127.0.0.1:18501\n");
    }

    #[test]
    fn the_way_follows_the_trail_and_is_checked_against_the_hops() {
        let answer = |trail: &str| {
            format!(
                r#"{{"hops":[{{"name":"a-gray","service":"a"}},{{"name":"b-v1","service":"b"}}],"headers":{{"x-lane-path":["{trail}"]}}}}"#
            )
        };
        let good = answer(
            "gateway;lane=gray;why=rule:r, a-gray;lane=gray;why=own, b-v1;lane=baseline;why=no-version",
        );
        assert_eq!(Way::from_answer(&good).unwrap().to_string(), "gateway → a[gray] → b[baseline]");
        assert!(Way::from_answer(&answer("gateway;lane=gray, a-v1;lane=baseline")).is_err());
        assert!(Way::from_answer("{}").is_err());
        assert_eq!(names(&good).unwrap(), "a-gray → b-v1");
        assert!(names("{}").is_err());
    }
}
