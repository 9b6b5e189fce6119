//! What a port speaks, found out as Istio does, and whether that can be routed by a header.

use serde::Deserialize;

/// The protocol of a port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2 in plain text.
    Http2,
    /// gRPC.
    Grpc,
    /// Not declared: Istio finds out for each connection.
    Auto,
    /// Something that has no headers to route by; its name.
    Other(String),
}

impl Protocol {
    /// The protocol of a port by its `appProtocol`, else by its name up to the first `-`.
    #[must_use]
    pub fn of(name: &str, app_protocol: Option<&str>) -> Self {
        let from_name = name.split('-').next().unwrap_or_default();
        // `grpc-web` is the one protocol whose name has a `-`.
        let from_name = if name.starts_with("grpc-web") { "grpc-web" } else { from_name };
        let declared = app_protocol.unwrap_or(from_name).to_ascii_lowercase();
        match declared.as_str() {
            "http" | "grpc-web" | "kubernetes.io/ws" => Self::Http,
            "http2" | "kubernetes.io/h2c" => Self::Http2,
            "grpc" => Self::Grpc,
            "https" | "tls" | "tcp" | "udp" | "mongo" | "mysql" | "redis" | "kubernetes.io/wss" => {
                Self::Other(declared)
            }
            _ => Self::Auto,
        }
    }

    /// Whether the proxies see requests.
    pub(crate) fn has_requests(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Whether Istio speaks HTTP/2 to it whatever the client speaks.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Http2 | Self::Grpc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_protocol_comes_before_the_name() {
        for (name, app_protocol, want) in [
            ("http", None, Protocol::Http),
            ("http-metrics", None, Protocol::Http),
            ("grpc", None, Protocol::Grpc),
            ("grpc-web-1", None, Protocol::Http),
            ("http2-x", None, Protocol::Http2),
            ("", None, Protocol::Auto),
            ("web", None, Protocol::Auto),
            ("tcp-db", None, Protocol::Other("tcp".to_owned())),
            ("http", Some("tcp"), Protocol::Other("tcp".to_owned())),
            ("x", Some("HTTP"), Protocol::Http),
            ("x", Some("kubernetes.io/h2c"), Protocol::Http2),
        ] {
            assert_eq!(Protocol::of(name, app_protocol), want, "{name} {app_protocol:?}");
        }
    }
}
