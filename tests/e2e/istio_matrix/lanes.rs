//! Who gets into a lane, and which way its requests take, by both ways of writing routes.

use anyhow::Result;
use tests::client::Call;
use tests::istio_mesh::{Emitter, IstioMesh, IstioOptions};
use tests::mesh::MeshOptions;

use super::{BASELINE, GRAY, by_header, gray};

async fn a_lane_is_followed(emitter: Emitter) -> Result<()> {
    let options = MeshOptions::default().concurrency(2);
    let mut mesh = IstioMesh::start(options, IstioOptions::default().emitter(emitter)).await?;
    for client in [mesh.h1(), mesh.h2()] {
        assert_eq!(client.send(gray()).await?.hops(), BASELINE);
    }
    let findings = mesh.set_lane("gray", by_header()).await?;
    assert_eq!(findings, []);
    for client in [mesh.h1(), mesh.h2()] {
        assert_eq!(client.send(gray()).await?.hops(), GRAY);
        assert_eq!(client.send(Call::get("/")).await?.hops(), BASELINE);
    }
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn by_matcher() -> Result<()> {
    a_lane_is_followed(Emitter::Matcher).await
}

#[tokio::test]
async fn by_routes() -> Result<()> {
    a_lane_is_followed(Emitter::Routes).await
}
