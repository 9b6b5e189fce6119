//! The configuration of the measured Envoy: one listener for each row, all in one process.

use serde_json::{Value, json};

use super::filters;
use crate::ours::{BASELINE, LANE, LANE_HEADER};

/// Cluster of the baseline's upstream.
pub(crate) const BASELINE_CLUSTER: &str = "b_baseline";
/// Cluster of the lane's upstream.
pub(crate) const LANE_CLUSTER: &str = "b_gray";
/// Cluster that prefers the lane and falls back to the baseline.
pub(crate) const FALLBACK_CLUSTER: &str = "b_gray_or_baseline";

/// What a listener does with a request that has passed its filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routes {
    /// One route, answered by Envoy itself.
    One,
    /// A route for the lane header and one for the rest, answered by Envoy itself.
    ByLane,
    /// A route to the baseline's cluster.
    Cluster,
    /// A route with the matcher that maps the lane header to a cluster.
    Matcher {
        /// The lane's cluster.
        lane_cluster: &'static str,
    },
}

impl Routes {
    /// Whether requests are forwarded instead of being answered by Envoy itself.
    pub(crate) fn need_upstream(self) -> bool {
        matches!(self, Self::Cluster | Self::Matcher { .. })
    }
}

/// A listener to be measured.
pub(crate) struct Listener<'a> {
    pub(crate) name: &'a str,
    pub(crate) port: u16,
    pub(crate) routes: Routes,
    /// HTTP filters in front of the router.
    pub(crate) filters: &'a [Value],
    /// Whether the connection manager removes headers of outsiders before it chooses a route.
    pub(crate) early_removal: bool,
}

/// Where the upstreams listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upstreams {
    pub(crate) baseline: u16,
    pub(crate) lane: u16,
}

/// A bootstrap with these listeners, and clusters for those that need an upstream.
pub(crate) fn bootstrap(listeners: &[Listener<'_>], upstreams: Option<Upstreams>) -> Value {
    let clusters = upstreams.map(clusters).unwrap_or_default();
    json!({
        // Envoy takes no configuration by discovery without a name of its own.
        "node": {"id": "bench", "cluster": "bench"},
        "admin": {"address": address(0)},
        "static_resources": {
            "listeners": listeners.iter().map(listener).collect::<Vec<_>>(),
            "clusters": clusters,
        },
    })
}

/// The bootstrap of the upstreams: each answers with the name of what it stands for.
pub(crate) fn upstream_bootstrap(upstreams: Upstreams) -> Value {
    let answers = [(BASELINE, upstreams.baseline), (LANE, upstreams.lane)];
    let listener = |(body, port): (&str, u16)| {
        let routes = json!([direct(json!({"prefix": "/"}), body)]);
        listener_json(body, port, connection_manager(body, &routes, &[], false))
    };
    json!({
        "admin": {"address": address(0)},
        "static_resources": {"listeners": answers.map(listener)},
    })
}

fn listener(listener: &Listener<'_>) -> Value {
    let Listener { name, port, routes, filters, early_removal } = listener;
    listener_json(name, *port, connection_manager(name, &routes_json(*routes), filters, *early_removal))
}

fn listener_json(name: &str, port: u16, connection_manager: Value) -> Value {
    json!({
        "name": name,
        "address": address(port),
        "filter_chains": [{
            "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connection_manager}],
        }],
    })
}

fn connection_manager(name: &str, routes: &Value, http_filters: &[Value], early_removal: bool) -> Value {
    let router = filters::router();
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"name": name, "virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
        "http_filters": http_filters.iter().chain([&router]).collect::<Vec<_>>(),
    });
    if early_removal {
        manager["early_header_mutation_extensions"] = json!([filters::early_removal()]);
    }
    manager
}

fn routes_json(routes: Routes) -> Value {
    let all = json!({"prefix": "/"});
    match routes {
        Routes::One => json!([direct(all, BASELINE)]),
        Routes::ByLane => {
            let in_lane =
                json!({"prefix": "/", "headers": [{"name": LANE_HEADER, "string_match": {"exact": LANE}}]});
            json!([direct(in_lane, LANE), direct(all, BASELINE)])
        }
        Routes::Cluster => json!([{"match": all, "route": {"cluster": BASELINE_CLUSTER}}]),
        Routes::Matcher { lane_cluster } => {
            json!([{"match": all, "route": {"inline_cluster_specifier_plugin": matcher(lane_cluster)}}])
        }
    }
}

fn direct(matched: Value, body: &str) -> Value {
    json!({"match": matched, "direct_response": {"status": 200, "body": {"inline_string": body}}})
}

/// The matcher that `envoy-config` writes for a service with one lane.
fn matcher(lane_cluster: &str) -> Value {
    let choose = |cluster: &str| {
        json!({"action": {"name": cluster, "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction",
            "cluster": cluster,
        }}})
    };
    json!({"extension": {"name": "envoy.router.cluster_specifier_plugin.matcher", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier",
        "cluster_matcher": {
            "matcher_tree": {
                "input": {"name": "lane-header", "typed_config": {
                    "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                    "header_name": LANE_HEADER,
                }},
                "exact_match_map": {"map": {LANE: choose(lane_cluster)}},
            },
            "on_no_match": choose(BASELINE_CLUSTER),
        },
    }}})
}

fn clusters(upstreams: Upstreams) -> Vec<Value> {
    let aggregate = json!({
        "name": FALLBACK_CLUSTER,
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {"name": "envoy.clusters.aggregate", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
            "clusters": [LANE_CLUSTER, BASELINE_CLUSTER],
        }},
    });
    vec![cluster(BASELINE_CLUSTER, upstreams.baseline), cluster(LANE_CLUSTER, upstreams.lane), aggregate]
}

/// A cluster with one endpoint that speaks HTTP/2.
fn cluster(name: &str, port: u16) -> Value {
    json!({
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}],
        },
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }},
    })
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
