//! All files of a proxy in one bootstrap: Envoy does not look into discovered files when it only validates.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// The bootstrap of a proxy with its clusters, listeners, routes and filters put where discovery puts them.
pub(super) fn bootstrap(proxy: &Path) -> Result<Value> {
    let mut bootstrap = read(&proxy.join("bootstrap.json"))?;
    let routes = resources(&proxy.join("rds.json"))?.into_iter().next().context("no routes")?;
    let mut listeners = resources(&proxy.join("lds.json"))?;
    for listener in &mut listeners {
        let chains = listener["filter_chains"].as_array_mut().into_iter().flatten();
        for filter in chains.filter_map(|chain| chain["filters"].as_array_mut()).flatten() {
            compose(&mut filter["typed_config"], &routes)?;
        }
    }
    let clusters = resources(&proxy.join("cds.json"))?;
    bootstrap.as_object_mut().context("no object")?.remove("dynamic_resources");
    bootstrap["static_resources"] = json!({ "listeners": listeners, "clusters": clusters });
    Ok(bootstrap)
}

/// Puts routes and filters into a connection manager.
fn compose(manager: &mut Value, routes: &Value) -> Result<()> {
    let fields = manager.as_object_mut().context("no connection manager")?;
    if fields.remove("rds").is_some() {
        fields.insert("route_config".to_owned(), routes.clone());
    }
    for filter in fields.get_mut("http_filters").and_then(Value::as_array_mut).into_iter().flatten() {
        let path = "/config_discovery/config_source/path_config_source/path";
        let Some(path) = filter.pointer(path).and_then(Value::as_str).map(str::to_owned) else { continue };
        let found = resources(Path::new(&path))?.into_iter().next().context("no filter")?;
        let filter = filter.as_object_mut().context("no filter")?;
        filter.remove("config_discovery");
        filter.insert("typed_config".to_owned(), found["typed_config"].clone());
    }
    Ok(())
}

/// The resources of a discovery response, as they stand in static configuration.
fn resources(file: &Path) -> Result<Vec<Value>> {
    let mut response = read(file)?;
    let mut resources = response["resources"].as_array_mut().map(std::mem::take).context("no resources")?;
    for resource in &mut resources {
        resource.as_object_mut().context("no resource")?.remove("@type");
    }
    Ok(resources)
}

fn read(file: &Path) -> Result<Value> {
    let text = std::fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| file.display().to_string())
}
