//! `google.protobuf.Any`: every message that we put into a typed field, with its type URL.

use serde::Serialize;

use super::access_log::{FileAccessLog, StderrAccessLog};
use super::cluster::{AggregateClusterConfig, Cluster, HttpProtocolOptions};
use super::discovery::TypedExtensionConfig;
use super::fault::HttpFault;
use super::hcm::{HeaderMutation, HttpConnectionManager, HttpConnectionManagerPatch, Rbac, Router};
use super::listener::Listener;
use super::matcher::{ClusterAction, HttpRequestHeaderMatchInput, MatcherClusterSpecifier};
use super::retry::{PreviousHostsPredicate, PreviousPrioritiesConfig};
use super::route::RouteConfiguration;
use super::tls::DownstreamTlsContext;
use super::wasm::{StringValue, Wasm};

/// A message with its type URL.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "@type")]
pub(crate) enum Any {
    #[serde(rename = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig")]
    AggregateClusterConfig(AggregateClusterConfig),
    #[serde(rename = "type.googleapis.com/envoy.config.cluster.v3.Cluster")]
    Cluster(Box<Cluster>),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction"
    )]
    ClusterAction(ClusterAction),
    #[serde(rename = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext")]
    DownstreamTlsContext(DownstreamTlsContext),
    #[serde(rename = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog")]
    FileAccessLog(FileAccessLog),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    )]
    HeaderMutation(HeaderMutation),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    )]
    HttpConnectionManager(Box<HttpConnectionManager>),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    )]
    HttpConnectionManagerPatch(HttpConnectionManagerPatch),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault")]
    HttpFault(Box<HttpFault>),
    #[serde(rename = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions")]
    HttpProtocolOptions(HttpProtocolOptions),
    #[serde(rename = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput")]
    HttpRequestHeaderMatchInput(HttpRequestHeaderMatchInput),
    #[serde(rename = "type.googleapis.com/envoy.config.listener.v3.Listener")]
    Listener(Listener),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier"
    )]
    MatcherClusterSpecifier(MatcherClusterSpecifier),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    )]
    PreviousHostsPredicate(PreviousHostsPredicate),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
    )]
    PreviousPrioritiesConfig(PreviousPrioritiesConfig),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC")]
    Rbac(Rbac),
    #[serde(rename = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration")]
    RouteConfiguration(RouteConfiguration),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router")]
    Router(Router),
    #[serde(rename = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog")]
    StderrAccessLog(StderrAccessLog),
    #[serde(rename = "type.googleapis.com/google.protobuf.StringValue")]
    StringValue(StringValue),
    #[serde(rename = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig")]
    TypedExtensionConfig(Box<TypedExtensionConfig>),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm")]
    Wasm(Wasm),
}

/// The type URLs that the Wasm filter discovered by ECDS may have: its own and that of what stands in for it.
pub(crate) const FILTER_TYPE_URLS: [&str; 2] =
    ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", STAND_IN_TYPE_URL];

/// The type URLs that the fault filter discovered by ECDS may have.
pub(crate) const FAULT_TYPE_URLS: [&str; 2] =
    ["type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", STAND_IN_TYPE_URL];

const STAND_IN_TYPE_URL: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
