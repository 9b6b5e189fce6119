//! Messages of `envoy.config.core.v3` and what all others share.

use std::net::SocketAddr;

use serde::{Serialize, Serializer};

use super::any::Any;

/// `google.protobuf.Duration`, written as `1.5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration(std::time::Duration);

impl Duration {
    /// No time at all; for a timeout: none.
    pub(crate) const ZERO: Self = Self::from_millis(0);

    /// A duration from whole seconds.
    pub(crate) const fn from_secs(secs: u64) -> Self {
        Self(std::time::Duration::from_secs(secs))
    }

    /// A duration from milliseconds.
    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(std::time::Duration::from_millis(millis))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}s", self.0.as_secs_f64()))
    }
}

/// A named extension, as `TypedExtensionConfig` and its many look-alikes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) typed_config: Box<Any>,
}

impl Extension {
    /// An extension under `name`.
    pub(crate) fn new(name: impl Into<String>, typed_config: Any) -> Self {
        Self { name: name.into(), typed_config: Box::new(typed_config) }
    }
}

/// A message without fields.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Empty {}

/// `envoy.config.core.v3.Address`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Address {
    pub(crate) socket_address: SocketAddress,
}

/// `envoy.config.core.v3.SocketAddress`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SocketAddress {
    pub(crate) address: String,
    pub(crate) port_value: u16,
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self {
            socket_address: SocketAddress { address: address.ip().to_string(), port_value: address.port() },
        }
    }
}

/// `envoy.config.core.v3.ConfigSource`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ConfigSource {
    /// A file, taken anew when another one is renamed over it.
    File { path_config_source: PathConfigSource },
    /// The stream over which the proxy gets all else.
    Ads { ads: Empty, resource_api_version: ApiVersion, initial_fetch_timeout: Duration },
}

/// `envoy.config.core.v3.ApiVersion`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum ApiVersion {
    V3,
}

/// `envoy.config.core.v3.PathConfigSource`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PathConfigSource {
    pub(crate) path: String,
}

impl ConfigSource {
    /// The file at `path`.
    pub(crate) fn file(path: String) -> Self {
        Self::File { path_config_source: PathConfigSource { path } }
    }

    /// The proxy's own control plane; after the timeout the proxy starts without an answer.
    pub(crate) fn ads(initial_fetch_timeout: Duration) -> Self {
        Self::Ads { ads: Empty {}, resource_api_version: ApiVersion::V3, initial_fetch_timeout }
    }
}

/// `envoy.config.core.v3.DataSource`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DataSource {
    /// A file that Envoy reads.
    Filename(String),
    /// The content itself.
    InlineString(String),
}

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HeaderValueOption {
    pub(crate) header: HeaderValue,
    pub(crate) append_action: AppendAction,
}

/// `envoy.config.core.v3.HeaderValueOption.HeaderAppendAction`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum AppendAction {
    AppendIfExistsOrAdd,
    OverwriteIfExistsOrAdd,
}

/// `envoy.config.core.v3.HeaderValue`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HeaderValue {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// `envoy.config.core.v3.SubstitutionFormatString`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubstitutionFormatString {
    /// A text with `%COMMAND%`s.
    TextFormatSource(DataSource),
    /// A JSON object whose values are texts with `%COMMAND%`s.
    JsonFormat(std::collections::BTreeMap<&'static str, String>),
}

/// Whether a number is zero, the default that protobuf leaves out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Whether a switch is off, the default that protobuf leaves out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn is_false(switch: &bool) -> bool {
    !*switch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_protobuf_wants_them() {
        for (duration, want) in [
            (Duration::ZERO, "\"0s\""),
            (Duration::from_millis(5), "\"0.005s\""),
            (Duration::from_millis(1500), "\"1.5s\""),
            (Duration::from_secs(300), "\"300s\""),
        ] {
            assert_eq!(serde_json::to_string(&duration).unwrap(), want);
        }
    }
}
