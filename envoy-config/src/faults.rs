//! Faults, on every target: which of them a role injects, and Envoy's own fault filter that executes them.

use lane::fault::{CALLER_HEADER, GROUP_HEADER, HEADERS};
use lane::filter_config::{FaultConfig, FilterConfig, Role};
use lane::model::{At, Faults, LaneFault, LaneGroup};
use lane::time::ms_since_1970;

use crate::envoy::any::Any;
use crate::envoy::core::{AppendAction, Empty, HeaderValue, HeaderValueOption};
use crate::envoy::discovery::TypedExtensionConfig;
use crate::envoy::fault::{FaultAbort, FaultDelay, FaultRateLimit, FractionalPercent, HttpFault};
use crate::envoy::hcm::Rbac;
use crate::envoy::matcher::{HeaderMatcher, StringMatcher};
use crate::envoy::route::RequestHeaders;

/// The faults that `role` injects at a place which is called by the names `own`: the services that it stands behind, or
/// the gateway's name.
pub(crate) fn fault_configs(
    group: &LaneGroup,
    faults: &[LaneFault],
    role: Role,
    own: &[&str],
) -> Vec<FaultConfig> {
    let is_here = |fault: &&LaneFault| {
        let spec = &fault.spec;
        let of_group = spec.group == group.metadata.name && group.spec.faults.is_some();
        of_group
            && match (role, spec.at) {
                (Role::Inbound, At::Callee) => own.contains(&spec.to.as_str()),
                (Role::Outbound | Role::Entry, At::Caller) => {
                    spec.from.as_ref().is_none_or(|from| own.contains(&from.as_str()))
                }
                _ => false,
            }
    };
    let mut faults: Vec<_> = faults.iter().filter(is_here).collect();
    faults.sort_by_key(|fault| &fault.metadata.name);
    faults.into_iter().map(fault_config).collect()
}

fn fault_config(fault: &LaneFault) -> FaultConfig {
    let spec = &fault.spec;
    let is_callee = spec.at == At::Callee;
    FaultConfig {
        name: fault.metadata.name.clone(),
        expires_ms: ms_since_1970(spec.expires),
        lane: spec.lane.clone(),
        // Behind the caller it is known who calls, and in front of the callee who is called.
        from: spec.from.clone().filter(|_| is_callee),
        to: Some(spec.to.clone()).filter(|_| !is_callee),
        condition: spec.condition.clone(),
        percent: spec.percent,
        key: spec.key.clone(),
        per_attempt: spec.per_attempt,
        seed: spec.seed,
        delay: spec.delay.as_ref().and_then(lane::model::Delay::wait),
        abort: spec.abort,
        throughput_kib_per_second: spec.throughput_kib_per_second,
    }
}

/// Envoy's fault filter behind a role with `config`: it executes what the role's filter orders in headers. Where
/// there is no fault, a filter stands in that costs nothing.
pub(crate) fn fault_resource(name: String, group: Faults, config: &FilterConfig) -> TypedExtensionConfig {
    let typed_config = if config.faults.is_empty() {
        Any::Rbac(Rbac {})
    } else {
        Any::HttpFault(Box::new(http_fault(group, config)))
    };
    TypedExtensionConfig { name, typed_config }
}

fn http_fault(group: Faults, config: &FilterConfig) -> HttpFault {
    // Whether a request suffers is decided already.
    let percentage = FractionalPercent { numerator: 100 };
    HttpFault {
        // A proxy may have the fault filters of several groups, and each would execute the same headers.
        headers: vec![HeaderMatcher::string(GROUP_HEADER, StringMatcher::Exact(config.fault_group()))],
        delay: FaultDelay { header_delay: Empty {}, percentage },
        abort: FaultAbort { header_abort: Empty {}, percentage },
        response_rate_limit: FaultRateLimit { header_limit: Empty {}, percentage },
        max_active_faults: group.max_active,
    }
}

/// What becomes of the headers of requests that go to the application: it sees none of ours.
pub(crate) fn to_application() -> RequestHeaders {
    RequestHeaders {
        request_headers_to_add: Vec::new(),
        request_headers_to_remove: HEADERS.map(str::to_owned).into(),
    }
}

/// What becomes of the headers of requests that go to other proxies: they learn who calls, by the names `own`.
pub(crate) fn to_others(own: &[&str]) -> RequestHeaders {
    let caller = HeaderValueOption {
        header: HeaderValue { key: CALLER_HEADER.to_owned(), value: own.join(",") },
        append_action: AppendAction::OverwriteIfExistsOrAdd,
    };
    let orders = HEADERS.into_iter().filter(|name| *name != CALLER_HEADER).map(str::to_owned);
    RequestHeaders { request_headers_to_add: vec![caller], request_headers_to_remove: orders.collect() }
}
