//! How an Envoy is started as the proxy of a pod: whom it says it is, and what it counts.
//!
//! Statistics are counted and tagged as in Istio's own bootstrap, since receipts have to get through there; what
//! tests look at beyond is added.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

/// The version that proxies say they have.
const ISTIO_VERSION: &str = "1.30.3";

/// What Istio counts by default.
const COUNTED_PREFIXES: [&str; 8] = [
    "reporter=",
    "cluster_manager",
    "listener_manager",
    "server",
    "cluster.xds-grpc",
    "wasm",
    "component",
    "istio",
];

/// What tests look at beyond that: how connections end and what was refused.
const LOOKED_AT: [&str; 6] = [
    "downstream_cx_active",
    "downstream_cx_destroy_local",
    "downstream_cx_drain_close",
    "update_rejected",
    "update_success",
    "config_reload",
];

/// A pod as its proxy sees it.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) ip: IpAddr,
    pub(super) is_gateway: bool,
}

/// The bootstrap of a pod's proxy, with the metrics port of Istio and an administration interface at `admin`.
pub(super) fn bootstrap(identity: &Identity, istiod: SocketAddr, admin: SocketAddr) -> Value {
    let Identity { namespace, name, labels, ip, is_gateway } = identity;
    let kind = if *is_gateway { "router" } else { "sidecar" };
    json!({
        "node": {
            "id": format!("{kind}~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local"),
            "cluster": format!("{name}.{namespace}"),
            "metadata": {
                "ISTIO_VERSION": ISTIO_VERSION,
                "CLUSTER_ID": "Kubernetes",
                "NAMESPACE": namespace,
                "NAME": name,
                "LABELS": labels,
                "INSTANCE_IPS": ip.to_string(),
                "INTERCEPTION_MODE": "NONE",
            },
        },
        "admin": { "address": address(admin) },
        "stats_config": stats_config(),
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": true,
                "grpc_services": [{ "envoy_grpc": { "cluster_name": "xds-grpc" } }],
            },
            "cds_config": { "ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3" },
            "lds_config": { "ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3" },
        },
        "static_resources": {
            "clusters": [cluster("prometheus_stats", admin, false), cluster("xds-grpc", istiod, true)],
            "listeners": [metrics_listener(*ip)],
        },
    })
}

fn stats_config() -> Value {
    let prefixes = COUNTED_PREFIXES.iter().map(|prefix| json!({ "prefix": prefix }));
    let suffixes = LOOKED_AT.iter().map(|suffix| json!({ "suffix": suffix }));
    json!({
        "use_all_default_tags": false,
        "stats_tags": [
            { "tag_name": "cluster_name", "regex": "^cluster(\\.(.+);)" },
            { "tag_name": "tag", "regex": "(tag\\.(.+?);\\.)" },
            { "tag_name": "wasm_filter", "regex": "(wasm_filter\\.(.+?)\\.)" },
        ],
        "stats_matcher": { "inclusion_list": { "patterns": prefixes.chain(suffixes).collect::<Vec<_>>() } },
    })
}

fn cluster(name: &str, to: SocketAddr, http2: bool) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(to) } });
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] },
    });
    if http2 {
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} },
            },
        });
    }
    cluster
}

/// The port on which Istio offers the metrics of every pod.
fn metrics_listener(ip: IpAddr) -> Value {
    let route =
        json!({ "match": { "prefix": "/stats/prometheus" }, "route": { "cluster": "prometheus_stats" } });
    json!({
        "name": "metrics",
        "address": address(SocketAddr::new(ip, 15090)),
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "stats",
                "route_config": { "virtual_hosts": [{ "name": "backend", "domains": ["*"], "routes": [route] }] },
                "http_filters": [{
                    "name": "envoy.filters.http.router",
                    "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                }],
            },
        }] }],
    })
}

fn address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}
