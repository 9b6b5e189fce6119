//! What to read at a proxy's admin interface to know that a rendering has arrived.
//!
//! Envoy sets the text `version_text` of a file after it has taken the file's content, also where only the
//! version differs, and not when it rejects it. (`/config_dump` will not do: it keeps the former version
//! where the content is the same.) For clusters and routes that is the main thread's word: it has by then
//! posted the change to every worker, and a worker handles its posts in order. The filter's gauge is the
//! smallest generation among the workers, so that once it shows the generation of filters which were written
//! last, every worker has also taken the clusters and routes of that generation. A proxy without a filter
//! has the texts only. For filters the gauge alone decides, the text only tells where a change got stuck:
//! Envoy also sets it when it is given once more the very configuration that it has rejected.

use super::Stage;
use super::filters::roles;
use super::mesh::{Mesh, Site};
use crate::names::{
    CLUSTERS_VERSION_STAT, GATEWAY, LISTENERS_VERSION_STAT, OUTBOUND, filter_generation_stat,
    filter_version_stat, routes_version_stat,
};

/// A statistic that proves that a stage has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The stage that it proves.
    pub stage: Stage,
    /// Name of the statistic at `/stats`.
    pub stat: String,
    /// Its value there: in quotes for a text (`"7"`), bare for a gauge (`7`).
    pub value: String,
}

/// All receipts of a proxy.
pub(super) fn receipts(mesh: &Mesh<'_>, site: Site<'_>, lds_version: &str) -> Vec<Receipt> {
    let generation = mesh.options.generation;
    let routes = match site {
        Site::Gateway(_) => GATEWAY,
        Site::Workload(_) => OUTBOUND,
    };
    let text = |stage, stat: String, version: &str| Receipt { stage, stat, value: format!("{version:?}") };
    let version = generation.to_string();
    let mut receipts = vec![
        text(Stage::Static, LISTENERS_VERSION_STAT.to_owned(), lds_version),
        text(Stage::Clusters, CLUSTERS_VERSION_STAT.to_owned(), &version),
        text(Stage::Routes, routes_version_stat(routes), &version),
    ];
    for role in roles(mesh, site) {
        receipts.push(text(Stage::Filters, filter_version_stat(role, site.name()), &version));
        receipts.push(Receipt {
            stage: Stage::Filters,
            stat: filter_generation_stat(role),
            value: version.clone(),
        });
    }
    receipts
}
