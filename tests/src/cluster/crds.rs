//! Custom resource definitions: read out of YAML, installed, and waited for.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client};

/// How long a definition may take until its resource is served.
const DEADLINE: Duration = Duration::from_secs(60);

/// The kinds of Istio that the tests write or read. Each definition costs the API server time, so not all.
pub(super) const ISTIO_KINDS: [&str; 8] = [
    "AuthorizationPolicy",
    "DestinationRule",
    "EnvoyFilter",
    "Gateway",
    "PeerAuthentication",
    "Sidecar",
    "VirtualService",
    "WasmPlugin",
];

/// As much of the Gateway API as tests need, for [`super::Cluster::install_crds`].
pub const GATEWAY_API: &str = include_str!("gateway-api.yaml");

/// The documents of a YAML stream.
pub(super) fn documents(text: &str) -> impl Iterator<Item = &str> {
    let is_filled =
        |document: &&str| document.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#'));
    text.split("\n---").filter(is_filled)
}

/// Istio's definitions of these kinds.
pub(super) fn of_istio<'t>(text: &'t str, kinds: &[&str]) -> impl Iterator<Item = &'t str> {
    let names: Vec<String> = kinds.iter().map(|kind| format!("    kind: {kind}")).collect();
    documents(text).filter(move |document| document.lines().any(|line| names.iter().any(|name| name == line)))
}

/// Installs definitions and waits until they are served.
pub(super) async fn install<'a>(client: &Client, documents: impl Iterator<Item = &'a str>) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("tests").force();
    let mut names = Vec::new();
    for document in documents {
        let definition: serde_json::Value =
            serde_saphyr::from_str(document).context("a definition is no YAML")?;
        let name = definition.pointer("/metadata/name").and_then(serde_json::Value::as_str);
        let name = name.context("a definition has no name")?.to_owned();
        api.patch(&name, &params, &Patch::Apply(&definition))
            .await
            .with_context(|| format!("{name} is refused"))?;
        names.push(name);
    }
    for name in names {
        let established = await_condition(api.clone(), &name, conditions::is_crd_established());
        let waited = tokio::time::timeout(DEADLINE, established).await;
        waited.with_context(|| format!("waited {DEADLINE:?} for {name} to be served"))??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_without_content_are_passed_over() {
        let text = "# Written by a program.\n---\na: 1\n---\n\n---\n# b\nb: 2\n";
        let found: Vec<&str> = documents(text).map(str::trim).collect();
        assert_eq!(found, ["a: 1", "# b\nb: 2"]);
    }

    #[test]
    fn of_istio_only_what_is_needed_is_taken() {
        let definition =
            |kind| format!("kind: CustomResourceDefinition\nspec:\n  names:\n    kind: {kind}\n");
        let text = ["EnvoyFilter", "ProxyConfig", "Gateway"].map(definition).join("---\n");
        assert_eq!(of_istio(&text, &ISTIO_KINDS).count(), 2);
    }
}
