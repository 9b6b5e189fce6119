//! Applications that drop what they were sent: the lane is restored from baggage, else the workload's own is
//! stamped; what forwards nothing on the baseline has lost it.

use anyhow::Result;
use chain::Forward;
use tests::client::{Call, Client};
use tests::mesh::{Mesh, MeshOptions};

use super::{BASELINE, GRAY, Listener, gray};
use crate::lanes;

/// What the applications forward, and the way of a request of lane gray then.
const CASES: [(&[(&str, Forward)], &str); 6] = [
    (&[("a-gray", Forward::None)], GRAY),
    (&[("a-gray", Forward::Baggage)], GRAY),
    (&[("b-v1", Forward::Baggage)], GRAY),
    (&[("a-gray", Forward::Baggage), ("b-v1", Forward::Baggage)], GRAY),
    // Own lane at a, baggage from there on.
    (&[("a-gray", Forward::Traceparent), ("b-v1", Forward::Baggage)], GRAY),
    // b belongs to no lane and forwards nothing that tells one.
    (&[("b-v1", Forward::None)], "a-gray,b-v1,c-v1"),
];

#[tokio::test]
async fn a_lane_that_was_dropped_is_restored_where_something_tells_it() -> Result<()> {
    for (forwards, hops) in CASES {
        let (witness, mut listener) = Listener::new();
        // Without a trail, so that only the outbound role is at work between the hops.
        let options = MeshOptions::default().no_trail().witness(witness);
        let options =
            forwards.iter().fold(options, |options, (name, forward)| options.forwards(name, *forward));
        let mesh = Mesh::start(options).await?;
        lanes::gray(&mesh).await?;
        for client in [mesh.h1(), mesh.h2()] {
            let trace = listener.trace(&client, gray()).await?;
            assert_eq!(trace.answer.hops(), hops, "{forwards:?}");
            if hops == GRAY {
                trace.check(hops, "x-lane", &["gray"]);
                trace.check(hops, "baggage", &["lane=gray"]);
            }
            assert_eq!(client.send(Call::get("/")).await?.hops(), BASELINE, "{forwards:?}");
        }
        mesh.passed().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_workload_stamps_its_own_lane_only_while_there_is_one() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    let workload = mesh.topology().workloads.iter().find(|w| w.name.as_str() == "a-gray");
    let outbound = Client::h1(workload.map(|w| w.outbound).unwrap_or_else(|| mesh.gateway()));
    let own = || Call::get("/").host("b");
    assert_eq!(outbound.send(own()).await?.hops(), "b-v1,c-v1");
    lanes::gray(&mesh).await?;
    assert_eq!(outbound.send(own()).await?.hops(), "b-v1,c-gray");
    // A request that says its lane keeps it, be it another one.
    assert_eq!(outbound.send(own().header("x-lane", "blue")).await?.hops(), "b-v1,c-v1");
    lanes::remove(&mesh, "gray").await?;
    assert_eq!(outbound.send(own()).await?.hops(), "b-v1,c-v1");
    mesh.passed().await;
    Ok(())
}
