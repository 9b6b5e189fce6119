//! `rds.json`: the routes of what a proxy sends, and the fixed route of what it receives.

use std::collections::BTreeMap;

use lane::name::ServiceName;

use super::mesh::{Mesh, Site};
use crate::connection_manager::unread_tickets;
use crate::envoy::any::Any;
use crate::envoy::core::Duration;
use crate::envoy::route::{
    ClusterSpecifier, Metadata, RequestHeaders, Route, RouteAction, RouteConfiguration, RouteMatch,
    VirtualHost,
};
use crate::faults;
use crate::names::{
    APP_CLUSTER, GATEWAY, INBOUND, METADATA, METADATA_SERVICE, OUTBOUND, UNANSWERED_HEADER, UNSENT_HEADER,
    idempotent_route, other_route, subset_cluster,
};
use crate::routing::{Repeat, cluster_by_lane};
use crate::topology::Gateway;

/// The routes of what a proxy sends.
pub(super) fn routes(mesh: &Mesh<'_>, site: Site<'_>) -> Any {
    let requests =
        if mesh.is_armed() { faults::to_others(&[site.called()]) } else { RequestHeaders::default() };
    let config = match site {
        Site::Gateway(gateway) => {
            let mut requests = requests;
            requests.request_headers_to_remove.extend(unread_tickets(mesh.group));
            route_configuration(GATEWAY, vec![gateway_host(mesh, gateway)], requests)
        }
        Site::Workload(_) => {
            let hosts = mesh.callees(site).into_iter().map(|service| service_host(mesh, service));
            route_configuration(OUTBOUND, hosts.collect(), requests)
        }
    };
    Any::RouteConfiguration(config)
}

/// The routes of what a proxy receives: all of it to its application.
pub(super) fn to_application(mesh: &Mesh<'_>) -> RouteConfiguration {
    let route = Route {
        name: APP_CLUSTER.to_owned(),
        matches: RouteMatch { prefix: "/".to_owned(), headers: Vec::new() },
        route: RouteAction {
            cluster_specifier: ClusterSpecifier::Cluster(APP_CLUSTER.to_owned()),
            timeout: Duration::ZERO,
            retry_policy: None,
        },
        metadata: None,
    };
    let requests = if mesh.is_armed() { faults::to_application() } else { RequestHeaders::default() };
    route_configuration(INBOUND, vec![any_host(INBOUND, vec![route], false)], requests)
}

/// Nobody but a proxy says that a request was not sent: the two headers are removed from an application's
/// answers and, once it is clear that nothing more is tried, from what the caller gets.
fn route_configuration(
    name: &'static str,
    virtual_hosts: Vec<VirtualHost>,
    requests: RequestHeaders,
) -> RouteConfiguration {
    RouteConfiguration {
        name,
        virtual_hosts,
        requests,
        response_headers_to_remove: vec![UNSENT_HEADER, UNANSWERED_HEADER],
        ignore_port_in_host_matching: true,
        validate_clusters: false,
    }
}

fn any_host(name: &str, routes: Vec<Route>, counts_attempts: bool) -> VirtualHost {
    VirtualHost {
        name: name.to_owned(),
        domains: vec!["*".to_owned()],
        routes,
        include_request_attempt_count: counts_attempts,
    }
}

fn service_host(mesh: &Mesh<'_>, service: &ServiceName) -> VirtualHost {
    VirtualHost {
        name: service.to_string(),
        domains: vec![service.to_string()],
        routes: service_routes(mesh, service, "/").into(),
        // As Istio does; a fault may be drawn for each attempt.
        include_request_attempt_count: mesh.is_armed(),
    }
}

fn gateway_host(mesh: &Mesh<'_>, gateway: &Gateway) -> VirtualHost {
    let mut prefixes: Vec<_> =
        gateway.routes.iter().map(|route| (route.prefix.as_str(), &route.service)).collect();
    prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    let all = prefixes.into_iter().chain([("/", &gateway.service)]);
    let routes = all.flat_map(|(prefix, service)| service_routes(mesh, service, prefix)).collect();
    any_host(GATEWAY, routes, mesh.is_armed())
}

fn service_routes(mesh: &Mesh<'_>, service: &ServiceName, prefix: &str) -> [Route; 2] {
    let versions = mesh.versions(service);
    let lanes: Vec<_> = versions.iter().map(|version| (version.lane, version.routed())).collect();
    let to = BTreeMap::from([(METADATA_SERVICE, service.to_string())]);
    [(idempotent_route(service), Repeat::Idempotent), (other_route(service), Repeat::Other)].map(
        |(name, repeat)| Route {
            name,
            matches: RouteMatch { prefix: prefix.to_owned(), headers: repeat.header_matchers() },
            route: RouteAction {
                cluster_specifier: cluster_by_lane(
                    &mesh.group.spec.lane_header,
                    &lanes,
                    subset_cluster(service, None),
                ),
                // Long streams and WebSockets are no fault; what is idle ends by the stream's idle timeout.
                timeout: Duration::ZERO,
                retry_policy: Some(repeat.retry_policy()),
            },
            metadata: Some(Metadata { filter_metadata: BTreeMap::from([(METADATA, to.clone())]) }),
        },
    )
}
