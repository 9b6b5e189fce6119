//! `ecds/<role>.json`: the Wasm filter of each role with its configuration.

use super::mesh::{Mesh, Site};
use crate::envoy::any::Any;
use crate::envoy::core::DataSource;
use crate::envoy::wasm::AsyncDataSource;
use crate::filter_configs::{filter_config, incoming_roles, outgoing_roles};
use crate::names::{filter_file, filter_resource};
use crate::plugin;
use lane::filter_config::{FilterConfig, Role};

/// The roles of a proxy: those of incoming requests, then those of outgoing ones.
pub(super) fn roles(mesh: &Mesh<'_>, site: Site<'_>) -> Vec<Role> {
    let place = site.place(mesh.group);
    incoming_roles(mesh.group, place).into_iter().chain(outgoing_roles(mesh.group, place)).collect()
}

/// File and resource of each role of a proxy.
pub(super) fn resources(mesh: &Mesh<'_>, site: Site<'_>) -> Result<Vec<(String, Any)>, serde_json::Error> {
    roles(mesh, site)
        .into_iter()
        .map(|role| {
            let name = filter_resource(role, site.name());
            let module = DataSource::Filename(mesh.options.module_path.clone());
            let resource = plugin::resource(name, AsyncDataSource::Local(module), &config(mesh, site, role))?;
            Ok((filter_file(role), Any::TypedExtensionConfig(Box::new(resource))))
        })
        .collect()
}

fn config(mesh: &Mesh<'_>, site: Site<'_>, role: Role) -> FilterConfig {
    let here = |lane: &_| match site {
        Site::Gateway(_) => false,
        Site::Workload(workload) => !mesh.endpoints(&workload.service, Some(lane)).is_empty(),
    };
    filter_config(mesh.group, &mesh.lanes, site.place(mesh.group), role, mesh.options.generation, here)
}
