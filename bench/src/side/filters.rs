//! The HTTP filters that are compared.

use std::path::Path;

use lane::filter_config::FilterConfig;
use serde_json::{Value, json};

use crate::ours::{ENTRY_HEADER, ENTRY_VALUE, LANE, LANE_HEADER, STRIPPED};

/// The VM of our filter.
pub(crate) const VM_ID: &str = "graylane";

/// Name of the policy under which requests pass a dead VM.
const FAIL_OPEN: &str = "FAIL_OPEN";
/// Name of the policy under which a dead VM answers 503, so that a request which passed proves that it ran.
const FAIL_CLOSED: &str = "FAIL_CLOSED";

/// The router, the last filter of all.
pub(crate) fn router() -> Value {
    filter(
        "envoy.filters.http.router",
        json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}),
    )
}

/// The fault filter, which delays and aborts nobody.
pub(crate) fn idle_fault() -> Value {
    let nobody = json!({"numerator": 0});
    fault(&json!({
        "delay": {"fixed_delay": "1s", "percentage": nobody},
        "abort": {"http_status": 503, "percentage": nobody},
    }))
}

/// The fault filter with these fields.
pub(crate) fn fault(fields: &Value) -> Value {
    let mut config = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"});
    for (name, field) in fields.as_object().into_iter().flatten() {
        config[name] = field.clone();
    }
    filter("envoy.filters.http.fault", config)
}

/// The filter that copies the entry header into metadata.
pub(crate) fn header_to_metadata() -> Value {
    filter(
        "envoy.filters.http.header_to_metadata",
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
            "request_rules": [{
                "header": ENTRY_HEADER,
                "on_header_present": {"metadata_namespace": "graylane", "key": "entry"},
            }],
        }),
    )
}

/// A Lua filter with the logic of our entry role, except that Lua cannot count.
pub(crate) fn lua(baggage: bool) -> Value {
    filter(
        "envoy.filters.http.lua",
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": lua_source(baggage)},
        }),
    )
}

/// Headers are asked for before they are removed: each change makes Envoy choose the route anew.
fn lua_source(baggage: bool) -> String {
    let stripped: Vec<String> = STRIPPED.iter().map(|name| format!("{name:?}")).collect();
    let edit_baggage =
        if baggage { include_str!("baggage.lua") } else { "local function edit_baggage() end" };
    format!(
        r#"local STRIPPED = {{{}}}
{edit_baggage}
function envoy_on_request(handle)
  local headers = handle:headers()
  for _, name in ipairs(STRIPPED) do
    if headers:get(name) ~= nil then headers:remove(name) end
  end
  local enters = headers:get("{ENTRY_HEADER}") == "{ENTRY_VALUE}"
  if enters then headers:replace("{LANE_HEADER}", "{LANE}") end
  edit_baggage(headers, enters)
end
"#,
        stripped.join(", ")
    )
}

/// The no-op filter of the SDK.
pub(crate) fn noop(module: &Path) -> Value {
    wasm("noop", "noop", FAIL_CLOSED, module, "")
}

/// Our filter, as it is shipped: one VM for all roles.
pub(crate) fn ours(module: &Path, config: &FilterConfig) -> serde_json::Result<Value> {
    ours_in(VM_ID, module, config)
}

/// Our filter in a VM of that name.
pub(crate) fn ours_in(vm_id: &str, module: &Path, config: &FilterConfig) -> serde_json::Result<Value> {
    Ok(wasm(vm_id, config.role.as_str(), FAIL_OPEN, module, &serde_json::to_string(config)?))
}

fn wasm(vm_id: &str, root_id: &str, failure_policy: &str, module: &Path, configuration: &str) -> Value {
    filter(
        "envoy.filters.http.wasm",
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": vm_id,
                "root_id": root_id,
                "failure_policy": failure_policy,
                "vm_config": {
                    "vm_id": vm_id,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                },
            },
        }),
    )
}

/// The extension by which a gateway that `lanectl` renders removes what outsiders may not send, before a route
/// is chosen.
pub(crate) fn early_removal() -> Value {
    let by_prefix = |prefix: &str| json!({"remove_on_match": {"key_matcher": {"prefix": prefix}}});
    filter(
        "envoy.http.early_header_mutation.header_mutation",
        json!({
            "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [{"remove": LANE_HEADER}, by_prefix("x-envoy-fault-"), by_prefix("x-graylane-")],
        }),
    )
}

fn filter(name: &str, typed_config: Value) -> Value {
    json!({"name": name, "typed_config": typed_config})
}
