//! Messages of `envoy.config.listener.v3`.

use serde::Serialize;

use super::core::{Address, Extension};

/// `envoy.config.listener.v3.Listener`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    pub(crate) address: Address,
    pub(crate) traffic_direction: TrafficDirection,
    pub(crate) filter_chains: Vec<FilterChain>,
}

/// `envoy.config.core.v3.TrafficDirection`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TrafficDirection {
    Inbound,
    Outbound,
}

/// `envoy.config.listener.v3.FilterChain`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FilterChain {
    pub(crate) filters: Vec<Extension>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transport_socket: Option<Extension>,
}
