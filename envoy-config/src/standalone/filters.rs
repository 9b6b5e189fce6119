//! `ecds/<role>.json`: the Wasm filter of each role with its configuration.

use super::mesh::{Mesh, Site};
use crate::envoy::any::Any;
use crate::envoy::core::DataSource;
use crate::envoy::wasm::AsyncDataSource;
use crate::faults::{self, fault_configs};
use crate::filter_configs::{filter_config, incoming_roles, injects, outgoing_roles, with_faults};
use crate::names::{fault_file, fault_resource, filter_file, filter_resource};
use crate::plugin;
use lane::filter_config::{FilterConfig, Role};

/// The roles of a proxy: those of incoming requests, then those of outgoing ones.
pub(super) fn roles(mesh: &Mesh<'_>, site: Site<'_>) -> Vec<Role> {
    let place = site.place(mesh.group);
    incoming_roles(mesh.group, place).into_iter().chain(outgoing_roles(mesh.group, place)).collect()
}

/// File and resource of each role of a proxy, and of the fault filters behind them.
pub(super) fn resources(mesh: &Mesh<'_>, site: Site<'_>) -> Result<Vec<(String, Any)>, serde_json::Error> {
    let mut resources = Vec::new();
    for role in roles(mesh, site) {
        let config = config(mesh, site, role);
        let module = DataSource::Filename(mesh.options.module_path.clone());
        let name = filter_resource(role, site.name());
        let resource = plugin::resource(name, AsyncDataSource::Local(module), &config)?;
        resources.push((filter_file(role), Any::TypedExtensionConfig(Box::new(resource))));
        if injects(mesh.group, site.place(mesh.group), role) {
            let group = mesh.group.spec.faults.unwrap_or_default();
            let resource = faults::fault_resource(fault_resource(role, site.name()), group, &config);
            resources.push((fault_file(role), Any::TypedExtensionConfig(Box::new(resource))));
        }
    }
    Ok(resources)
}

fn config(mesh: &Mesh<'_>, site: Site<'_>, role: Role) -> FilterConfig {
    let here = |lane: &_| match site {
        Site::Gateway(_) => false,
        Site::Workload(workload) => !mesh.endpoints(&workload.service, Some(lane)).is_empty(),
    };
    let place = site.place(mesh.group);
    let config = filter_config(mesh.group, &mesh.lanes, place, role, mesh.options.generation, here);
    with_faults(config, fault_configs(mesh.group, mesh.faults, role, &[site.called()]))
}
