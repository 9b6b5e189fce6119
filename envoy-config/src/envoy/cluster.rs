//! Messages of `envoy.config.cluster.v3` and `envoy.config.endpoint.v3`.

use serde::Serialize;

use super::any::Any;
use super::core::{Address, Duration, Empty, Extension};
use super::matcher::MatchPredicate;

/// `envoy.config.cluster.v3.Cluster`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) discovery: Discovery,
    pub(crate) connect_timeout: Duration,
    pub(crate) lb_policy: LbPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load_assignment: Option<ClusterLoadAssignment>,
    pub(crate) circuit_breakers: CircuitBreakers,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) typed_extension_protocol_options: Option<TypedExtensionProtocolOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) common_lb_config: Option<CommonLbConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outlier_detection: Option<OutlierDetection>,
    /// What its statistics are called instead of its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alt_stat_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<ClusterMetadata>,
}

/// The fields of a [`Cluster`] that istiod merges into the one that it made.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterPatch {
    pub(crate) typed_extension_protocol_options: TypedExtensionProtocolOptions,
}

/// `envoy.config.core.v3.Metadata` of a cluster in Istio's namespace.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterMetadata {
    pub(crate) filter_metadata: IstioMetadata,
}

/// The one namespace of a [`ClusterMetadata`].
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IstioMetadata {
    pub(crate) istio: Destination,
}

/// What Istio's statistics tell about where a request went.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Destination {
    pub(crate) services: [DestinationService; 1],
    pub(crate) subset: String,
}

/// A service in a [`Destination`].
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DestinationService {
    pub(crate) host: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

/// How a [`Cluster`] finds its endpoints.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Discovery {
    Type(DiscoveryType),
    ClusterType(Extension),
}

/// `envoy.config.cluster.v3.Cluster.DiscoveryType`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum DiscoveryType {
    Static,
}

/// `envoy.config.cluster.v3.Cluster.LbPolicy`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum LbPolicy {
    ClusterProvided,
    RoundRobin,
}

/// `envoy.extensions.clusters.aggregate.v3.ClusterConfig`: the members in order of preference.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AggregateClusterConfig {
    pub(crate) clusters: Vec<String>,
}

/// `envoy.config.endpoint.v3.ClusterLoadAssignment`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterLoadAssignment {
    pub(crate) cluster_name: String,
    pub(crate) endpoints: Vec<LocalityLbEndpoints>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<LoadAssignmentPolicy>,
}

/// `envoy.config.endpoint.v3.ClusterLoadAssignment.Policy`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadAssignmentPolicy {
    pub(crate) overprovisioning_factor: u32,
}

/// `envoy.config.endpoint.v3.LocalityLbEndpoints`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LocalityLbEndpoints {
    pub(crate) lb_endpoints: Vec<LbEndpoint>,
}

/// `envoy.config.endpoint.v3.LbEndpoint`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LbEndpoint {
    pub(crate) endpoint: Endpoint,
}

/// `envoy.config.endpoint.v3.Endpoint`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Endpoint {
    pub(crate) address: Address,
}

/// `envoy.config.cluster.v3.CircuitBreakers`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CircuitBreakers {
    pub(crate) thresholds: [Thresholds; 1],
}

/// `envoy.config.cluster.v3.CircuitBreakers.Thresholds`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Thresholds {
    pub(crate) max_connections: u32,
    pub(crate) max_pending_requests: u32,
    pub(crate) max_requests: u32,
    pub(crate) max_retries: u32,
}

/// `Cluster.typed_extension_protocol_options`, a map with the one key that we use.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TypedExtensionProtocolOptions {
    #[serde(rename = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")]
    pub(crate) http: Any,
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HttpProtocolOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) common_http_protocol_options: Option<CommonHttpProtocolOptions>,
    #[serde(flatten)]
    pub(crate) upstream_protocol: UpstreamProtocol,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outlier_detection: Option<HttpOutlierDetection>,
}

/// Which protocol an [`HttpProtocolOptions`] chooses.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UpstreamProtocol {
    UseDownstreamProtocolConfig(UseDownstreamHttpConfig),
    ExplicitHttpConfig(ExplicitHttpConfig),
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExplicitHttpConfig {
    HttpProtocolOptions(Empty),
    Http2ProtocolOptions(UpstreamHttp2Options),
}

/// `envoy.config.core.v3.HttpProtocolOptions`, with durations as the user wrote them.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CommonHttpProtocolOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle_timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_requests_per_connection: Option<u32>,
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HttpOutlierDetection {
    pub(crate) error_matcher: MatchPredicate,
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UseDownstreamHttpConfig {
    pub(crate) http_protocol_options: Empty,
    pub(crate) http2_protocol_options: UpstreamHttp2Options,
}

/// `envoy.config.core.v3.Http2ProtocolOptions` of a cluster.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct UpstreamHttp2Options {
    /// The most requests that a connection carries at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_concurrent_streams: Option<u32>,
}

/// `envoy.config.cluster.v3.Cluster.CommonLbConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CommonLbConfig {
    pub(crate) healthy_panic_threshold: Percent,
    pub(crate) update_merge_window: Duration,
}

/// `envoy.type.v3.Percent`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Percent {
    pub(crate) value: f64,
}

/// `envoy.config.cluster.v3.OutlierDetection`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OutlierDetection {
    pub(crate) interval: Duration,
    pub(crate) base_ejection_time: Duration,
    pub(crate) max_ejection_time: Duration,
    pub(crate) max_ejection_percent: u32,
    pub(crate) split_external_local_origin_errors: bool,
    pub(crate) consecutive_local_origin_failure: u32,
    pub(crate) enforcing_consecutive_local_origin_failure: u32,
    pub(crate) consecutive_5xx: u32,
    pub(crate) enforcing_consecutive_5xx: u32,
    pub(crate) enforcing_consecutive_gateway_failure: u32,
    pub(crate) enforcing_success_rate: u32,
    pub(crate) enforcing_local_origin_success_rate: u32,
}
