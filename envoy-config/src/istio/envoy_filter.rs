//! EnvoyFilters, as types: the operations that we use.

use serde::Serialize;

use super::input::{Labels, ProxyKind};
use crate::envoy::any::Any;
use crate::envoy::cluster::{Cluster, ClusterPatch};
use crate::envoy::core::Extension;
use crate::envoy::discovery::TypedExtensionConfig;
use crate::envoy::hcm::HttpFilter;
use crate::envoy::route::{RouteConfigurationPatch, RouteHeaders, RoutePatch};
use crate::names::ROUTER;

/// The connection manager among the network filters.
pub(super) const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";

/// Not zero, so that inserting relative to a filter counts as intended and not as an accident.
const PRIORITY: i32 = 10;

/// The `spec` of an EnvoyFilter.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvoyFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    workload_selector: Option<WorkloadSelector>,
    priority: i32,
    config_patches: Vec<ConfigPatch>,
}

/// The pods whose proxies an EnvoyFilter patches.
#[derive(Clone, Debug, Serialize)]
struct WorkloadSelector {
    labels: Labels,
}

/// One patch.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigPatch {
    apply_to: ApplyTo,
    r#match: Match,
    patch: Patch,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ApplyTo {
    Cluster,
    ExtensionConfig,
    HttpFilter,
    HttpRoute,
    NetworkFilter,
    RouteConfiguration,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    context: Context,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<ListenerMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route_configuration: Option<RouteConfigurationMatch>,
}

/// The listeners and proxies of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Context {
    /// All of them: what istiod makes of every context of an extension's configuration.
    Any,
    /// What a sidecar receives.
    SidecarInbound,
    /// What a sidecar sends.
    SidecarOutbound,
    /// What a gateway receives and sends.
    Gateway,
}

impl From<ProxyKind> for Context {
    /// Where a proxy of that kind calls a service.
    fn from(kind: ProxyKind) -> Self {
        match kind {
            ProxyKind::Sidecar => Self::SidecarOutbound,
            ProxyKind::Gateway => Self::Gateway,
        }
    }
}

/// Clusters of a service.
#[derive(Clone, Debug, Serialize)]
struct ClusterMatch {
    service: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ListenerMatch {
    filter_chain: FilterChainMatch,
}

#[derive(Clone, Debug, Serialize)]
struct FilterChainMatch {
    filter: FilterMatch,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FilterMatch {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_filter: Option<SubFilterMatch>,
}

#[derive(Clone, Debug, Serialize)]
struct SubFilterMatch {
    name: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct RouteConfigurationMatch {
    vhost: VirtualHostMatch,
}

/// Routes by their virtual host and name.
#[derive(Clone, Debug, Serialize)]
struct VirtualHostMatch {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteMatch>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct RouteMatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<RouteAction>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RouteAction {
    Route,
}

#[derive(Clone, Debug, Serialize)]
struct Patch {
    operation: Operation,
    value: Value,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Operation {
    Add,
    InsertBefore,
    InsertFirst,
    Merge,
}

/// What a patch brings.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Value {
    Cluster(Box<Cluster>),
    ClusterPatch(ClusterPatch),
    Extension(Box<TypedExtensionConfig>),
    HttpFilter(Box<HttpFilter>),
    NetworkFilter(Extension),
    Route(Box<RoutePatch>),
    RouteHeaders(RouteHeaders),
    RouteConfiguration(RouteConfigurationPatch),
    Json(serde_json::Value),
}

impl EnvoyFilter {
    /// For all proxies of the namespace.
    pub(super) fn new(config_patches: Vec<ConfigPatch>) -> Self {
        Self { workload_selector: None, priority: PRIORITY, config_patches }
    }

    /// For the proxies of the pods with these labels. Selector and priority hold for all patches alike, so that
    /// a filter never stands without its configuration.
    pub(super) fn selecting(labels: Labels, config_patches: Vec<ConfigPatch>) -> Self {
        Self { workload_selector: Some(WorkloadSelector { labels }), ..Self::new(config_patches) }
    }
}

impl ConfigPatch {
    /// Adds a cluster.
    pub(super) fn cluster(context: Context, cluster: Cluster) -> Self {
        let add = Operation::Add;
        Self::unmatched(ApplyTo::Cluster, context, add, Value::Cluster(Box::new(cluster)))
    }

    /// Merges protocol options into the clusters of a service; those that istiod made are replaced as a whole.
    pub(super) fn protocol_options(context: Context, service: String, options: ClusterPatch) -> Self {
        let merge = Operation::Merge;
        let mut patch = Self::unmatched(ApplyTo::Cluster, context, merge, Value::ClusterPatch(options));
        patch.r#match.cluster = Some(ClusterMatch { service });
        patch
    }

    /// Adds a resource of ECDS.
    pub(super) fn extension_config(resource: TypedExtensionConfig) -> Self {
        let add = Operation::Add;
        Self::unmatched(ApplyTo::ExtensionConfig, Context::Any, add, Value::Extension(Box::new(resource)))
    }

    /// Merges fields into all route configurations.
    pub(super) fn route_configuration(context: Context, fields: RouteConfigurationPatch) -> Self {
        let merge = Operation::Merge;
        Self::unmatched(ApplyTo::RouteConfiguration, context, merge, Value::RouteConfiguration(fields))
    }

    fn unmatched(apply_to: ApplyTo, context: Context, operation: Operation, value: Value) -> Self {
        let r#match = Match { context, cluster: None, listener: None, route_configuration: None };
        Self { apply_to, r#match, patch: Patch { operation, value } }
    }

    /// Inserts a filter directly before the router, after all that is there already.
    pub(super) fn http_filter(context: Context, filter: HttpFilter) -> Self {
        Self {
            apply_to: ApplyTo::HttpFilter,
            r#match: Match::connection_manager(context, Some(SubFilterMatch { name: ROUTER })),
            patch: Patch { operation: Operation::InsertBefore, value: Value::HttpFilter(Box::new(filter)) },
        }
    }

    /// Merges fields into connection managers.
    pub(super) fn connection_manager(context: Context, fields: Any) -> Self {
        let filter = Extension::new(CONNECTION_MANAGER, fields);
        Self {
            apply_to: ApplyTo::NetworkFilter,
            r#match: Match::connection_manager(context, None),
            patch: Patch { operation: Operation::Merge, value: Value::NetworkFilter(filter) },
        }
    }

    /// Merges fields into the forwarding routes of a virtual host: those of one name, or all.
    pub(super) fn merge_route(
        context: Context,
        host: String,
        route: Option<String>,
        fields: RoutePatch,
    ) -> Self {
        let route = RouteMatch { name: route, action: Some(RouteAction::Route) };
        Self {
            apply_to: ApplyTo::HttpRoute,
            r#match: Match::routes(context, host, Some(route)),
            patch: Patch { operation: Operation::Merge, value: Value::Route(Box::new(fields)) },
        }
    }

    /// Merges fields about headers into the forwarding routes of a virtual host.
    pub(super) fn merge_headers(context: Context, host: &str, headers: RouteHeaders) -> Self {
        let route = RouteMatch { name: None, action: Some(RouteAction::Route) };
        Self {
            apply_to: ApplyTo::HttpRoute,
            r#match: Match::routes(context, host.to_owned(), Some(route)),
            patch: Patch { operation: Operation::Merge, value: Value::RouteHeaders(headers) },
        }
    }

    /// Inserts a route before the one of that name, or before all: then the last one inserted stands first.
    pub(super) fn insert_route(
        context: Context,
        host: String,
        before: Option<String>,
        route: serde_json::Value,
    ) -> Self {
        let operation = if before.is_some() { Operation::InsertBefore } else { Operation::InsertFirst };
        let before = before.map(|name| RouteMatch { name: Some(name), action: None });
        Self {
            apply_to: ApplyTo::HttpRoute,
            r#match: Match::routes(context, host, before),
            patch: Patch { operation, value: Value::Json(route) },
        }
    }
}

impl Match {
    fn connection_manager(context: Context, sub_filter: Option<SubFilterMatch>) -> Self {
        let filter = FilterMatch { name: CONNECTION_MANAGER, sub_filter };
        let listener = Some(ListenerMatch { filter_chain: FilterChainMatch { filter } });
        Self { context, cluster: None, listener, route_configuration: None }
    }

    fn routes(context: Context, name: String, route: Option<RouteMatch>) -> Self {
        let vhost = VirtualHostMatch { name, route };
        let route_configuration = Some(RouteConfigurationMatch { vhost });
        Self { context, cluster: None, listener: None, route_configuration }
    }
}
