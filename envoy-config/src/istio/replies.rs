//! In strict groups: what callers' proxies say where a lane has no endpoint. It is set with the group and not
//! with its lanes, so that no change of lanes touches a listener.

use lane::model::Fallback;

use super::GenerateError;
use super::envoy_filter::{ConfigPatch, Context, EnvoyFilter};
use super::mesh::Mesh;
use super::names;
use super::object::{IstioObject, group_labels};
use crate::connection_manager::no_endpoint_reply;
use crate::envoy::any::Any;
use crate::envoy::hcm::{HttpConnectionManagerPatch, LocalReplyConfig};
use crate::standalone::Stage;

/// The EnvoyFilters of replies, one in each namespace of callers; none in a permissive group.
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
    let of_caller = |caller: &super::input::Caller| {
        let contexts = caller.proxies.iter().copied().map(Context::from);
        let patches = contexts.map(|context| ConfigPatch::connection_manager(context, fields.clone()));
        IstioObject::envoy_filter(
            caller.namespace.as_str(),
            names::replies(mesh.input),
            group_labels(mesh.input),
            Stage::Static,
            &EnvoyFilter::new(patches.collect()),
        )
    };
    mesh.input.callers.iter().map(of_caller).collect()
}
