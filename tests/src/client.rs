//! A client that sends what a test states and gives back all that comes.
//!
//! It never sends a request twice and follows no redirect, so that what it sees is what happened.

mod answer;
mod call;
mod connection;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

pub use answer::Answer;
pub use call::Call;
use connection::Connection;

/// How long a request may take unless the client is told otherwise.
const DEADLINE: Duration = Duration::from_secs(30);

/// The version of HTTP that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, known beforehand.
    Http2,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody has accepted the connection.
    #[error("failed to connect to {0}")]
    Connect(SocketAddr, #[source] std::io::Error),
    /// The connection or the stream broke before the response was complete.
    #[error("the connection was lost")]
    Lost(#[source] hyper::Error),
    /// The response was not complete in time.
    #[error("no whole response within {0:?}")]
    Deadline(Duration),
    /// The request cannot be put into this protocol.
    #[error("the request cannot be sent")]
    Unsendable(#[from] http::Error),
}

/// A client of one address. Over HTTP/1.1 its requests go one after the other; over HTTP/2 those that are sent
/// at the same time are streams of one connection.
pub struct Client {
    addr: SocketAddr,
    protocol: Protocol,
    source: Option<IpAddr>,
    fresh: bool,
    deadline: Duration,
    connection: Mutex<Option<Connection>>,
    opened: AtomicU64,
}

impl Client {
    /// A client that keeps one connection, and opens a new one only after the peer has closed it.
    #[must_use]
    pub fn new(addr: SocketAddr, protocol: Protocol) -> Self {
        let (connection, opened) = (Mutex::new(None), AtomicU64::new(0));
        Self { addr, protocol, source: None, fresh: false, deadline: DEADLINE, connection, opened }
    }

    /// A client over HTTP/1.1.
    #[must_use]
    pub fn h1(addr: SocketAddr) -> Self {
        Self::new(addr, Protocol::Http1)
    }

    /// A client over HTTP/2.
    #[must_use]
    pub fn h2(addr: SocketAddr) -> Self {
        Self::new(addr, Protocol::Http2)
    }

    /// Opens a connection for every request.
    #[must_use]
    pub fn fresh(self) -> Self {
        Self { fresh: true, ..self }
    }

    /// Connects from this address of the machine, such as 127.0.0.2.
    #[must_use]
    pub fn source(self, source: IpAddr) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Lets a request take this long.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How many connections it has opened.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// When there is no whole response; a status is never an error.
    pub async fn send(&self, call: Call) -> Result<Answer, Failure> {
        let exchange = tokio::time::timeout(self.deadline, self.exchange(call)).await;
        exchange.unwrap_or(Err(Failure::Deadline(self.deadline)))
    }

    async fn exchange(&self, call: Call) -> Result<Answer, Failure> {
        let mut kept = self.connection.lock().await;
        // Taken out while in use: a request that fails or is given up leaves no connection behind. A stream of
        // HTTP/2 that fails leaves the others alone.
        let mut connection = match self.reusable(kept.take()).await {
            Some(connection) => connection,
            None => self.open().await?,
        };
        if let Some(mut stream) = connection.stream().filter(|_| !self.fresh) {
            *kept = Some(connection);
            drop(kept);
            return stream.exchange(call).await;
        }
        let answer = connection.exchange(call).await?;
        *kept = Some(connection);
        Ok(answer)
    }

    async fn reusable(&self, kept: Option<Connection>) -> Option<Connection> {
        let mut connection = kept.filter(|_| !self.fresh)?;
        connection.is_open().await.then_some(connection)
    }

    async fn open(&self) -> Result<Connection, Failure> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Connection::open(self.addr, self.source, self.protocol).await
    }
}

#[cfg(test)]
mod tests;
