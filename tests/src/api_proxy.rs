//! A way to the API server on which something goes wrong.
//!
//! A controller whose kubeconfig leads here speaks to the API server through this proxy, over HTTP/1.1 without
//! TLS. The proxy counts its writes and can hold exactly one of them, before or after the API server has seen it,
//! so that the controller can be killed there; it can hold watches back while all else works; and it can move the
//! clock that the controller and the API server seem to have in common.
//!
//! ```text
//! clock.rs    times in bodies, moved
//! watches.rs  the events of a watch: passed on, held back, or broken off
//! ```

mod clock;
mod watches;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderName, Method, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::cluster::Cluster;
use watches::Watches;

pub use clock::Skew;

/// What belongs to one connection, or is decided anew on the way.
const NOT_PASSED_ON: [HeaderName; 5] = [
    header::HOST,
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// The pause after a connection that could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Which side of a write is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The API server never sees the write.
    Before,
    /// The API server has done it, and the controller never learns that.
    After,
}

/// A write that the proxy has seen: method and path.
pub type Write = String;

/// A proxy in front of an API server; dropping it breaks all its connections off.
pub struct ApiProxy {
    shared: Arc<Shared>,
    kubeconfig: PathBuf,
    server: JoinHandle<()>,
    _dir: TempDir,
}

/// What all connections share.
struct Shared {
    upstream: Client,
    skew: Skew,
    writes: Mutex<Writes>,
    held: watch::Sender<Option<Write>>,
    watches: watch::Sender<Watches>,
}

/// The writes since the count began, and which of them to hold.
#[derive(Default)]
struct Writes {
    seen: Vec<Write>,
    leases: usize,
    hold: Option<(usize, Moment)>,
}

impl ApiProxy {
    /// Starts a proxy that speaks to the cluster's API server for the user who may do everything.
    ///
    /// # Errors
    /// When no address can be listened on.
    pub async fn start(cluster: &Cluster) -> Result<Self> {
        Self::with_clock(cluster, Skew::none()).await
    }

    /// As [`Self::start`], for a controller whose clock is wrong.
    ///
    /// # Errors
    /// When no address can be listened on.
    pub async fn with_clock(cluster: &Cluster, skew: Skew) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let dir = tempfile::tempdir()?;
        let kubeconfig = dir.path().join("kubeconfig");
        std::fs::write(&kubeconfig, kubeconfig_for(&format!("http://{address}")))?;
        let shared = Arc::new(Shared {
            upstream: cluster.client().await?,
            skew,
            writes: Mutex::default(),
            held: watch::Sender::new(None),
            watches: watch::Sender::new(Watches::default()),
        });
        let server = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self { shared, kubeconfig, server, _dir: dir })
    }

    /// The kubeconfig that leads here.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Begins to count anew, and holds the write of that number, counted from 1, if one is given.
    pub fn count_from_here(&self, hold: Option<(usize, Moment)>) {
        *self.shared.writes() = Writes { hold, ..Writes::default() };
        self.shared.held.send_replace(None);
    }

    /// The writes since the count began, those of leases aside.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.shared.writes().seen.clone()
    }

    /// How often a lease was looked at or written.
    #[must_use]
    pub fn lease_requests(&self) -> usize {
        self.shared.writes().leases
    }

    /// The write that is being held, if it is.
    #[must_use]
    pub fn held(&self) -> Option<Write> {
        self.shared.held.borrow().clone()
    }

    /// Holds nothing any more, and says whether nothing has been caught so far.
    #[must_use]
    pub fn hold_nothing(&self) -> bool {
        let mut writes = self.shared.writes();
        let has_caught = writes.hold.is_some_and(|(number, _)| writes.seen.len() >= number);
        writes.hold = writes.hold.filter(|_| has_caught);
        !has_caught
    }

    /// From now on the events of these resources' watches do not arrive, though nothing looks broken.
    pub fn freeze(&self, resources: &[&str]) {
        self.shared.watches.send_modify(|watches| watches.freeze(resources));
    }

    /// What was held back arrives.
    pub fn thaw(&self) {
        self.shared.watches.send_modify(Watches::thaw);
    }

    /// What was held back is lost: the watches end with `410 Gone`, as after a compaction of the store.
    pub fn expire(&self) {
        self.shared.watches.send_modify(Watches::expire);
    }
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn writes(&self) -> std::sync::MutexGuard<'_, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a write, and says whether and how it is to be held.
    fn count(&self, write: &Write) -> Option<Moment> {
        let mut writes = self.writes();
        writes.seen.push(write.clone());
        let number = writes.seen.len();
        writes.hold.filter(|(held, _)| *held == number).map(|(_, moment)| moment)
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer> {
        self.writes().leases += usize::from(request.uri().path().contains("/leases"));
        let moment = write_of(&request).and_then(|write| Some((self.count(&write)?, write)));
        match moment {
            Some((Moment::Before, write)) => self.hold(write).await,
            Some((Moment::After, write)) => {
                // Also where the API server could not be asked: whoever waits is to be killed here.
                let _answer = self.pass_on(request).await;
                self.hold(write).await
            }
            None => self.pass_on(request).await,
        }
    }

    /// Never answers; whoever waits is to be killed.
    async fn hold(&self, write: Write) -> Result<Answer> {
        self.held.send_replace(Some(write));
        std::future::pending().await
    }

    async fn pass_on(&self, request: Request<Incoming>) -> Result<Answer> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().context("a request without a path")?.as_str().to_owned();
        let body = self.skew.to_server(body.collect().await?.to_bytes());
        let mut forwarded = Request::builder().method(parts.method).uri(&path).body(Body::from(body))?;
        forwarded.headers_mut().extend(parts.headers);
        for name in &NOT_PASSED_ON {
            forwarded.headers_mut().remove(name);
        }
        let (parts, body) = self.upstream.send(forwarded).await?.into_parts();
        let body = if path.contains("watch=true") {
            let events = watches::relay(body, path, self.watches.subscribe(), self.skew);
            StreamBody::new(events.map(|line| Ok(Frame::data(line)))).boxed_unsync()
        } else {
            Full::new(self.skew.to_controller(body.collect_bytes().await?)).boxed_unsync()
        };
        let mut answer = Response::from_parts(parts, body);
        for name in &NOT_PASSED_ON {
            answer.headers_mut().remove(name);
        }
        Ok(answer)
    }
}

/// The name of a request that changes something, leases and what is only tried aside.
fn write_of(request: &Request<Incoming>) -> Option<Write> {
    let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let path = request.uri().path();
    let is_tried = request.uri().query().is_some_and(|query| query.contains("dryRun="));
    (writes.contains(request.method()) && !path.contains("/leases") && !is_tried)
        .then(|| format!("{} {path}", request.method()))
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No free descriptor, which another connection will give back.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let shared = shared.clone();
        let service = service_fn(move |request| shared.clone().answer(request));
        // An error ends the connection, which is what the controller is to see of it.
        connections.spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            connection.serve_connection(TokioIo::new(stream), service).await.unwrap_or_default();
        });
        while connections.try_join_next().is_some() {}
    }
}

/// JSON is YAML, which is what such files are.
fn kubeconfig_for(server: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "proxy", "cluster": { "server": server } }],
        "users": [{ "name": "proxy", "user": {} }],
        "contexts": [{ "name": "proxy", "context": { "cluster": "proxy", "user": "proxy" } }],
        "current-context": "proxy",
    })
    .to_string()
}
