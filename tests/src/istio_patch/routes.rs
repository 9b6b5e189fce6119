//! Patches of routes: istiod merges first and inserts afterwards, so that nothing is merged into what it has
//! inserted itself.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::merge::merge as merge_message;
use super::{Patch, Proxy};

/// Merges fields into the routes that a patch means.
pub(super) fn merge(proxy: &mut Proxy, patch: &Patch<'_>) -> Result<()> {
    for routes in routes(proxy, patch)? {
        for route in routes.iter_mut().filter(|route| matches(route, patch)) {
            merge_message(route, patch.value);
        }
    }
    Ok(())
}

/// Merges fields into route configurations: those of a gateway, or those within the listeners of what a sidecar receives.
pub(super) fn merge_configurations(proxy: &mut Proxy, patch: &Patch<'_>) -> Result<()> {
    let is_plain = patch.r#match.as_object().is_some_and(|fields| fields.len() == 1);
    let is_known = ["SIDECAR_INBOUND", "GATEWAY"].contains(&patch.context);
    ensure!(is_known && is_plain, "is not known for {}", patch.r#match);
    if patch.context == "GATEWAY" && proxy.is_gateway {
        proxy.routes.iter_mut().for_each(|routes| merge_message(routes, patch.value));
    }
    if patch.context == "GATEWAY" || proxy.is_gateway {
        return Ok(());
    }
    let receiving = proxy.listeners.iter_mut().filter(|listener| listener["traffic_direction"] == "INBOUND");
    let chains = receiving.flat_map(|listener| listener["filter_chains"].as_array_mut()).flatten();
    for filter in chains.flat_map(|chain| chain["filters"].as_array_mut()).flatten() {
        if let Some(routes) = filter["typed_config"].get_mut("route_config") {
            merge_message(routes, patch.value);
        }
    }
    Ok(())
}

/// Inserts the routes of those patches that insert.
pub(super) fn insert(proxy: &mut Proxy, patches: &[Patch<'_>]) -> Result<()> {
    for patch in patches.iter().filter(|patch| patch.apply_to == "HTTP_ROUTE" && patch.operation != "MERGE") {
        let by_name = patch.operation == "INSERT_BEFORE";
        for routes in routes(proxy, patch)? {
            // Before a route that is not there, nothing is inserted.
            let index = if by_name { routes.iter().position(|route| matches(route, patch)) } else { Some(0) };
            if let Some(index) = index {
                routes.insert(index, patch.value.clone());
            }
        }
    }
    Ok(())
}

/// Whether a patch means a route of its virtual host.
fn matches(route: &Value, patch: &Patch<'_>) -> bool {
    let wanted = &patch.r#match["routeConfiguration"]["vhost"]["route"];
    let named = wanted["name"].is_null() || wanted["name"] == route.get("name").cloned().unwrap_or(json!(""));
    named && (wanted["action"].is_null() || (wanted["action"] == "ROUTE" && route.get("route").is_some()))
}

/// The routes of the virtual hosts that a patch means.
fn routes<'p>(proxy: &'p mut Proxy, patch: &Patch<'_>) -> Result<Vec<&'p mut Vec<Value>>> {
    let host = &patch.r#match["routeConfiguration"]["vhost"]["name"];
    ensure!(host.is_string(), "without a virtual host every one of them would be patched");
    if !proxy.in_context(patch, "OUTBOUND") {
        return Ok(Vec::new());
    }
    let hosts = proxy.routes.iter_mut().flat_map(|routes| routes["virtual_hosts"].as_array_mut()).flatten();
    Ok(hosts
        .filter(|other| other["name"] == *host)
        .filter_map(|host| host["routes"].as_array_mut())
        .collect())
}
