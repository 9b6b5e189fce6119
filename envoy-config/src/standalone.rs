//! Rendering for Envoys without Kubernetes: every file of every proxy, in the order to write them.
//!
//! ```text
//! group, lanes, topology ── validate ──▶ for each proxy: listeners, clusters, routes, filters ──▶ files
//! ```
//!
//! Endpoints stand in `cds.json`, not in an EDS file per cluster: Envoy opens one inotify instance for each
//! file that it watches and aborts when there is none left (Linux gives a user 128 in all). Taking endpoints
//! away or giving them back is a change of their cluster; requests in flight finish on the old one.

mod clusters;
mod filters;
mod listeners;
mod mesh;
mod receipts;
mod routes;

use std::net::SocketAddr;

use lane::metric;
use lane::model::{Lane, LaneFault, LaneGroup};
use lane::name::WorkloadName;
use lane::problem::Problem;
use serde::Serialize;

pub use receipts::Receipt;

use crate::envoy::any::Any;
use crate::envoy::bootstrap::{Admin, Bootstrap, DynamicResources, Node, StatsConfig, TagSpecifier};
use crate::envoy::core::ConfigSource;
use crate::envoy::discovery::DiscoveryResponse;
use crate::names::{BOOTSTRAP_FILE, CLUSTERS_FILE, LISTENERS_FILE, ROUTES_FILE};
use crate::topology::{Topology, validate};
use mesh::{Mesh, Site};

/// What rendering needs to know beside the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// Number of this rendering: `version_info` of clusters, routes and filters, and the generation that
    /// filters report.
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
    /// Its files, by stage. All of them must exist before Envoy starts.
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

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The topology does not fit the lane group: its errors.
    #[error("the topology does not fit the lane group: {}", list(.0))]
    Invalid(Vec<Problem>),
    /// A structure that JSON cannot express.
    #[error("not expressible as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Renders every file of every proxy of `topology`: gateways first, then workloads.
///
/// Lanes and faults of other groups are ignored. Bootstrap and listeners depend on group and topology alone.
///
/// # Errors
/// The topology does not fit the group; [`validate`] tells the same and the warnings too.
pub fn render(
    group: &LaneGroup,
    lanes: &[Lane],
    faults: &[LaneFault],
    topology: &Topology,
    options: &RenderOptions,
) -> Result<Vec<Proxy>, RenderError> {
    let errors: Vec<_> = validate(topology, group).into_iter().filter(Problem::is_error).collect();
    if !errors.is_empty() {
        return Err(RenderError::Invalid(errors));
    }
    let mesh = Mesh::new(group, lanes, faults, &topology.spec, options);
    mesh.sites().map(|site| proxy(&mesh, site)).collect()
}

fn proxy(mesh: &Mesh<'_>, site: Site<'_>) -> Result<Proxy, RenderError> {
    let generation = mesh.options.generation.to_string();
    let lds = listeners::listeners(mesh, site);
    // Lane changes must not touch the file, so that its version is that of the content.
    let lds_version = content_version(&lds)?;
    let mut files = vec![
        file(BOOTSTRAP_FILE, Stage::Static, &bootstrap(mesh, site))?,
        discovery(LISTENERS_FILE, Stage::Static, &lds_version, lds)?,
        discovery(CLUSTERS_FILE, Stage::Clusters, &generation, clusters::clusters(mesh, site))?,
        discovery(ROUTES_FILE, Stage::Routes, &generation, vec![routes::routes(mesh, site)])?,
    ];
    for (path, resource) in filters::resources(mesh, site)? {
        files.push(discovery(&path, Stage::Filters, &generation, vec![resource])?);
    }
    Ok(Proxy {
        name: site.name().clone(),
        admin: site.admin(),
        concurrency: site.concurrency(),
        files,
        receipts: receipts::receipts(mesh, site, &lds_version),
    })
}

fn bootstrap(mesh: &Mesh<'_>, site: Site<'_>) -> Bootstrap {
    let stats_tags =
        metric::TAGS.map(|tag_name| TagSpecifier { tag_name, regex: metric::tag_regex(tag_name) });
    Bootstrap {
        node: Node { id: site.name().to_string(), cluster: mesh.group.metadata.name.to_string() },
        admin: Admin { address: site.admin().into() },
        dynamic_resources: DynamicResources {
            lds_config: ConfigSource::file(mesh.path(site, LISTENERS_FILE)),
            cds_config: ConfigSource::file(mesh.path(site, CLUSTERS_FILE)),
        },
        stats_config: StatsConfig { stats_tags: stats_tags.into() },
    }
}

fn content_version(resources: &[Any]) -> Result<String, RenderError> {
    let json = serde_json::to_vec(resources)?;
    Ok(format!("{:016x}", xxhash_rust::xxh64::xxh64(&json, 0)))
}

fn discovery(path: &str, stage: Stage, version: &str, resources: Vec<Any>) -> Result<File, RenderError> {
    file(path, stage, &DiscoveryResponse { version_info: version.to_owned(), resources })
}

fn file(path: &str, stage: Stage, content: &impl Serialize) -> Result<File, RenderError> {
    let content = serde_json::to_string_pretty(content)? + "\n";
    Ok(File { path: path.to_owned(), stage, content })
}
