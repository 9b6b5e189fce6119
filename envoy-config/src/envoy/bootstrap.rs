//! Messages of `envoy.config.bootstrap.v3` and the statistics' tags.

use serde::Serialize;

use super::core::{Address, ConfigSource};

/// `envoy.config.bootstrap.v3.Bootstrap`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bootstrap {
    pub(crate) node: Node,
    pub(crate) admin: Admin,
    pub(crate) dynamic_resources: DynamicResources,
    pub(crate) stats_config: StatsConfig,
}

/// `envoy.config.core.v3.Node`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) cluster: String,
}

/// `envoy.config.bootstrap.v3.Admin`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Admin {
    pub(crate) address: Address,
}

/// `envoy.config.bootstrap.v3.Bootstrap.DynamicResources`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DynamicResources {
    pub(crate) lds_config: ConfigSource,
    pub(crate) cds_config: ConfigSource,
}

/// `envoy.config.metrics.v3.StatsConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StatsConfig {
    pub(crate) stats_tags: Vec<TagSpecifier>,
}

/// `envoy.config.metrics.v3.TagSpecifier`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TagSpecifier {
    pub(crate) tag_name: &'static str,
    pub(crate) regex: String,
}
