//! Every name that ends up in an Envoy: headers, clusters, routes, listeners, filters, statistics, files.
//!
//! Names of lanes and services are DNS labels, so that `_` and `.` separate without ambiguity, and the lane
//! `baseline` cannot exist.

use lane::filter_config::Role;
use lane::metric::{self, Metric};
use lane::name::{BASELINE, LaneName, ServiceName, WorkloadName};

/// Prefix of the headers that proxies use among themselves; no outsider may send one.
pub const PRIVATE_HEADER_PREFIX: &str = "x-graylane-";

/// Response header of a proxy whose application could not be reached: the request was not sent to it, so
/// every method may be tried elsewhere.
pub const UNSENT_HEADER: &str = "x-graylane-unsent";

/// Response header of a proxy whose application broke off before it answered: only idempotent methods may
/// be tried elsewhere.
pub const UNANSWERED_HEADER: &str = "x-graylane-unanswered";

/// Prefix of the headers by which Envoy's fault filter is told what to do.
pub const FAULT_HEADER_PREFIX: &str = "x-envoy-fault-";

/// The `vm_id` of all roles: one VM for each worker.
pub const VM_ID: &str = "graylane";

/// Namespace of our metadata on routes.
pub const METADATA: &str = "graylane";

/// Key of our metadata: the service that a route leads to.
pub const METADATA_SERVICE: &str = "service";

/// Cluster of a workload's own application. It holds no `_`, as the clusters of services do.
pub const APP_CLUSTER: &str = "app";

/// Listener, statistics prefix and route configuration of a gateway.
pub const GATEWAY: &str = "gateway";

/// Listener, statistics prefix and route configuration of what reaches an application.
pub const INBOUND: &str = "inbound";

/// Listener, statistics prefix and route configuration of what an application sends.
pub const OUTBOUND: &str = "outbound";

/// The router, the last HTTP filter.
pub const ROUTER: &str = "envoy.filters.http.router";

/// Cluster of the workloads of `service` in `lane`, or on the baseline for `None`: `c_gray`, `c_baseline`.
#[must_use]
pub fn subset_cluster(service: &ServiceName, lane: Option<&LaneName>) -> String {
    format!("{service}_{}", lane.map_or(BASELINE, LaneName::as_str))
}

/// Cluster that prefers `lane` and falls back to the baseline: `c_gray_or_baseline`.
#[must_use]
pub fn fallback_cluster(service: &ServiceName, lane: &LaneName) -> String {
    format!("{service}_{lane}_or_{BASELINE}")
}

/// Route to `service` for methods that may be repeated.
#[must_use]
pub fn idempotent_route(service: &ServiceName) -> String {
    format!("{service}.idempotent")
}

/// Route to `service` for all other methods.
#[must_use]
pub fn other_route(service: &ServiceName) -> String {
    format!("{service}.other")
}

/// The ECDS resource of a role. It names the workload, since Envoy rejects all ECDS of a proxy in which two
/// resources have one name, and a namespace, for which plain Envoys have the word `standalone`.
#[must_use]
pub fn filter_resource(role: Role, workload: &WorkloadName) -> String {
    format!("graylane.{}.standalone.{workload}", role.as_str())
}

/// The ECDS resource of Envoy's fault filter behind the filter of a role.
#[must_use]
pub fn fault_resource(role: Role, workload: &WorkloadName) -> String {
    format!("graylane.fault-{}.standalone.{workload}", role.as_str())
}

/// The file of that resource.
#[must_use]
pub fn fault_file(role: Role) -> String {
    format!("ecds/fault-{}.json", role.as_str())
}

/// The file of a role's ECDS resource.
#[must_use]
pub fn filter_file(role: Role) -> String {
    format!("ecds/{}.json", role.as_str())
}

/// The file that a proxy is started with.
pub const BOOTSTRAP_FILE: &str = "bootstrap.json";

/// The file of listeners.
pub const LISTENERS_FILE: &str = "lds.json";

/// The file of clusters.
pub const CLUSTERS_FILE: &str = "cds.json";

/// The file of routes.
pub const ROUTES_FILE: &str = "rds.json";

/// Statistic that holds the version of the listeners in force.
pub const LISTENERS_VERSION_STAT: &str = "listener_manager.lds.version_text";

/// Statistic that holds the version of the clusters in force.
pub const CLUSTERS_VERSION_STAT: &str = "cluster_manager.cds.version_text";

/// Statistic that holds the version of the routes in force; `routes` names listener and configuration alike.
#[must_use]
pub fn routes_version_stat(routes: &str) -> String {
    format!("http.{routes}.rds.{routes}.version_text")
}

/// Statistic that holds the version of a role's filter configuration on the main thread.
#[must_use]
pub fn filter_version_stat(role: Role, workload: &WorkloadName) -> String {
    format!("extension_config_discovery.http_filter.{}.version_text", filter_resource(role, workload))
}

/// Gauge that holds the smallest generation that the workers of a role run.
#[must_use]
pub fn filter_generation_stat(role: Role) -> String {
    filter_stat(metric::GENERATION, role)
}

/// Gauge that counts the threads on which a role is alive: every worker, and Envoy's main thread.
#[must_use]
pub fn filter_workers_stat(role: Role) -> String {
    filter_stat(metric::WORKERS, role)
}

fn filter_stat(name: &'static str, role: Role) -> String {
    format!("wasmcustom.{}", Metric::new(name, [("role", role.as_str())]).stat_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_of_different_services_and_lanes_never_share_a_name() {
        let service = |text: &str| text.parse::<ServiceName>().unwrap();
        let lane = |text: &str| text.parse::<LaneName>().unwrap();
        assert_eq!(subset_cluster(&service("c"), None), "c_baseline");
        assert_eq!(subset_cluster(&service("c"), Some(&lane("gray"))), "c_gray");
        assert_eq!(fallback_cluster(&service("c"), &lane("gray")), "c_gray_or_baseline");
        assert_ne!(subset_cluster(&service("app"), None), APP_CLUSTER);
    }
}
