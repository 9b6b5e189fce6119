//! Bytes over a bare TCP connection, for requests that no client library would send.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends bytes and returns what comes back: up to the end of the first response or of the connection.
///
/// # Errors
/// When the connection cannot be made, or when neither end comes before the deadline.
pub async fn raw(addr: SocketAddr, bytes: &[u8], deadline: Duration) -> Result<Vec<u8>> {
    let mut received = Vec::new();
    match tokio::time::timeout(deadline, exchange(addr, bytes, &mut received)).await {
        Ok(result) => result.map(|()| received),
        Err(_) => bail!("no end within {deadline:?} after {:?}", received.escape_ascii().to_string()),
    }
}

async fn exchange(addr: SocketAddr, bytes: &[u8], received: &mut Vec<u8>) -> Result<()> {
    let stream = TcpStream::connect(addr).await.with_context(|| format!("failed to connect to {addr}"))?;
    let (mut read, mut write) = stream.into_split();
    // A server may answer and close before it has read all; then the write fails and the answer counts.
    let sent = async {
        let _ = write.write_all(bytes).await;
        std::future::pending::<()>().await;
    };
    let answered = async {
        while !is_whole(received) {
            // A reset ends the connection as well as an orderly close does.
            if matches!(read.read_buf(received).await, Ok(0) | Err(_)) {
                break;
            }
        }
    };
    tokio::select! {
        () = sent => {}
        () = answered => {}
    }
    Ok(())
}

/// Whether the bytes hold a whole response whose length is stated.
fn is_whole(received: &[u8]) -> bool {
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let (head, body) = received.split_at(end + 4);
    content_length(head).is_some_and(|length| body.len() >= length)
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers the first bytes it gets with `answer`, and keeps or closes the connection.
    async fn server(answer: &'static [u8], close: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            stream.write_all(answer).await.unwrap();
            if !close {
                std::future::pending::<()>().await;
            }
        });
        addr
    }

    #[tokio::test]
    async fn a_whole_response_ends_it_though_the_connection_is_kept() {
        let addr = server(b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno", false).await;
        let answer = raw(addr, b"\0", Duration::from_secs(10)).await.unwrap();
        assert!(answer.ends_with(b"\r\n\r\nno"));
    }

    #[tokio::test]
    async fn a_closed_connection_ends_it() {
        let addr = server(b"HTTP/1.1 400", true).await;
        assert_eq!(raw(addr, b"\0", Duration::from_secs(10)).await.unwrap(), b"HTTP/1.1 400");
    }

    #[tokio::test]
    async fn silence_is_an_error_that_shows_what_came() {
        let addr = server(b"HTTP", false).await;
        let error = raw(addr, b"\0", Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(error.to_string(), "no end within 100ms after \"HTTP\"");
    }
}
