//! Ports that are declared as gRPC: proxies speak HTTP/2 to each other.

use anyhow::Result;
use futures_util::future::try_join_all;
use tests::client::{Call, Client};
use tests::istio_mesh::{IstioMesh, IstioOptions, PortProtocol};
use tests::mesh::MeshOptions;

use super::{BASELINE, by_header, gray};

/// Requests at once: more than any of the servers takes on one connection.
const RUSH: usize = 600;

/// The way of a request of the lane.
const GRAY: &str = "a-gray,b-gray,c-gray";

fn grpc() -> Call {
    Call::grpc("/shop.Cart/Get", b"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_follows_the_lane_and_a_rush_does_not_leave_it() -> Result<()> {
    let istio = IstioOptions::default().protocol(PortProtocol::Grpc);
    // Each service has a gray version: of the baseline's applications the proxies stay as Istio has them.
    let lanes = [None, Some("gray")];
    let options = MeshOptions::empty().service("a", &lanes).service("b", &lanes).service("c", &lanes);
    let mut mesh = IstioMesh::start(options, istio).await?;
    mesh.set_lane("gray", by_header()).await?;
    for (call, hops) in [(grpc().header("x-gray", "1"), GRAY), (grpc(), BASELINE)] {
        let answer = mesh.h2().send(call).await?;
        assert_eq!((answer.grpc_status(), answer.hops()), (Some(0), hops));
    }

    // The first requests of new connections: nobody knows the servers' limits yet.
    let clients: Vec<Client> = (0..8).map(|_| mesh.h2()).collect();
    let slow = || Call::get("/slow?ms=300").header("x-gray", "1");
    let sent = (0..RUSH).map(|number| clients[number % clients.len()].send(slow()));
    let answers = try_join_all(sent).await?;
    let mut ways = std::collections::BTreeMap::<(u16, String), usize>::new();
    for answer in &answers {
        *ways.entry((answer.status, answer.hops().to_owned())).or_default() += 1;
    }
    assert_eq!(ways, [((200, GRAY.to_owned()), RUSH)].into());
    assert_eq!(mesh.h1().send(gray()).await?.hops(), GRAY);
    mesh.passed().await;
    Ok(())
}
