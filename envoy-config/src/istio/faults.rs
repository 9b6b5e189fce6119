//! Faults under Istio: which of them a place injects, and what its proxy does with the headers that order them.

use lane::filter_config::{FaultConfig, Role};

use super::envoy_filter::{ConfigPatch, Context};
use super::input::Input;
use crate::connection_manager::strip_faults_extension;
use crate::envoy::any::Any;
use crate::envoy::hcm::HttpConnectionManagerPatch;
use crate::envoy::route::{RequestHeaders, RouteConfigurationPatch};
use crate::faults::{fault_configs, to_application, to_others};

/// The faults that a role injects at a place with the names `own`.
pub(super) fn configs(input: &Input, role: Role, own: &[&str]) -> Vec<FaultConfig> {
    fault_configs(&input.group, &input.faults, role, own)
}

/// What a sidecar does with the headers: nobody else's orders count, its application sees none, and others learn who
/// calls. An entry has its orders removed with everything else that outsiders may not send.
pub(super) fn of_sidecar(own: &[&str], is_entry: bool) -> Vec<ConfigPatch> {
    let strip = |context| {
        let fields = HttpConnectionManagerPatch {
            early_header_mutation_extensions: vec![strip_faults_extension()],
            ..HttpConnectionManagerPatch::default()
        };
        ConfigPatch::connection_manager(context, Any::HttpConnectionManagerPatch(fields))
    };
    let stripped =
        (!is_entry).then_some(Context::SidecarInbound).into_iter().chain([Context::SidecarOutbound]);
    let headers = [(Context::SidecarInbound, to_application()), (Context::SidecarOutbound, to_others(own))];
    stripped.map(strip).chain(headers.map(|(context, requests)| of_routes(context, requests))).collect()
}

/// What a gateway does with the headers of what it sends.
pub(super) fn of_gateway(own: &[&str]) -> ConfigPatch {
    of_routes(Context::Gateway, to_others(own))
}

fn of_routes(context: Context, requests: RequestHeaders) -> ConfigPatch {
    let fields = RouteConfigurationPatch { requests, ..RouteConfigurationPatch::default() };
    ConfigPatch::route_configuration(context, fields)
}
