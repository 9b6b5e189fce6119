//! A dead application behind its living proxy: the proxy says so, and the caller's tries elsewhere.
//!
//! The caller sees a 503, as it would of an application that is well and says so. So the callee's proxy marks its
//! own answers, as on the standalone target (`routing.rs`). Here the user's routes stay as they are, so that a
//! caller cannot tell methods apart: of a request that was broken off, the callee marks only idempotent ones.
//!
//! What is retried comes beside the user's own conditions, in headers that the caller's route adds and its router
//! removes again: a merge would replace the text of `retry_on`, which may come from the mesh's defaults. How often
//! stays the user's word. All conditions mean that the application has not worked on the request, or may do so twice.

use lane::name::{HeaderName, ServiceName, WorkloadName};

use super::envoy_filter::{ConfigPatch, Context};
use crate::connection_manager::dead_application_replies;
use crate::envoy::any::Any;
use crate::envoy::core::{AppendAction, HeaderValue, HeaderValueOption};
use crate::envoy::hcm::{HttpConnectionManagerPatch, LocalReplyConfig};
use crate::envoy::route::{RouteConfigurationPatch, RouteHeaders};
use crate::names::{UNANSWERED_HEADER, UNSENT_HEADER};
use crate::routing::Repeat;

/// What is retried beside what the user says.
const RETRY_ON: &str = "connect-failure,refused-stream,reset-before-request,retriable-headers";

/// The patches of a workload's proxy: it marks its own answers, and nobody else does.
pub(super) fn patches(workload: (&WorkloadName, &ServiceName), lane_header: &HeaderName) -> [ConfigPatch; 2] {
    let mappers = dead_application_replies(workload, lane_header, Repeat::Idempotent.header_matchers());
    let fields = HttpConnectionManagerPatch {
        local_reply_config: Some(LocalReplyConfig { mappers }),
        ..HttpConnectionManagerPatch::default()
    };
    let unmarked =
        RouteConfigurationPatch { response_headers_to_remove: marks(), ..RouteConfigurationPatch::default() };
    [
        ConfigPatch::connection_manager(Context::SidecarInbound, Any::HttpConnectionManagerPatch(fields)),
        ConfigPatch::route_configuration(Context::SidecarInbound, unmarked),
    ]
}

/// The retries of a caller's route, which keeps the marks to itself.
pub(super) fn retries() -> RouteHeaders {
    let add = |key: &str, value: String| HeaderValueOption {
        header: HeaderValue { key: key.to_owned(), value },
        append_action: AppendAction::AppendIfExistsOrAdd,
    };
    RouteHeaders {
        request_headers_to_add: vec![
            add("x-envoy-retry-on", RETRY_ON.to_owned()),
            add("x-envoy-retriable-header-names", marks().join(",")),
        ],
        request_headers_to_remove: Vec::new(),
        response_headers_to_remove: marks(),
    }
}

fn marks() -> Vec<&'static str> {
    vec![UNSENT_HEADER, UNANSWERED_HEADER]
}
