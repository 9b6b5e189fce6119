//! A WebSocket that is echoed by the last hop.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{self, HeaderValue};
use http::uri::{Scheme, Uri};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::{Response, generate_key};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::client::Call;

/// How long the handshake or an echo may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// An open WebSocket.
pub struct WebSocket {
    stream: WebSocketStream<TcpStream>,
    hops: String,
}

impl WebSocket {
    /// Opens a WebSocket by a GET, whose path, host and headers are taken.
    ///
    /// # Errors
    /// When the server does not grant it.
    pub async fn open(addr: SocketAddr, call: Call) -> Result<Self> {
        let request = handshake(call)?;
        let open = async {
            let tcp = TcpStream::connect(addr).await?;
            Ok(tokio_tungstenite::client_async(request, tcp).await?)
        };
        let (stream, response): (_, Response) = match tokio::time::timeout(DEADLINE, open).await {
            Ok(opened) => opened.map_err(|error: anyhow::Error| error.context("no websocket was granted"))?,
            Err(_) => bail!("no websocket within {DEADLINE:?}"),
        };
        let hops = response.headers().get("x-hops").and_then(|hops| hops.to_str().ok());
        let hops = hops.unwrap_or_default().to_owned();
        Ok(Self { stream, hops })
    }

    /// The applications on the way, such as `a-v1,b-v1,c-gray`.
    #[must_use]
    pub fn hops(&self) -> &str {
        &self.hops
    }

    /// Sends a text and returns the next one that comes.
    ///
    /// # Errors
    /// When the connection is closed or nothing comes in time.
    pub async fn echo(&mut self, text: &str) -> Result<String> {
        self.stream.send(Message::text(text)).await.context("failed to send")?;
        let answer = tokio::time::timeout(DEADLINE, self.next_text()).await;
        answer.with_context(|| format!("no echo within {DEADLINE:?}"))?
    }

    /// Says goodbye and waits for the answer to it.
    ///
    /// # Errors
    /// When the connection broke before.
    pub async fn close(mut self) -> Result<()> {
        self.stream.close(None).await.context("failed to close")?;
        let rest = async { while let Some(Ok(_)) = self.stream.next().await {} };
        tokio::time::timeout(DEADLINE, rest).await.with_context(|| format!("open after {DEADLINE:?}"))
    }

    async fn next_text(&mut self) -> Result<String> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(_))) | None => bail!("the websocket was closed"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).context("the websocket broke"),
            }
        }
    }
}

/// The request that asks for a WebSocket; the library wants an absolute URI and all headers.
fn handshake(call: Call) -> Result<http::Request<()>> {
    let (mut parts, _) = call.http1()?.into_parts();
    let host = parts.headers.get(header::HOST).context("no host")?;
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.scheme = Some(Scheme::try_from("ws")?);
    uri.authority = Some(host.to_str()?.parse()?);
    parts.uri = Uri::from_parts(uri)?;
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    parts.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    parts.headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    parts.headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_str(&generate_key())?);
    Ok(http::Request::from_parts(parts, ()))
}

#[cfg(test)]
mod tests {
    use chain::{App, Config};

    use super::*;

    #[tokio::test]
    async fn it_echoes_behind_the_name_of_the_last_hop() {
        let app = App { config: Config::new("c", "v1") }.start().await.unwrap();
        let mut socket = WebSocket::open(app.addr, Call::get("/chat").header("x-gray", "1")).await.unwrap();
        assert_eq!(socket.hops(), "c-v1");
        assert_eq!(socket.echo("hello").await.unwrap(), "c-v1: hello");
        socket.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_dead_server_breaks_it() {
        let app = App { config: Config::new("c", "v1") }.start().await.unwrap();
        let mut socket = WebSocket::open(app.addr, Call::get("/")).await.unwrap();
        app.kill().await;
        assert!(socket.echo("hello").await.is_err());
    }
}
