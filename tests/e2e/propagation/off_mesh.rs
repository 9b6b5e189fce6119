//! Doors out of the mesh, as far as plain Envoys have them: an application's proxy sends to services of the group
//! and to nobody else.

use anyhow::{Context as _, Result};
use tests::client::Client;
use tests::mesh::{Mesh, MeshOptions};

use super::{Listener, gray};
use crate::lanes;

#[tokio::test]
async fn nothing_of_a_lane_leaves_the_mesh() -> Result<()> {
    let (witness, mut listener) = Listener::new();
    let mesh = Mesh::start(MeshOptions::default().witness(witness)).await?;
    lanes::gray(&mesh).await?;
    let workload =
        mesh.topology().workloads.iter().find(|w| w.name.as_str() == "a-gray").context("a-gray")?;
    for client in [Client::h1(workload.outbound), Client::h2(workload.outbound)] {
        for host in ["elsewhere.example", "b.elsewhere.example", "127.0.0.1", "*"] {
            let trace = listener.trace(&client, gray().host(host)).await?;
            assert_eq!(trace.answer.status, 404, "{host}: {}", trace.answer.text());
            assert!(trace.seen.is_empty(), "{host} reached {:?}", trace.seen);
        }
        // The name of a service, whatever the port that the application adds to it.
        assert_eq!(client.send(gray().host("b:8080")).await?.hops(), "b-v1,c-gray");
    }
    // Nor does the client learn anything.
    let answer = mesh.h1().send(gray()).await?;
    for name in ["x-lane", "x-lane-path", "baggage", "x-graylane-unsent", "x-graylane-unanswered"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    mesh.passed().await;
    Ok(())
}
