//! The door out of the mesh: what a sidecar passes through to a host that nobody has declared.

use anyhow::Result;
use chain::{App, Config};
use tests::client::{Call, Client};
use tests::istio_mesh::{Emitter, IstioMesh, IstioOptions};
use tests::mesh::MeshOptions;

use super::{GRAY, by_header, gray};

async fn nothing_of_a_lane_is_passed_through(emitter: Emitter) -> Result<()> {
    let outside = App { config: Config::new("outside", "v1") }.start().await?;
    let mut mesh = IstioMesh::start(MeshOptions::default(), IstioOptions::default().emitter(emitter)).await?;
    mesh.set_lane("gray", by_header()).await?;
    assert_eq!(mesh.h1().send(gray()).await?.hops(), GRAY);
    for client in [Client::h1(mesh.outbound("a-gray")?), Client::h2(mesh.outbound("a-gray")?)] {
        // What the application of a lane copies, and what its sidecar would add: the workload's own lane.
        for copied in [true, false] {
            let call = Call::get("/")
                .host("elsewhere.example")
                .header("x-envoy-original-dst-host", outside.addr.to_string());
            let call = match copied {
                true => call.header("x-lane", "gray").header("x-lane-path", "gateway;lane=gray;why=rule:r"),
                false => call,
            };
            let answer = client.send(call).await?;
            assert_eq!((answer.status, answer.hops()), (200, "outside-v1"), "{}", answer.text());
            for name in ["x-lane", "x-lane-path"] {
                assert!(answer.seen(name)?.is_empty(), "{name} has left the mesh: {}", answer.text());
            }
        }
        // Within the mesh it goes on.
        let inside = client.send(Call::get("/").host("c").header("x-lane", "gray")).await?;
        assert_eq!((inside.hops(), inside.seen("x-lane")?), ("c-gray", vec!["gray".to_owned()]));
    }
    mesh.passed().await;
    outside.kill().await;
    Ok(())
}

#[tokio::test]
async fn nothing_of_a_lane_is_passed_through_by_matchers() -> Result<()> {
    nothing_of_a_lane_is_passed_through(Emitter::Matcher).await
}

#[tokio::test]
async fn nothing_of_a_lane_is_passed_through_by_routes() -> Result<()> {
    nothing_of_a_lane_is_passed_through(Emitter::Routes).await
}
