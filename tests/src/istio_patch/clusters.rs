//! Patches of clusters that istiod made.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Patch, Proxy};

/// The only field that is merged. It is a map of messages, and what has the same key is replaced, not merged.
const OPTIONS: &str = "typed_extension_protocol_options";

/// Merges protocol options into the clusters of a service that a sidecar receives for: their names say nothing of
/// it, but istiod knows.
pub(super) fn merge_options(proxy: &mut Proxy, patch: &Patch<'_>) -> Result<()> {
    let service = &patch.r#match["cluster"]["service"];
    let is_plain = patch.r#match["cluster"].as_object().is_some_and(|fields| fields.len() == 1);
    ensure!(
        patch.context == "SIDECAR_INBOUND" && is_plain && service.is_string(),
        "is not known for {}",
        patch.r#match
    );
    let options =
        patch.value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get(OPTIONS));
    let options = options.and_then(Value::as_object);
    ensure!(options.is_some(), "fields other than {OPTIONS} are not known");
    if proxy.is_gateway {
        return Ok(());
    }
    let receives_for = |cluster: &&mut Value| {
        let services = cluster["metadata"]["filter_metadata"]["istio"]["services"].as_array();
        let named = services.into_iter().flatten().any(|one| one["host"] == *service);
        named && cluster["name"].as_str().is_some_and(|name| name.starts_with("inbound|"))
    };
    for cluster in proxy.clusters.iter_mut().filter(receives_for) {
        if !cluster[OPTIONS].is_object() {
            cluster[OPTIONS] = json!({});
        }
        for (key, value) in options.into_iter().flatten() {
            cluster[OPTIONS][key] = value.clone();
        }
    }
    Ok(())
}
