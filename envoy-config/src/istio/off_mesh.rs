//! The door out of the mesh: what a sidecar passes through to hosts that nobody has declared.
//!
//! Headers of lanes are meant for workloads of the mesh. The route takes them away natively, whether the filter lives or
//! not, and after it has restored them.

use super::envoy_filter::{ConfigPatch, Context};
use super::filters::lane_headers;
use super::input::{Caller, Input, ProxyKind};
use crate::envoy::route::RouteHeaders;

/// The virtual host by which istiod lets requests to unknown hosts through (`outboundTrafficPolicy: ALLOW_ANY`). Where
/// they are not let through there is none of that name, and the patch finds nothing.
const ALLOW_ANY: &str = "allow_any";

/// The patch of callers' sidecars. One in the root namespace would be for the whole mesh.
pub(super) fn patch(input: &Input, caller: &Caller, kind: ProxyKind) -> Option<ConfigPatch> {
    let is_door = kind == ProxyKind::Sidecar && caller.namespace != input.root_namespace;
    let headers = || RouteHeaders {
        request_headers_to_remove: lane_headers(input).into_iter().map(ToString::to_string).collect(),
        ..RouteHeaders::default()
    };
    is_door.then(|| ConfigPatch::merge_headers(Context::SidecarOutbound, ALLOW_ANY, headers()))
}
