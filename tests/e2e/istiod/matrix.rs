//! The lane matrix as on plain Envoys: each request with the exact way that it takes.

use anyhow::Result;
use tests::client::Call;
use tests::istiod::{IstioMesh, IstioOptions};

/// The way of a request of lane gray: b has no gray version, c has one again.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn a_lane_goes_around_a_service_without_a_version_of_it() -> Result<()> {
    let mesh = IstioMesh::start(&IstioOptions::default()).await?;
    let client = mesh.h1()?;
    assert_eq!(client.send(Call::get("/")).await?.hops(), BASELINE);
    assert_eq!(client.send(Call::get("/").header("x-gray", "1")).await?.hops(), BASELINE);
    mesh.lanectl(&["set-lane", "gray", "--header", "x-gray"]).await?;
    mesh.followed().await?;
    assert_eq!(client.send(Call::get("/")).await?.hops(), BASELINE);
    assert_eq!(client.send(Call::get("/").header("x-gray", "1")).await?.hops(), GRAY);
    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}
