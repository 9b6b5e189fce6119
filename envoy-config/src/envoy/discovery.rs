//! `DiscoveryResponse`, the form of every file that a proxy watches, and what ECDS puts into it.

use serde::Serialize;

use super::any::Any;

/// `envoy.service.discovery.v3.DiscoveryResponse`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DiscoveryResponse {
    pub(crate) version_info: String,
    pub(crate) resources: Vec<Any>,
}

/// `envoy.config.core.v3.TypedExtensionConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TypedExtensionConfig {
    pub(crate) name: String,
    pub(crate) typed_config: Any,
}
