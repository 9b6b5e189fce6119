//! The client that calls the next hop.
//!
//! The next hop is dialled at one address and asked for under another name: an application behind a sidecar
//! calls `http://b/` and its connection ends in the sidecar's outbound listener.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::body::Body;
use crate::config::NextHop;
use crate::tasks::Tasks;

/// Largest header list of a response over HTTP/2.
const MAX_HEADER_BYTES: u32 = 1 << 20;

/// Calls the next hop over kept-alive connections, one pool per HTTP version.
pub(crate) struct Next {
    host: Authority,
    http1: Client<Dial, Body>,
    http2: Client<Dial, Body>,
}

impl Next {
    pub(crate) fn new(next: &NextHop, tasks: &Tasks) -> Self {
        let dial = Dial { address: next.dial.as_str().into() };
        let builder = Client::builder(tasks.clone());
        let http2 =
            builder.clone().http2_only(true).http2_max_header_list_size(MAX_HEADER_BYTES).build(dial.clone());
        Self { host: next.host.clone(), http1: builder.build(dial), http2 }
    }

    /// Calls the next hop with this request, under its own name and in the request's version.
    ///
    /// There is no time limit of its own: the proxies' time-outs are to be seen, not an application's.
    pub(crate) async fn call(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Error> {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = self.uri(path);
        if request.version() == Version::HTTP_2 {
            return self.http2.request(request).await;
        }
        *request.version_mut() = Version::HTTP_11;
        self.http1.request(request).await
    }

    fn uri(&self, path: Option<PathAndQuery>) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.host.clone());
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        // Scheme, authority and path are all there, which is all that can be missing.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// Connects to one address, whatever host is asked for.
#[derive(Clone)]
struct Dial {
    address: Arc<str>,
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let address = Arc::clone(&self.address);
        Box::pin(async move {
            let stream = TcpStream::connect(&*address).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}
