//! The controller's own HTTP interface: health, metrics, and the Wasm module for Istio's agents.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// Where the module lies on the controller's HTTP interface.
pub const MODULE_PATH: &str = "/module/graylane.wasm";

/// What the interface shows.
#[derive(Clone)]
pub struct Shown {
    /// Whether the caches are filled, so that this controller could act.
    pub ready: Arc<AtomicBool>,
    /// The metrics.
    pub registry: Arc<Registry>,
    /// The Wasm module, where this controller serves it.
    pub module: Option<Arc<[u8]>>,
}

/// The interface.
pub fn router(shown: Shown) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route(MODULE_PATH, get(module))
        .with_state(shown)
}

async fn ready(State(shown): State<Shown>) -> (StatusCode, &'static str) {
    if shown.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the caches are not filled yet")
    }
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &shown.registry);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}

async fn module(State(shown): State<Shown>) -> impl IntoResponse {
    match shown.module {
        Some(bytes) => Ok(([(header::CONTENT_TYPE, "application/wasm")], bytes.to_vec())),
        None => Err((StatusCode::NOT_FOUND, "this controller serves no module")),
    }
}
