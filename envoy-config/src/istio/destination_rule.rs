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
    pub(super) connection_pool: ConnectionPool,
    pub(super) port_level_settings: Vec<PortLevelSettings>,
}

/// What we read of a `trafficPolicy` for one port, which replaces the one for all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PortLevelSettings {
    pub(super) port: PortSelector,
    pub(super) connection_pool: ConnectionPool,
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
