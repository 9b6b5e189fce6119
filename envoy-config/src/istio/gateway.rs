//! The EnvoyFilter of a gateway: one object for the entry roles of all groups that it serves.
//!
//! The filters run in the order of the groups' namespaces, then of their names. The strip comes before all of
//! them and removes the headers of all groups.

use std::collections::BTreeSet;

use lane::filter_config::Role;

use super::envoy_filter::{ConfigPatch, Context, EnvoyFilter};
use super::faults;
use super::filters::{At, lane_headers, role_patches, strip};
use super::input::{Entry, EntryKind, Input};
use super::mesh::Mesh;
use super::object::{IstioObject, managed};
use super::{GenerateError, names};
use crate::connection_manager::unread_tickets;
use crate::envoy::route::{RequestHeaders, RouteConfigurationPatch};
use crate::filter_configs::Place;
use crate::standalone::Stage;

/// The EnvoyFilter of `gateway` for those of `inputs` that have it as an entry; `None` where none has, so that
/// the object named [`names::gateway`] is to be deleted. It bears no label of a group, since it may outlive one,
/// but names all of them in an annotation.
///
/// # Errors
/// The object is larger than the API server accepts.
pub fn filters(gateway: &Entry, inputs: &[&Input]) -> Result<Option<IstioObject>, GenerateError> {
    let is_gateway = |entry: &Entry| {
        entry.kind == EntryKind::Gateway
            && (&entry.namespace, &entry.name) == (&gateway.namespace, &gateway.name)
    };
    let mut inputs: Vec<&Input> =
        inputs.iter().copied().filter(|input| input.entries.iter().any(is_gateway)).collect();
    if inputs.is_empty() {
        return Ok(None);
    }
    inputs.sort_by_key(|input| (&input.namespace, &input.group.metadata.name));
    let headers: BTreeSet<_> = inputs.iter().flat_map(|input| lane_headers(input)).collect();
    let mut patches = vec![strip(Context::Gateway, &headers.into_iter().collect::<Vec<_>>())];
    let tickets: BTreeSet<_> = inputs.iter().flat_map(|input| unread_tickets(&input.group)).collect();
    if !tickets.is_empty() {
        let requests = RequestHeaders {
            request_headers_to_remove: tickets.into_iter().collect(),
            ..RequestHeaders::default()
        };
        let fields = RouteConfigurationPatch { requests, ..RouteConfigurationPatch::default() };
        patches.push(ConfigPatch::route_configuration(Context::Gateway, fields));
    }
    let groups: Vec<String> =
        inputs.iter().map(|input| format!("{}/{}", input.namespace, input.group.metadata.name)).collect();
    let place = Place { name: &gateway.name, lane: None, is_workload: false, is_entry: true };
    let own = [gateway.name.as_str()];
    if inputs.iter().any(|input| input.group.spec.faults.is_some()) {
        patches.push(faults::of_gateway(&own));
    }
    for input in inputs {
        let (mesh, _) = Mesh::new(input);
        let (role, context) = (Role::Entry, Context::Gateway);
        let at = At { namespace: &gateway.namespace, place, role, context, own: &own };
        patches.extend(role_patches(&mesh, at, |_| false)?);
    }
    let mut labels = managed();
    labels.insert(names::ENTRY_LABEL.to_owned(), gateway.name.to_string());
    let mut object = IstioObject::envoy_filter(
        gateway.namespace.as_str(),
        names::gateway(&gateway.name),
        labels,
        Stage::Filters,
        &EnvoyFilter::selecting(gateway.selector.clone(), patches),
    )?;
    object.annotations.insert(names::GROUPS_ANNOTATION.to_owned(), groups.join(","));
    object.check_size()?;
    Ok(Some(object))
}
