//! Every protocol, in the lane and outside: HTTP/1.1, HTTP/2, gRPC, WebSocket, large bodies, streams.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};
use tests::websocket::WebSocket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::lanes;

/// A body beyond every buffer on the way.
const UPLOAD: usize = 3 * 1024 * 1024;
/// How long a stream may stall.
const DEADLINE: Duration = Duration::from_secs(30);
/// Lines of the stream that is watched, and milliseconds between two.
const CHUNKS: usize = 4;
const PAUSE_MS: u32 = 250;

/// The two ways, each with what makes a request take it.
fn both(call: impl Fn() -> Call) -> [(Call, &'static str); 2] {
    [(call().header(lanes::ENTERS, "1"), "a-gray,b-v1,c-gray"), (call(), "a-v1,b-v1,c-v1")]
}

#[tokio::test]
async fn every_protocol_keeps_its_lane() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    lanes::gray(&mesh).await?;
    plain(&mesh).await.context("plain")?;
    grpc(&mesh).await.context("grpc")?;
    websocket(&mesh).await.context("websocket")?;
    upload(&mesh).await.context("upload")?;
    streamed(&mesh).await.context("streamed")?;
    mesh.passed().await;
    Ok(())
}

async fn plain(mesh: &Mesh) -> Result<()> {
    for (client, protocol) in [(mesh.h1(), "HTTP/1.1"), (mesh.h2(), "HTTP/2.0")] {
        for (call, hops) in both(|| Call::get("/cart?user=7")) {
            let answer = client.send(call).await?;
            ensure!((answer.status, answer.hops()) == (200, hops), "{protocol}: {}", answer.text());
            let json = answer.json()?;
            ensure!(json["protocol"] == protocol && json["path"] == "/cart?user=7", "{json}");
        }
    }
    Ok(())
}

async fn grpc(mesh: &Mesh) -> Result<()> {
    for (call, hops) in both(|| Call::grpc("/shop.Cart/Get", b"message")) {
        let answer = mesh.h2().send(call).await?;
        ensure!(answer.hops() == hops, "{}", answer.hops());
        ensure!(
            answer.trailers.get("grpc-status").is_some_and(|status| status == "0"),
            "{:?}",
            answer.trailers
        );
        ensure!(answer.json()?["body_bytes"] == 5 + "message".len(), "{}", answer.json()?);
    }
    Ok(())
}

async fn websocket(mesh: &Mesh) -> Result<()> {
    for (call, hops) in both(|| Call::get("/chat")) {
        let mut socket = WebSocket::open(mesh.gateway(), call).await?;
        ensure!(socket.hops() == hops, "{}", socket.hops());
        let last = hops.rsplit(',').next().unwrap_or_default();
        for text in ["one", "two"] {
            ensure!(socket.echo(text).await? == format!("{last}: {text}"));
        }
        socket.close().await?;
    }
    Ok(())
}

async fn upload(mesh: &Mesh) -> Result<()> {
    for client in [mesh.h1(), mesh.h2()] {
        for (call, hops) in both(|| Call::post("/upload", vec![b'x'; UPLOAD])) {
            let answer = client.send(call).await?;
            ensure!((answer.status, answer.hops()) == (200, hops), "{}", answer.text());
            ensure!(answer.json()?["body_bytes"] == UPLOAD, "{}", answer.json()?);
        }
    }
    Ok(())
}

/// The lines come one by one, not all at the end.
async fn streamed(mesh: &Mesh) -> Result<()> {
    let path = format!("/stream?chunks={CHUNKS}&ms={PAUSE_MS}");
    for (call, hops) in both(|| Call::get(&path)) {
        let answer = mesh.h2().send(call).await?;
        ensure!((answer.status, answer.hops()) == (200, hops), "{}", answer.text());
        ensure!(answer.text().lines().count() == CHUNKS, "{}", answer.text());
    }
    let head = format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n");
    for (enters, last) in [("x-gray: 1\r\n", "c-gray"), ("", "c-v1")] {
        let (first, whole) = times(mesh.gateway(), &format!("{head}{enters}\r\n"), last).await?;
        let pause = Duration::from_millis(u64::from(PAUSE_MS));
        ensure!(whole >= first + pause * 2, "first line after {first:?}, all of them after {whole:?}");
    }
    Ok(())
}

/// When the first line of `name` has come, and when the last byte has.
async fn times(gateway: SocketAddr, request: &str, name: &str) -> Result<(Duration, Duration)> {
    let begun = Instant::now();
    let read = async {
        let mut stream = TcpStream::connect(gateway).await?;
        stream.write_all(request.as_bytes()).await?;
        let (mut received, mut first) = (Vec::new(), None);
        while stream.read_buf(&mut received).await? > 0 {
            let line = format!("\"name\":\"{name}\"");
            let has_come = String::from_utf8_lossy(&received).contains(&line);
            first = first.or_else(|| has_come.then(|| begun.elapsed()));
        }
        Ok((first.with_context(|| received.escape_ascii().to_string())?, begun.elapsed()))
    };
    tokio::time::timeout(DEADLINE, read).await.with_context(|| format!("a stall of {DEADLINE:?}"))?
}
