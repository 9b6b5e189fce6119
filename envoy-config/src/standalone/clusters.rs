//! `cds.json`: the clusters of a proxy with their endpoints.

use lane::name::ServiceName;

use super::mesh::{Mesh, Site};
use crate::envoy::any::Any;
use crate::envoy::cluster::Cluster;
use crate::names::{APP_CLUSTER, subset_cluster};
use crate::upstream;

/// The proxy's own application, and of each service that it calls the baseline, each lane's workloads, and
/// what falls back from one to the other.
pub(super) fn clusters(mesh: &Mesh<'_>, site: Site<'_>) -> Vec<Any> {
    let application = match site {
        Site::Gateway(_) => None,
        Site::Workload(workload) => Some(upstream::endpoints(APP_CLUSTER.to_owned(), &[workload.app])),
    };
    let services = mesh.callees(site).into_iter().flat_map(|service| of_service(mesh, service));
    application.into_iter().chain(services).map(|cluster| Any::Cluster(Box::new(cluster))).collect()
}

fn of_service(mesh: &Mesh<'_>, service: &ServiceName) -> Vec<Cluster> {
    let baseline = subset_cluster(service, None);
    let mut clusters = vec![upstream::endpoints(baseline.clone(), &mesh.endpoints(service, None))];
    for version in mesh.versions(service) {
        clusters.push(upstream::lane_endpoints(version.subset.clone(), &version.endpoints));
        if let Some(fallback) = version.fallback {
            clusters.push(upstream::standalone_aggregate(fallback, vec![version.subset, baseline.clone()]));
        }
    }
    clusters
}
