//! The Wasm filter as a resource of ECDS, the same on every target.

use lane::filter_config::FilterConfig;

use crate::envoy::any::Any;
use crate::envoy::discovery::TypedExtensionConfig;
use crate::envoy::wasm::{AsyncDataSource, FailurePolicy, PluginConfig, StringValue, VmConfig, Wasm};
use crate::names::VM_ID;

/// The resource `name`: the module from `code`, with a role's configuration.
pub(crate) fn resource(
    name: String,
    code: AsyncDataSource,
    config: &FilterConfig,
) -> Result<TypedExtensionConfig, serde_json::Error> {
    let configuration = Any::StringValue(StringValue { value: serde_json::to_string(config)? });
    let wasm = Wasm {
        config: PluginConfig {
            name: name.clone(),
            root_id: config.role.as_str(),
            failure_policy: FailurePolicy::FailOpen,
            vm_config: VmConfig { vm_id: VM_ID, runtime: "envoy.wasm.runtime.v8", code },
            configuration: Box::new(configuration),
        },
    };
    Ok(TypedExtensionConfig { name, typed_config: Any::Wasm(wasm) })
}
