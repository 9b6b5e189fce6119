//! Patches of connection managers, and of the HTTP filters inside.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::merge::merge;
use super::{Patch, Proxy};

/// The only network filter that is patched.
const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";

/// Inserts an HTTP filter before the one that the patch names.
pub(super) fn insert_filter(proxy: &mut Proxy, patch: &Patch<'_>) -> Result<()> {
    let before = &patch.r#match["listener"]["filterChain"]["filter"]["subFilter"]["name"];
    ensure!(before.is_string(), "the filter to insert before is not named");
    for manager in managers(proxy, patch)? {
        let Some(filters) = manager["typed_config"]["http_filters"].as_array_mut() else { continue };
        if let Some(index) = filters.iter().position(|filter| filter["name"] == *before) {
            filters.insert(index, patch.value.clone());
        }
    }
    Ok(())
}

/// Merges fields into connection managers.
pub(super) fn merge_filter(proxy: &mut Proxy, patch: &Patch<'_>) -> Result<()> {
    for manager in managers(proxy, patch)? {
        ensure!(
            manager["typed_config"]["@type"] == patch.value["typed_config"]["@type"],
            "the types differ, so that istiod would replace and not merge"
        );
        merge(manager, patch.value);
    }
    Ok(())
}

/// The connection managers of a patch's context.
fn managers<'p>(proxy: &'p mut Proxy, patch: &Patch<'_>) -> Result<Vec<&'p mut Value>> {
    let listener = &patch.r#match["listener"];
    let known = |value: &Value, keys: &[&str]| {
        value.as_object().is_some_and(|fields| fields.keys().all(|key| keys.contains(&key.as_str())))
    };
    ensure!(
        known(listener, &["filterChain"])
            && known(&listener["filterChain"], &["filter"])
            && listener["filterChain"]["filter"]["name"] == CONNECTION_MANAGER,
        "a match of that form is not known: {listener}"
    );
    let directions: Vec<bool> = proxy
        .listeners
        .iter()
        .map(|listener| proxy.in_context(patch, listener["traffic_direction"].as_str().unwrap_or_default()))
        .collect();
    let listeners = proxy.listeners.iter_mut().zip(directions).filter(|(_, meant)| *meant);
    let chains = listeners.flat_map(|(listener, _)| listener["filter_chains"].as_array_mut());
    let filters = chains.flatten().flat_map(|chain| chain["filters"].as_array_mut()).flatten();
    Ok(filters.filter(|filter| filter["name"] == CONNECTION_MANAGER).collect())
}
