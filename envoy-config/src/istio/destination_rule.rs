//! DestinationRules, as types: what we write, and what we read of the user's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input::Labels;

/// The `spec` of a DestinationRule. What of the user's is only carried along stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DestinationRuleSpec {
    pub(super) host: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) export_to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workload_selector: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) traffic_policy: Option<Value>,
    pub(super) subsets: Vec<Value>,
}

/// A subset of ours.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subset {
    pub(super) name: String,
    pub(super) labels: Labels,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) traffic_policy: Option<Value>,
}

/// What we read of a `trafficPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TrafficPolicy {
    #[serde(flatten)]
    pub(super) settings: Settings,
    pub(super) port_level_settings: Vec<PortLevelSettings>,
}

/// What we read of a `trafficPolicy` for one port, which replaces the one for all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PortLevelSettings {
    pub(super) port: PortSelector,
    #[serde(flatten)]
    pub(super) settings: Settings,
}

/// What we read of settings, be they for one port or for all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Settings {
    pub(super) connection_pool: ConnectionPool,
    pub(super) load_balancer: LoadBalancer,
}

/// How endpoints are chosen, as far as routes say it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LoadBalancer {
    pub(super) consistent_hash: ConsistentHash,
}

/// What requests are hashed by: one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ConsistentHash {
    pub(super) http_header_name: Option<String>,
    pub(super) http_cookie: Option<HashCookie>,
    pub(super) use_source_ip: bool,
    pub(super) http_query_parameter_name: Option<String>,
}

/// A cookie that requests are hashed by; the proxy gives it to clients that have none if it has a life time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HashCookie {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) ttl: Option<String>,
}

/// A port by its number.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PortSelector {
    pub(super) number: u16,
}

/// Limits of connections and requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ConnectionPool {
    pub(super) tcp: TcpSettings,
    pub(super) http: HttpSettings,
}

/// Limits of connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TcpSettings {
    pub(super) max_connections: u32,
}

/// Limits of requests, and the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HttpSettings {
    pub(super) http1_max_pending_requests: u32,
    pub(super) http2_max_requests: u32,
    pub(super) max_requests_per_connection: u32,
    pub(super) max_retries: u32,
    pub(super) idle_timeout: Option<String>,
    pub(super) h2_upgrade_policy: String,
    pub(super) use_client_protocol: bool,
}
