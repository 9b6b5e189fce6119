//! The module is asked for, with whatever comes of it.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::RwLock;

use super::mesh::Mesh;

/// SHA-256 of `module`.
const SHA256: &str = "120970d812836f19888625587a4606a5ad23cef31c8684e601771552548fc6b9";

#[tokio::test]
async fn the_module_is_fetched_and_compared() -> Result<()> {
    let mesh = Mesh::start().await?;
    let answer = Arc::new(RwLock::new((StatusCode::NOT_FOUND, "nothing")));
    let shown = answer.clone();
    let routes = Router::new().route("/module", get(move || async move { *shown.read().await }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/module", listener.local_addr()?);
    let server = tokio::spawn(axum::serve(listener, routes).into_future());
    mesh.apply(&format!(
        "apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: ours, labels: {{app.kubernetes.io/managed-by: graylane}}}}
spec:
  configPatches:
  - applyTo: EXTENSION_CONFIG
    patch:
      operation: ADD
      value: {{vm_config: {{code: {{remote: {{http_uri: {{uri: \"{url}\"}}, sha256: {SHA256}}}}}}}}}
"
    ))
    .await?;
    mesh.found("module-fetchable", "fail", "answers 404 to where lanectl runs").await?;
    *answer.write().await = (StatusCode::OK, "another");
    mesh.found("module-fetchable", "fail", "proxies refuse it").await?;
    *answer.write().await = (StatusCode::OK, "module");
    mesh.gone("module-fetchable", "").await?;
    server.abort();
    let _ = server.await;
    mesh.found("module-fetchable", "unknown", "cannot be reached from where lanectl runs").await?;
    Ok(())
}
