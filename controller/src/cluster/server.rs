//! The controller's own HTTP interface: health, metrics, and the Wasm module for Istio's agents.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::module::Served;

/// Where a module with this digest lies: what is at an address never changes.
pub(super) fn module_path(sha256: &str) -> String {
    format!("/module/{sha256}.wasm")
}

/// What the interface shows.
#[derive(Clone)]
pub struct Shown {
    /// Whether the caches are filled, so that this controller could act.
    pub ready: Arc<AtomicBool>,
    /// The metrics.
    pub registry: Arc<Registry>,
    /// The Wasm module, where this controller serves it.
    pub module: Option<Served>,
}

/// The interface.
pub fn router(shown: Shown) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/module/{file}", get(module))
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

async fn module(State(shown): State<Shown>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(served) = shown.module else {
        return (StatusCode::NOT_FOUND, "this controller serves no module").into_response();
    };
    match file.strip_suffix(".wasm") {
        Some(digest) if digest == served.sha256 => serve(&served, &headers),
        Some(digest) if is_digest(digest) => elsewhere(),
        _ => (StatusCode::NOT_FOUND, "a module is named by its SHA-256").into_response(),
    }
}

fn serve(served: &Served, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", served.sha256);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|list| list.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    let is_known = known.into_iter().any(|known| known == "*" || known == tag);
    let forever = "public, max-age=31536000, immutable".to_owned();
    let about = [(header::ETAG, tag), (header::CACHE_CONTROL, forever)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, "application/wasm")], served.bytes.to_vec()).into_response()
}

/// While a new version of the controller rolls out one replica has the old module and one the new. An agent gives
/// up at a 404, and its proxy goes without the filter until the next push; at a 503 it tries again, and over a
/// new connection it may reach the other replica.
fn elsewhere() -> Response {
    let headers = [(header::CONNECTION, "close"), (header::RETRY_AFTER, "1")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, "another replica may have this module").into_response()
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests;
