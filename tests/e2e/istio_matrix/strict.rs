//! A strict group: who misses a version is told, by both ways of writing routes.

use anyhow::{Result, ensure};
use tests::client::{Answer, Call};
use tests::istio_mesh::{Emitter, IstioMesh, IstioOptions};
use tests::mesh::MeshOptions;
use tests::wait;

use super::{DEADLINE, by_header, goes, gray};

/// The way of a request of a lane that is complete.
const COMPLETE: &str = "a-gray,b-gray,c-gray";

/// The answer names the lane and the service that has no version of it.
fn check_refused(answer: &Answer, service: &str) -> Result<()> {
    let text = answer.text();
    ensure!(answer.status == 503, "status {}: {text}", answer.status);
    ensure!(text.contains(&format!("service {service} ")) && text.contains("lane gray"), "{text}");
    Ok(())
}

async fn a_gap_is_told(emitter: Emitter) -> Result<()> {
    let options = MeshOptions::empty()
        .service("a", &[None, Some("gray")])
        .service("b", &[None, Some("gray")])
        .service("c", &[None, Some("gray")])
        .strict();
    let mut mesh = IstioMesh::start(options, IstioOptions::default().emitter(emitter)).await?;
    mesh.set_lane("gray", by_header()).await?;
    let (h1, h2) = (mesh.h1(), mesh.h2());
    for client in [&h1, &h2] {
        assert_eq!(client.send(gray()).await?.hops(), COMPLETE);
    }

    mesh.set_ready("b-gray", false)?;
    for client in [&h1, &h2] {
        wait::succeeds(DEADLINE, "the gap", async || {
            let answer = client.send(gray()).await?;
            check_refused(&answer, "b")?;
            ensure!(answer.hops() == "a-gray", "{}", answer.hops());
            Ok(())
        })
        .await?;
        assert_eq!(client.send(Call::get("/")).await?.hops(), "a-v1,b-v1,c-v1");
    }
    // Of the gateway, which the request of gRPC does not get past.
    mesh.set_ready("a-gray", false)?;
    wait::succeeds(DEADLINE, "the gap at the gateway", async || {
        check_refused(&h1.send(gray()).await?, "a")?;
        let answer = h2.send(Call::grpc("/shop.Cart/Get", b"").header("x-gray", "1")).await?;
        ensure!((answer.status, answer.grpc_status()) == (200, Some(14)), "{:?}", answer.headers);
        let message = answer.header("grpc-message").unwrap_or_default();
        ensure!(message.contains("service a") && message.contains("lane gray"), "{message}");
        Ok(())
    })
    .await?;

    mesh.set_ready("a-gray", true)?;
    mesh.set_ready("b-gray", true)?;
    goes(&h1, &gray(), COMPLETE).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_told_by_a_matcher() -> Result<()> {
    a_gap_is_told(Emitter::Matcher).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_told_by_header_matched_routes() -> Result<()> {
    a_gap_is_told(Emitter::Routes).await
}
