//! What stands in for istiod: it answers the proxies' polls (xDS over HTTP) with what it is given for each.
//!
//! Files would do too, but each file that an Envoy watches takes one of the few inotify instances of a machine,
//! and a mesh has a hundred.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Which resources: the proxy, the kind as the path of a poll names it, and the name where one is asked for.
type Key = (String, &'static str, String);

/// The kinds of resources. Of the first two a proxy takes all that there are.
const KINDS: [&str; 5] = ["clusters", "listeners", "routes", "endpoints", "extension_configs"];

/// Resources with their version.
#[derive(Clone, Default)]
struct Resources {
    version: u64,
    resources: Value,
    /// Whether a poll has named this version as the one in force.
    is_taken: bool,
}

#[derive(Default)]
struct State {
    last_version: u64,
    resources: BTreeMap<Key, Resources>,
}

/// A server on loopback; it ends when it is dropped.
pub(super) struct ControlPlane {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl ControlPlane {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let service = service_fn(move |request| answer(shared.clone(), request));
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                // A proxy that breaks off polls again.
                tokio::spawn(async { connection.await.unwrap_or_default() });
            }
        });
        Ok(Self { address, state, server })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on a proxy gets these resources: those of a name, or for an empty name all of the kind. What has
    /// not changed keeps its version, since an Envoy takes no note of another one.
    pub(super) fn set(&self, proxy: &str, kind: &'static str, name: &str, resources: &[Value]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let version = state.last_version + 1;
        let known = state.resources.entry((proxy.to_owned(), kind, name.to_owned())).or_default();
        if known.resources != json!(resources) {
            *known = Resources { version, resources: json!(resources), is_taken: false };
            state.last_version = version;
        }
    }

    /// Whether the proxy has these resources in force, by its own polls.
    pub(super) fn is_taken(&self, proxy: &str, kind: &'static str, name: &str) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.resources.get(&(proxy.to_owned(), kind, name.to_owned()));
        known.is_some_and(|known| known.is_taken)
    }

    /// The version of resources, as a configuration dump has it.
    pub(super) fn version(&self, proxy: &str, kind: &'static str, name: &str) -> Result<Value> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.resources.get(&(proxy.to_owned(), kind, name.to_owned()));
        Ok(json!(known.with_context(|| format!("no {kind} {name} for {proxy}"))?.version.to_string()))
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let (status, body) = match asked(&state, &path, &body) {
        None => (StatusCode::NOT_FOUND, String::new()),
        // Nothing new.
        Some(None) => (StatusCode::NOT_MODIFIED, String::new()),
        Some(Some(body)) => (StatusCode::OK, body.to_string()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    Ok(response)
}

/// The answer of a poll: nothing known, nothing new, or a `DiscoveryResponse`.
fn asked(state: &Mutex<State>, path: &str, body: &[u8]) -> Option<Option<Value>> {
    let kind = KINDS.into_iter().find(|kind| path.strip_prefix("/v3/discovery:") == Some(*kind))?;
    let request: Value = serde_json::from_slice(body).ok()?;
    let proxy = request["node"]["cluster"].as_str()?;
    let name = request["resource_names"][0].as_str().unwrap_or_default();
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let known = state.resources.get_mut(&(proxy.to_owned(), kind, name.to_owned()))?;
    let version = known.version.to_string();
    if request["version_info"] == *version {
        known.is_taken = true;
        return Some(None);
    }
    Some(Some(json!({ "version_info": version, "resources": known.resources })))
}
