//! Messages of `envoy.config.route.v3`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::core::{Duration, Extension, HeaderValueOption, is_false};
use super::matcher::HeaderMatcher;
use super::retry::{RetryPolicy, RetryPriorityPatch};

/// `envoy.config.route.v3.RouteConfiguration`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RouteConfiguration {
    pub(crate) name: &'static str,
    pub(crate) virtual_hosts: Vec<VirtualHost>,
    #[serde(flatten)]
    pub(crate) requests: RequestHeaders,
    pub(crate) response_headers_to_remove: Vec<&'static str>,
    pub(crate) ignore_port_in_host_matching: bool,
    /// False: a route may name a cluster that CDS brings later or has taken away.
    pub(crate) validate_clusters: bool,
}

/// The fields of a [`RouteConfiguration`] about the headers of requests; removing comes before adding.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RequestHeaders {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) request_headers_to_add: Vec<HeaderValueOption>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) request_headers_to_remove: Vec<String>,
}

/// `envoy.config.route.v3.VirtualHost`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct VirtualHost {
    pub(crate) name: String,
    pub(crate) domains: Vec<String>,
    pub(crate) routes: Vec<Route>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) include_request_attempt_count: bool,
}

/// `envoy.config.route.v3.Route`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Route {
    pub(crate) name: String,
    #[serde(rename = "match")]
    pub(crate) matches: RouteMatch,
    pub(crate) route: RouteAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
}

/// `envoy.config.route.v3.RouteMatch`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RouteMatch {
    pub(crate) prefix: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<HeaderMatcher>,
}

/// `envoy.config.route.v3.RouteAction`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RouteAction {
    #[serde(flatten)]
    pub(crate) cluster_specifier: ClusterSpecifier,
    pub(crate) timeout: Duration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_policy: Option<RetryPolicy>,
}

/// How a [`RouteAction`] finds its cluster.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClusterSpecifier {
    Cluster(String),
    InlineClusterSpecifierPlugin(ClusterSpecifierPlugin),
}

/// `envoy.config.route.v3.ClusterSpecifierPlugin`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterSpecifierPlugin {
    pub(crate) extension: Extension,
}

/// The fields of a [`Route`] that istiod merges into the one that it made.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RoutePatch {
    pub(crate) route: RouteActionPatch,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
    #[serde(flatten)]
    pub(crate) headers: RouteHeaders,
}

/// The fields of a [`Route`] about headers; istiod appends them to the user's.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RouteHeaders {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) request_headers_to_add: Vec<HeaderValueOption>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) request_headers_to_remove: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) response_headers_to_remove: Vec<&'static str>,
}

/// The fields of a [`RouteConfiguration`] that istiod merges into the one that it made.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RouteConfigurationPatch {
    #[serde(flatten)]
    pub(crate) requests: RequestHeaders,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) response_headers_to_remove: Vec<&'static str>,
}

/// The fields of a [`RouteAction`] in a [`RoutePatch`].
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RouteActionPatch {
    #[serde(flatten)]
    pub(crate) cluster_specifier: ClusterSpecifier,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_policy: Option<RetryPriorityPatch>,
}

/// `envoy.config.core.v3.Metadata`: texts by namespace and key.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Metadata {
    pub(crate) filter_metadata: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}
