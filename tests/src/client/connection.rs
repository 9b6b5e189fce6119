//! One connection: requests go one after the other over HTTP/1.1, side by side over HTTP/2.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::client::{Answer, Call, Failure, Protocol};

/// Bytes of headers taken per HTTP/2 response.
const MAX_HEADER_BYTES: u32 = 1 << 20;
/// Header lines taken per HTTP/1.1 response.
const MAX_HEADERS: usize = 4096;

/// An open connection; dropping it closes it.
pub(crate) struct Connection {
    sender: Sender,
    driver: JoinHandle<()>,
}

/// The end of a connection that takes requests.
pub(crate) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    pub(crate) async fn open(
        addr: SocketAddr,
        source: Option<IpAddr>,
        protocol: Protocol,
    ) -> Result<Self, Failure> {
        let stream = connect(addr, source).await.map_err(|error| Failure::Connect(addr, error))?;
        let io = TokioIo::new(stream);
        let connection = match protocol {
            Protocol::Http1 => {
                let (sender, driver) = http1::Builder::new()
                    .max_headers(MAX_HEADERS)
                    .handshake(io)
                    .await
                    .map_err(Failure::Lost)?;
                // A failure of the connection is reported by the request that it fails.
                let driver = tokio::spawn(async { driver.await.unwrap_or_default() });
                Self { sender: Sender::Http1(sender), driver }
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.max_header_list_size(MAX_HEADER_BYTES);
                let (sender, driver) = builder.handshake(io).await.map_err(Failure::Lost)?;
                let driver = tokio::spawn(async { driver.await.unwrap_or_default() });
                Self { sender: Sender::Http2(sender), driver }
            }
        };
        Ok(connection)
    }

    /// Waits until the next request may be sent; false once the peer has closed the connection.
    pub(crate) async fn is_open(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await.is_ok(),
            Sender::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// A sender for one more stream beside those that are open; none over HTTP/1.1, which has no streams.
    pub(crate) fn stream(&self) -> Option<Sender> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender) => Some(Sender::Http2(sender.clone())),
        }
    }

    pub(crate) async fn exchange(&mut self, call: Call) -> Result<Answer, Failure> {
        self.sender.exchange(call).await
    }
}

impl Sender {
    /// Sends a request and reads the whole response.
    pub(crate) async fn exchange(&mut self, call: Call) -> Result<Answer, Failure> {
        let response = match self {
            Self::Http1(sender) => sender.send_request(body(call.http1()?)).await,
            Self::Http2(sender) => sender.send_request(body(call.http2()?)).await,
        };
        let (parts, body) = response.map_err(Failure::Lost)?.into_parts();
        let collected = body.collect().await.map_err(Failure::Lost)?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let status = parts.status.as_u16();
        Ok(Answer { status, headers: parts.headers, body: collected.to_bytes(), trailers })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn body(request: Request<Bytes>) -> Request<Full<Bytes>> {
    request.map(Full::new)
}

/// Connects, from one address of the machine if it matters which.
async fn connect(addr: SocketAddr, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
