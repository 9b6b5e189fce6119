//! Messages of `envoy.extensions.wasm.v3`.

use serde::Serialize;

use super::any::Any;
use super::core::{DataSource, Duration};

/// `envoy.extensions.filters.http.wasm.v3.Wasm`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wasm {
    pub(crate) config: PluginConfig,
}

/// `envoy.extensions.wasm.v3.PluginConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PluginConfig {
    pub(crate) name: String,
    pub(crate) root_id: &'static str,
    pub(crate) failure_policy: FailurePolicy,
    pub(crate) vm_config: VmConfig,
    pub(crate) configuration: Box<Any>,
}

/// `envoy.extensions.wasm.v3.FailurePolicy`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum FailurePolicy {
    /// Requests pass without the filter where the VM is dead.
    FailOpen,
}

/// `envoy.extensions.wasm.v3.VmConfig`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct VmConfig {
    pub(crate) vm_id: &'static str,
    pub(crate) runtime: &'static str,
    pub(crate) code: AsyncDataSource,
}

/// `envoy.config.core.v3.AsyncDataSource`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AsyncDataSource {
    /// Code that the proxy finds beside itself.
    Local(DataSource),
    /// Code that Istio's agent fetches before it hands the resource to Envoy as local code. A plain Envoy must
    /// not get it: it loses the running configuration when an ECDS update names code that it has not fetched.
    Remote(RemoteDataSource),
}

/// `envoy.config.core.v3.RemoteDataSource`; without `sha256` Envoy refuses it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RemoteDataSource {
    pub(crate) http_uri: HttpUri,
    pub(crate) sha256: String,
}

/// `envoy.config.core.v3.HttpUri`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HttpUri {
    pub(crate) uri: String,
    pub(crate) cluster: &'static str,
    pub(crate) timeout: Duration,
}

/// `google.protobuf.StringValue` inside an `Any`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StringValue {
    pub(crate) value: String,
}
