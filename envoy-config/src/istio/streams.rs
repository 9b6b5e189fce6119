//! How many requests at once the proxy of a lane's workload sends to its application over one HTTP/2 connection.
//!
//! Before it has heard of the application's own limit a proxy sends as many as it likes. Those beyond the limit
//! are refused, and the caller's proxy tries them elsewhere: on the baseline, in the wrong lane. Measured: of 600
//! requests in a rush 200 failed. Limits towards the lane's subset would not help, since the callee's proxy joins
//! the requests of all connections again.

use super::envoy_filter::{ConfigPatch, Context};
use super::input::Service;
use crate::envoy::any::Any;
use crate::envoy::cluster::{
    ClusterPatch, ExplicitHttpConfig, HttpProtocolOptions, TypedExtensionProtocolOptions,
    UpstreamHttp2Options, UpstreamProtocol,
};
use crate::upstream::CONCURRENT_STREAMS;

/// The patch of the proxies behind a service; `None` where not all ports are declared to speak HTTP/2, since a
/// cluster of what a proxy receives is found by the service and by the port of the pod, which is not known.
pub(super) fn patch(service: &Service) -> Option<ConfigPatch> {
    if service.ports.is_empty() || !service.ports.iter().all(|port| port.protocol.is_http2()) {
        return None;
    }
    let http2 = UpstreamHttp2Options { max_concurrent_streams: Some(CONCURRENT_STREAMS) };
    let options = HttpProtocolOptions {
        common_http_protocol_options: None,
        upstream_protocol: UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::Http2ProtocolOptions(
            http2,
        )),
        outlier_detection: None,
    };
    let options = TypedExtensionProtocolOptions { http: Any::HttpProtocolOptions(options) };
    let fields = ClusterPatch { typed_extension_protocol_options: options };
    Some(ConfigPatch::protocol_options(Context::SidecarInbound, service.host.clone(), fields))
}
