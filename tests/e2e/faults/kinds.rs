//! What each kind of fault does to plain and to gRPC requests.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::client::Call;
use tests::mesh::Mesh;

use super::{GRAY, armed, baseline_is_well, gray, set, stop};
use crate::lanes;

/// gRPC's code for a service that is not available.
const UNAVAILABLE: u16 = 14;

#[tokio::test]
async fn every_kind_does_what_it_says() -> Result<()> {
    let mesh = Mesh::start(armed()).await?;
    lanes::gray(&mesh).await?;
    delays(&mesh).await?;
    aborts(&mesh).await?;
    throttles(&mesh).await?;
    baseline_is_well(&mesh).await?;
    mesh.passed().await;
    Ok(())
}

/// A delay is at least as long as it says; how much longer is for the figures.
async fn delays(mesh: &Mesh) -> Result<()> {
    for (delay, least) in [("400ms", 400), ("300ms..500ms", 300), ("400ms~10ms", 340)] {
        set(mesh, "slow", &["--to", "c", "--lane", "gray", "--delay", delay]).await?;
        let begun = Instant::now();
        let answer = mesh.h1().send(gray("/")).await?;
        let took = begun.elapsed();
        ensure!((answer.status, answer.hops()) == (200, GRAY), "{delay}: {}", answer.text());
        ensure!(took >= Duration::from_millis(least), "{delay}: after {took:?}");
    }
    stop(mesh, "slow").await
}

async fn aborts(mesh: &Mesh) -> Result<()> {
    let plain = || gray("/");
    let grpc = || Call::grpc("/shop.Cart/Get", b"message").header(lanes::ENTERS, "1");
    // Envoy turns a gRPC status into the closest HTTP status for those who speak no gRPC, and the reverse.
    for (abort, status) in [("503", 503), ("418", 418), ("grpc:UNAVAILABLE", 503), ("grpc:7", 403)] {
        set(mesh, "broken", &["--to", "c", "--lane", "gray", "--abort", abort]).await?;
        let answer = mesh.h1().send(plain()).await?;
        ensure!(answer.status == status, "{abort}: {} {}", answer.status, answer.text());
        ensure!(answer.text().contains("fault filter abort"), "{abort}: {}", answer.text());
    }
    for (abort, status) in [("503", UNAVAILABLE), ("grpc:UNAVAILABLE", UNAVAILABLE), ("grpc:7", 7)] {
        set(mesh, "broken", &["--to", "c", "--lane", "gray", "--abort", abort]).await?;
        let answer = mesh.h2().send(grpc()).await?;
        ensure!(
            (answer.status, answer.grpc_status()) == (200, Some(status)),
            "{abort}: {:?}",
            answer.headers
        );
        ensure!(answer.body.is_empty() && answer.trailers.is_empty(), "{abort}: more than headers");
    }
    stop(mesh, "broken").await?;
    let answer = mesh.h2().send(grpc()).await?;
    ensure!(answer.grpc_status() == Some(0), "{:?}", answer.trailers);
    Ok(())
}

/// A body of lines flows at 2 KiB per second.
async fn throttles(mesh: &Mesh) -> Result<()> {
    let path = "/stream?chunks=120&ms=0";
    let fast = mesh.h1().send(gray(path)).await?;
    let bytes = u32::try_from(fast.body.len())?;
    ensure!(bytes > 3_000, "{bytes} bytes");
    set(mesh, "narrow", &["--to", "c", "--lane", "gray", "--throughput", "2"]).await?;
    let begun = Instant::now();
    let slow = mesh.h1().send(gray(path)).await?;
    let took = begun.elapsed();
    ensure!(slow.body == fast.body, "{} bytes instead of {bytes}", slow.body.len());
    // The bucket is full at the beginning, of a sixteenth of a second.
    let least = Duration::from_secs_f64(f64::from(bytes) / 2048.0 * 0.8);
    ensure!(took >= least, "{bytes} bytes after {took:?}, sooner than {least:?}");
    stop(mesh, "narrow").await
}
