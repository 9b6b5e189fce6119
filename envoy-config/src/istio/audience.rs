//! Whom an EnvoyFilter in a namespace of callers is for.
//!
//! One without a selector is for all proxies of its namespace, and in the root namespace for those of the whole mesh:
//! a route of a foreign gateway that has the same host and the same name as ours would lead to our services. So
//! there each gateway of the group has one of its own.

use super::GenerateError;
use super::envoy_filter::{ConfigPatch, EnvoyFilter};
use super::input::{Caller, EntryKind, ProxyKind};
use super::mesh::Mesh;
use super::names::{self, Part};
use super::object::{IstioObject, group_labels};
use crate::standalone::Stage;

/// The EnvoyFilters of a part, of the patches for each kind of proxies in each namespace of callers.
pub(super) fn envoy_filters<'m>(
    mesh: &'m Mesh<'_>,
    part: Part,
    stage: Stage,
    mut patches: impl FnMut(&'m Caller, ProxyKind) -> Vec<ConfigPatch>,
) -> Result<Vec<IstioObject>, GenerateError> {
    let mut objects = Vec::new();
    for caller in &mesh.input.callers {
        let is_root = caller.namespace == mesh.input.root_namespace;
        let mut filters = Vec::new();
        let mut of_all = Vec::new();
        for kind in &caller.proxies {
            let patches = patches(caller, *kind);
            if !is_root || *kind != ProxyKind::Gateway {
                of_all.extend(patches);
                continue;
            }
            let entries = mesh.input.entries.iter().filter(|entry| {
                entry.kind == EntryKind::Gateway && entry.namespace == caller.namespace && !patches.is_empty()
            });
            filters.extend(entries.map(|entry| {
                let name = names::of_gateway(mesh.input, &entry.name, part);
                (name, EnvoyFilter::selecting(entry.selector.clone(), patches.clone()))
            }));
        }
        if !of_all.is_empty() {
            filters.push((names::of_callers(mesh.input, part), EnvoyFilter::new(of_all)));
        }
        for (name, filter) in filters {
            let namespace = caller.namespace.as_str();
            let labels = group_labels(mesh.input);
            objects.push(IstioObject::envoy_filter(namespace, name, labels, stage, &filter)?);
        }
    }
    Ok(objects)
}
