//! Clusters: the workloads of a lane or of the baseline, and the aggregate that falls back.
//!
//! An aggregate chooses the lane's endpoints while there are healthy ones and the baseline's otherwise.
//! Statistics, circuit breakers of retries and protocol are those of the routed cluster, so that the
//! aggregate has the same ones as its members; balancing and outlier detection work in the members.

use std::net::SocketAddr;

use crate::envoy::any::Any;
use crate::envoy::cluster::{
    AggregateClusterConfig, CircuitBreakers, Cluster, ClusterLoadAssignment, CommonLbConfig, Discovery,
    DiscoveryType, Endpoint, HttpOutlierDetection, HttpProtocolOptions, LbEndpoint, LbPolicy,
    LoadAssignmentPolicy, LocalityLbEndpoints, OutlierDetection, Percent, Thresholds,
    TypedExtensionProtocolOptions, UpstreamHttp2Options, UpstreamProtocol, UseDownstreamHttpConfig,
};
use crate::envoy::core::{Duration, Empty, Extension};
use crate::envoy::matcher::{HeaderMatcher, HttpHeadersMatch, MatchPredicate, MatchSet};
use crate::names::{UNANSWERED_HEADER, UNSENT_HEADER};

/// How long a connection may take; a lane's endpoint that does not answer at all holds a request this long.
///
/// Long enough for a SYN that a full backlog has dropped and the kernel sends again after one and after three
/// seconds: a rush of new connections is no reason to leave the lane.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The most requests on one HTTP/2 connection: what every server has to take (RFC 9113, section 6.5.2). Envoy
/// sends as many as it likes before it has heard of the server's own limit; those beyond it are refused, and
/// would leave their lane for the baseline.
pub(crate) const CONCURRENT_STREAMS: u32 = 100;

/// In percent: one healthy endpoint among a thousand takes all requests of its lane. By Envoy's default of
/// 140 a part of them would go to the baseline as soon as less than 71 % of the endpoints are healthy.
const OVERPROVISIONING_FACTOR: u32 = 100_000;

/// A cluster of fixed endpoints: an application, or the baseline of a service.
pub(crate) fn endpoints(name: String, addresses: &[SocketAddr]) -> Cluster {
    let assignment = load_assignment(name.clone(), addresses, None);
    Cluster {
        name,
        discovery: Discovery::Type(DiscoveryType::Static),
        connect_timeout: CONNECT_TIMEOUT,
        // By turns: among few endpoints the least loaded one is the one that fails at once, so that a retry
        // would be given it again and again.
        lb_policy: LbPolicy::RoundRobin,
        load_assignment: Some(assignment),
        circuit_breakers: no_limits(),
        typed_extension_protocol_options: Some(downstream_protocol(None)),
        common_lb_config: None,
        outlier_detection: None,
        alt_stat_name: None,
        metadata: None,
    }
}

/// The cluster of a lane's workloads of a service: its dead endpoints are ejected, all of them if need be,
/// and never chosen in panic, since the baseline stands behind them. Ejections are in force at once: merged
/// with others for a second, as Envoy does by default, one could come into force after its cause has gone.
pub(crate) fn lane_endpoints(name: String, addresses: &[SocketAddr]) -> Cluster {
    let policy = LoadAssignmentPolicy { overprovisioning_factor: OVERPROVISIONING_FACTOR };
    Cluster {
        load_assignment: Some(load_assignment(name.clone(), addresses, Some(policy))),
        common_lb_config: Some(CommonLbConfig {
            healthy_panic_threshold: Percent { value: 0.0 },
            update_merge_window: Duration::ZERO,
        }),
        outlier_detection: Some(ejection()),
        typed_extension_protocol_options: Some(downstream_protocol(Some(dead_application()))),
        ..endpoints(name, addresses)
    }
}

/// A cluster that uses the first of `members` that has healthy endpoints, with the limits and the protocol of
/// the standalone target.
pub(crate) fn standalone_aggregate(name: String, members: Vec<String>) -> Cluster {
    Cluster {
        connect_timeout: CONNECT_TIMEOUT,
        typed_extension_protocol_options: Some(downstream_protocol(Some(dead_application()))),
        ..aggregate(name, members)
    }
}

/// A cluster that uses the first of `members` that has healthy endpoints, without limits.
pub(crate) fn aggregate(name: String, members: Vec<String>) -> Cluster {
    let config = Any::AggregateClusterConfig(AggregateClusterConfig { clusters: members });
    Cluster {
        name,
        discovery: Discovery::ClusterType(Extension::new("envoy.clusters.aggregate", config)),
        // It connects to nothing itself; this is what Istio writes into every cluster.
        connect_timeout: Duration::from_secs(10),
        lb_policy: LbPolicy::ClusterProvided,
        load_assignment: None,
        circuit_breakers: no_limits(),
        typed_extension_protocol_options: None,
        common_lb_config: None,
        outlier_detection: None,
        alt_stat_name: None,
        metadata: None,
    }
}

fn load_assignment(
    cluster_name: String,
    addresses: &[SocketAddr],
    policy: Option<LoadAssignmentPolicy>,
) -> ClusterLoadAssignment {
    let lb_endpoint = |address: &SocketAddr| LbEndpoint { endpoint: Endpoint { address: (*address).into() } };
    let lb_endpoints = addresses.iter().map(lb_endpoint).collect();
    ClusterLoadAssignment { cluster_name, endpoints: vec![LocalityLbEndpoints { lb_endpoints }], policy }
}

/// Limits belong to whoever runs the mesh. Envoy's own, 1024 requests and 3 retries, would fail requests
/// just when a lane's workload dies under load; meshes such as Istio lift them too.
fn no_limits() -> CircuitBreakers {
    CircuitBreakers {
        thresholds: [Thresholds {
            max_connections: u32::MAX,
            max_pending_requests: u32::MAX,
            max_requests: u32::MAX,
            max_retries: u32::MAX,
        }],
    }
}

/// A request goes on in the protocol in which it came, so that gRPC stays HTTP/2 and an upgrade HTTP/1.1.
fn downstream_protocol(outlier_detection: Option<HttpOutlierDetection>) -> TypedExtensionProtocolOptions {
    TypedExtensionProtocolOptions {
        http: Any::HttpProtocolOptions(HttpProtocolOptions {
            common_http_protocol_options: None,
            upstream_protocol: UpstreamProtocol::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
                http_protocol_options: Empty {},
                http2_protocol_options: UpstreamHttp2Options {
                    max_concurrent_streams: Some(CONCURRENT_STREAMS),
                },
            }),
            outlier_detection,
        }),
    }
}

/// The responses that speak against an endpoint: those in which its proxy says that the application is dead.
/// What an application answers does not, be it a 503 that it only passes on: else the death of one workload
/// would eject all that call it.
fn dead_application() -> HttpOutlierDetection {
    let says = |name| HttpHeadersMatch { headers: vec![HeaderMatcher::present(name)] };
    let rules = [UNSENT_HEADER, UNANSWERED_HEADER].map(says).map(MatchPredicate::HttpResponseHeadersMatch);
    HttpOutlierDetection { error_matcher: MatchPredicate::OrMatch(MatchSet { rules: rules.into() }) }
}

/// Ejects an endpoint that cannot be reached, or whose proxy says in a row that the application is dead.
/// Ejections are short: until then each request costs one more attempt, so that little is won by long ones,
/// and an endpoint that is back is to be used again.
fn ejection() -> OutlierDetection {
    OutlierDetection {
        interval: Duration::from_secs(1),
        base_ejection_time: Duration::from_secs(2),
        max_ejection_time: Duration::from_secs(10),
        max_ejection_percent: 100,
        split_external_local_origin_errors: true,
        consecutive_local_origin_failure: 3,
        enforcing_consecutive_local_origin_failure: 100,
        consecutive_5xx: 5,
        enforcing_consecutive_5xx: 100,
        enforcing_consecutive_gateway_failure: 0,
        enforcing_success_rate: 0,
        enforcing_local_origin_success_rate: 0,
    }
}
