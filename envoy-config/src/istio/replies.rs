//! In strict groups: what callers' proxies say where a lane has no endpoint. It is set with the group and not
//! with its lanes, so that no change of lanes touches a listener.

use lane::model::Fallback;

use super::GenerateError;
use super::audience;
use super::envoy_filter::ConfigPatch;
use super::mesh::Mesh;
use super::names::Part;
use super::object::IstioObject;
use crate::connection_manager::no_endpoint_reply;
use crate::envoy::any::Any;
use crate::envoy::hcm::{HttpConnectionManagerPatch, LocalReplyConfig};
use crate::standalone::Stage;

/// The EnvoyFilters of replies; none in a permissive group.
pub(super) fn envoy_filters(mesh: &Mesh<'_>) -> Result<Vec<IstioObject>, GenerateError> {
    let spec = &mesh.input.group.spec;
    if spec.fallback != Fallback::Strict {
        return Ok(Vec::new());
    }
    let fields = HttpConnectionManagerPatch {
        local_reply_config: Some(LocalReplyConfig { mappers: vec![no_endpoint_reply(&spec.lane_header)] }),
        ..HttpConnectionManagerPatch::default()
    };
    let fields = Any::HttpConnectionManagerPatch(fields);
    audience::envoy_filters(mesh, Part::Replies, Stage::Static, |_, kind| {
        vec![ConfigPatch::connection_manager(kind.into(), fields.clone())]
    })
}
