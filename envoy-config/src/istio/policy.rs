//! What an aggregate copies from its lane's subset, whose policy istiod takes from the user's rules.
//!
//! Statistics, limits and the protocol are those of the cluster that a route names; TLS, balancing, hashing and
//! outlier detection work in the members.

use lane::name::{LaneName, NamespaceName};

use serde_json::{Value, json};

use super::destination_rule::{ConnectionPool, HttpSettings, Settings, TrafficPolicy};
use super::input::{Port, ProxyKind, Service};
use super::mesh::Mesh;
use super::names;
use super::protocol::Protocol;
use crate::envoy::any::Any;
use crate::envoy::cluster::{
    CircuitBreakers, Cluster, ClusterMetadata, CommonHttpProtocolOptions, Destination, DestinationService,
    ExplicitHttpConfig, HttpProtocolOptions, IstioMetadata, Thresholds, TypedExtensionProtocolOptions,
    UpstreamHttp2Options, UpstreamProtocol, UseDownstreamHttpConfig,
};
use crate::envoy::core::Empty;

/// The aggregate with what the subset of `lane` has at proxies of a kind under the rules that hold in their namespace.
pub(super) fn like_subset<'a>(
    aggregate: Cluster,
    mesh: &Mesh<'a>,
    (caller, kind): (&'a NamespaceName, ProxyKind),
    (service, port, lane): (&'a Service, &Port, &LaneName),
) -> Cluster {
    let pool = settings(mesh, service, caller, port.number).connection_pool;
    let subset = names::subset(Some(lane));
    let services = [DestinationService {
        host: service.host.clone(),
        name: service.name.to_string(),
        namespace: service.namespace.to_string(),
    }];
    Cluster {
        circuit_breakers: CircuitBreakers { thresholds: [thresholds(&pool)] },
        typed_extension_protocol_options: protocol_options(&port.protocol, kind, &pool.http),
        // With istiod's separator between name and statistic.
        alt_stat_name: Some(format!("{};", names::subset_cluster(&service.host, port.number, Some(lane)))),
        metadata: Some(ClusterMetadata {
            filter_metadata: IstioMetadata { istio: Destination { services, subset } },
        }),
        ..aggregate
    }
}

/// What a route says of the user's consistent hashing, which istiod writes into the route and not into the cluster
/// (`consistentHashToHashPolicy` in `pilot/pkg/networking/core/route/route.go`); nothing where there is none.
pub(super) fn hash_policy<'a>(
    mesh: &Mesh<'a>,
    service: &'a Service,
    caller: &'a NamespaceName,
    port: u16,
) -> Option<Value> {
    let hash = settings(mesh, service, caller, port).load_balancer.consistent_hash;
    if let Some(name) = hash.http_header_name {
        return Some(json!({ "header": { "header_name": name } }));
    }
    if let Some(cookie) = hash.http_cookie {
        let ttl = cookie.ttl.as_deref().and_then(protobuf_duration);
        let mut policy = json!({ "name": cookie.name, "path": cookie.path });
        if let (Some(ttl), Some(fields)) = (ttl, policy.as_object_mut()) {
            fields.insert("ttl".to_owned(), ttl.into());
        }
        return Some(json!({ "cookie": policy }));
    }
    if let Some(name) = hash.http_query_parameter_name {
        return Some(json!({ "query_parameter": { "name": name } }));
    }
    hash.use_source_ip.then(|| json!({ "connection_properties": { "source_ip": true } }))
}

/// The user's settings for a port: those for the port replace those for all.
fn settings<'a>(mesh: &Mesh<'a>, service: &'a Service, caller: &'a NamespaceName, port: u16) -> Settings {
    let place = mesh.place(service, caller);
    let general = place.rules.iter().filter(|rule| rule.spec.workload_selector.is_none());
    let policy = general.filter_map(|rule| rule.spec.traffic_policy.clone()).next();
    let policy: TrafficPolicy =
        policy.and_then(|policy| serde_json::from_value(policy).ok()).unwrap_or_default();
    let of_port = policy.port_level_settings.into_iter().find(|of_port| of_port.port.number == port);
    of_port.map_or(policy.settings, |of_port| of_port.settings)
}

/// Zero, or nothing said, is no limit.
fn thresholds(pool: &ConnectionPool) -> Thresholds {
    let limit = |number: u32| if number == 0 { u32::MAX } else { number };
    Thresholds {
        max_connections: limit(pool.tcp.max_connections),
        max_pending_requests: limit(pool.http.http1_max_pending_requests),
        max_requests: limit(pool.http.http2_max_requests),
        max_retries: limit(pool.http.max_retries),
    }
}

/// `setUpstreamProtocol` in `pilot/pkg/networking/core/cluster_builder.go`: where the protocol of a port is not
/// declared, a sidecar goes on with what its client speaks; a gateway does not find out.
fn protocol_options(
    protocol: &Protocol,
    kind: ProxyKind,
    http: &HttpSettings,
) -> Option<TypedExtensionProtocolOptions> {
    let is_http2 = protocol.is_http2() || http.h2_upgrade_policy == "UPGRADE";
    let is_found_out = *protocol == Protocol::Auto && kind == ProxyKind::Sidecar;
    let follows_client = http.use_client_protocol || is_found_out;
    let common = CommonHttpProtocolOptions {
        idle_timeout: http.idle_timeout.as_deref().and_then(protobuf_duration),
        max_requests_per_connection: (http.max_requests_per_connection > 0)
            .then_some(http.max_requests_per_connection),
    };
    let has_common = common.idle_timeout.is_some() || common.max_requests_per_connection.is_some();
    if !is_http2 && !has_common && !follows_client {
        return None;
    }
    let upstream_protocol = if follows_client {
        UpstreamProtocol::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
            http_protocol_options: Empty {},
            http2_protocol_options: UpstreamHttp2Options::default(),
        })
    } else if is_http2 {
        UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::Http2ProtocolOptions(
            UpstreamHttp2Options::default(),
        ))
    } else {
        UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::HttpProtocolOptions(Empty {}))
    };
    Some(TypedExtensionProtocolOptions {
        http: Any::HttpProtocolOptions(HttpProtocolOptions {
            common_http_protocol_options: has_common.then_some(common),
            upstream_protocol,
            outlier_detection: None,
        }),
    })
}

/// A duration as protobuf's JSON has it, in seconds; `None` for any other way to write one, which istiod would
/// drop with the whole patch.
pub(super) fn protobuf_duration(text: &str) -> Option<String> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    (seconds >= 0.0).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::istio::mk_input::mk_input;

    /// What the routes to `c` say where the user's rule for it has this policy.
    fn hashed_by(policy: Value) -> Option<Value> {
        let rule =
            json!({ "namespace": "demo", "name": "c", "spec": { "host": "c", "trafficPolicy": policy } });
        let input = mk_input(json!({ "destinationRules": [rule] }));
        let (mesh, _) = Mesh::new(&input);
        let service = input.services.iter().find(|service| service.name.as_str() == "c").unwrap();
        hash_policy(&mesh, service, &input.callers[0].namespace, 8080)
    }

    #[test]
    fn an_aggregate_speaks_as_its_subset_does() {
        let speaks = |protocol: Protocol, kind: ProxyKind, http: HttpSettings| {
            let options = protocol_options(&protocol, kind, &http);
            let options = serde_json::to_value(options).unwrap();
            let fields = options.pointer("/envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
            let fields = fields.and_then(Value::as_object).into_iter().flat_map(|fields| fields.keys());
            fields.filter(|key| *key != "@type").cloned().collect::<Vec<_>>().join(" ")
        };
        let client = || HttpSettings { use_client_protocol: true, ..HttpSettings::default() };
        let cases = [
            (Protocol::Http, ProxyKind::Sidecar, HttpSettings::default(), ""),
            (Protocol::Grpc, ProxyKind::Gateway, HttpSettings::default(), "explicit_http_config"),
            (Protocol::Auto, ProxyKind::Sidecar, HttpSettings::default(), "use_downstream_protocol_config"),
            (Protocol::Auto, ProxyKind::Gateway, HttpSettings::default(), ""),
            (Protocol::Http, ProxyKind::Gateway, client(), "use_downstream_protocol_config"),
        ];
        for (protocol, kind, http, expected) in cases {
            assert_eq!(speaks(protocol.clone(), kind, http), expected, "{protocol:?} {kind:?}");
        }
    }

    #[test]
    fn routes_hash_by_what_the_user_says() {
        let by = |hash: Value| hashed_by(json!({ "loadBalancer": { "consistentHash": hash } }));
        let header = json!({ "header": { "header_name": "x-user" } });
        let cases = [
            (json!({ "httpHeaderName": "x-user" }), Some(header.clone())),
            (
                json!({ "httpCookie": { "name": "u", "path": "/", "ttl": "60s" } }),
                Some(json!({ "cookie": { "name": "u", "path": "/", "ttl": "60s" } })),
            ),
            (
                json!({ "httpCookie": { "name": "u" } }),
                Some(json!({ "cookie": { "name": "u", "path": "" } })),
            ),
            (
                json!({ "httpQueryParameterName": "user" }),
                Some(json!({ "query_parameter": { "name": "user" } })),
            ),
            (json!({ "useSourceIp": true }), Some(json!({ "connection_properties": { "source_ip": true } }))),
            (json!({ "useSourceIp": false }), None),
        ];
        for (hash, expected) in cases {
            assert_eq!(by(hash.clone()), expected, "{hash}");
        }
        assert_eq!(hashed_by(json!({ "loadBalancer": { "simple": "ROUND_ROBIN" } })), None);
        let port = |number: u16| json!({ "port": { "number": number } });
        let of_port = |number| {
            hashed_by(json!({
                "loadBalancer": { "consistentHash": { "httpHeaderName": "x-user" } },
                "portLevelSettings": [port(number)],
            }))
        };
        assert_eq!(
            (of_port(8080), of_port(9090)),
            (None, Some(header)),
            "a port's settings replace all others"
        );
    }
}
