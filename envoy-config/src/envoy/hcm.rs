//! The HTTP connection manager and the filters inside it.

use serde::Serialize;

use super::access_log::AccessLogFilter;
use super::any::Any;
use super::core::{
    ConfigSource, Duration, Extension, HeaderValueOption, SubstitutionFormatString, is_false, is_zero,
};
use super::matcher::StringMatcher;
use super::route::RouteConfiguration;

/// `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HttpConnectionManager {
    pub(crate) stat_prefix: &'static str,
    #[serde(flatten)]
    pub(crate) route_specifier: RouteSpecifier,
    pub(crate) http_filters: Vec<HttpFilter>,
    pub(crate) upgrade_configs: Vec<UpgradeConfig>,
    pub(crate) stream_idle_timeout: Duration,
    pub(crate) local_reply_config: LocalReplyConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) use_remote_address: Option<bool>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) xff_num_trusted_hops: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http2_protocol_options: Option<Http2ProtocolOptions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) early_header_mutation_extensions: Vec<Extension>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) access_log: Vec<Extension>,
}

/// The fields of an [`HttpConnectionManager`] that istiod merges into its own.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct HttpConnectionManagerPatch {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) early_header_mutation_extensions: Vec<Extension>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) local_reply_config: Option<LocalReplyConfig>,
}

/// How an [`HttpConnectionManager`] finds its routes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RouteSpecifier {
    Rds(Rds),
    RouteConfig(RouteConfiguration),
}

/// `envoy.extensions.filters.network.http_connection_manager.v3.Rds`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rds {
    pub(crate) route_config_name: &'static str,
    pub(crate) config_source: ConfigSource,
}

/// `envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HttpFilter {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) config: HttpFilterConfig,
}

/// How an [`HttpFilter`] is configured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HttpFilterConfig {
    ConfigDiscovery(ExtensionConfigSource),
    TypedConfig(Any),
}

/// `envoy.config.core.v3.ExtensionConfigSource`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExtensionConfigSource {
    pub(crate) config_source: ConfigSource,
    pub(crate) default_config: Any,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) apply_default_config_without_warming: bool,
    pub(crate) type_urls: [&'static str; 2],
}

/// `envoy.extensions.filters.http.router.v3.Router`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Router {}

/// `envoy.extensions.filters.http.rbac.v3.RBAC` without rules: allows everything, at no cost.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rbac {}

/// `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UpgradeConfig {
    pub(crate) upgrade_type: &'static str,
}

/// `envoy.config.core.v3.Http2ProtocolOptions`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Http2ProtocolOptions {
    pub(crate) max_concurrent_streams: u32,
    pub(crate) initial_stream_window_size: u32,
    pub(crate) initial_connection_window_size: u32,
}

/// `envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HeaderMutation {
    pub(crate) mutations: Vec<Mutation>,
}

/// `envoy.config.common.mutation_rules.v3.HeaderMutation`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mutation {
    /// Removes all lines of a header.
    Remove(String),
    /// Removes all headers whose name matches.
    RemoveOnMatch(RemoveOnMatch),
}

/// `envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RemoveOnMatch {
    pub(crate) key_matcher: StringMatcher,
}

/// `envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LocalReplyConfig {
    pub(crate) mappers: Vec<ResponseMapper>,
}

/// `envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ResponseMapper {
    pub(crate) filter: AccessLogFilter,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_format_override: Option<SubstitutionFormatString>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers_to_add: Vec<HeaderValueOption>,
}
