//! `ecds/<role>.json`: the Wasm filter of each role with its configuration.

use super::mesh::{Mesh, Site};
use crate::envoy::any::Any;
use crate::envoy::core::DataSource;
use crate::envoy::discovery::TypedExtensionConfig;
use crate::envoy::wasm::{AsyncDataSource, FailurePolicy, PluginConfig, StringValue, VmConfig, Wasm};
use crate::filter_configs::{filter_config, incoming_roles, outgoing_roles};
use crate::names::{VM_ID, filter_file, filter_resource};
use lane::filter_config::{FilterConfig, Role};

/// The roles of a proxy: those of incoming requests, then those of outgoing ones.
pub(super) fn roles(mesh: &Mesh<'_>, site: Site<'_>) -> Vec<Role> {
    let place = site.place();
    incoming_roles(mesh.group, place).into_iter().chain(outgoing_roles(mesh.group, place)).collect()
}

/// File and resource of each role of a proxy.
pub(super) fn resources(mesh: &Mesh<'_>, site: Site<'_>) -> Result<Vec<(String, Any)>, serde_json::Error> {
    roles(mesh, site)
        .into_iter()
        .map(|role| {
            let name = filter_resource(role, site.name());
            let wasm = wasm(mesh, name.clone(), role, &config(mesh, site, role))?;
            let resource = Any::TypedExtensionConfig(Box::new(TypedExtensionConfig {
                name,
                typed_config: Any::Wasm(wasm),
            }));
            Ok((filter_file(role), resource))
        })
        .collect()
}

fn config(mesh: &Mesh<'_>, site: Site<'_>, role: Role) -> FilterConfig {
    let here = |lane: &_| match site {
        Site::Gateway(_) => false,
        Site::Workload(workload) => !mesh.endpoints(&workload.service, Some(lane)).is_empty(),
    };
    filter_config(mesh.group, &mesh.lanes, site.place(), role, mesh.options.generation, here)
}

fn wasm(mesh: &Mesh<'_>, name: String, role: Role, config: &FilterConfig) -> Result<Wasm, serde_json::Error> {
    Ok(Wasm {
        config: PluginConfig {
            name,
            root_id: role.as_str(),
            failure_policy: FailurePolicy::FailOpen,
            vm_config: VmConfig {
                vm_id: VM_ID,
                runtime: "envoy.wasm.runtime.v8",
                code: AsyncDataSource { local: DataSource::Filename(mesh.options.module_path.clone()) },
            },
            configuration: Box::new(Any::StringValue(StringValue { value: serde_json::to_string(config)? })),
        },
    })
}
