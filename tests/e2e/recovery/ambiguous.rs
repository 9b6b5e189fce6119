//! Trace ids that are forged or used again: nobody is given a lane that he did not arrive with.

use anyhow::Result;
use chain::Forward;
use tests::client::Client;
use tests::mesh::Mesh;

use super::{BASELINE, GRAY, LOST, Sidecar, gray, plain, recovering, traceparent, traces, workload};
use crate::lanes;

#[tokio::test]
async fn a_trace_with_and_without_a_lane_stays_on_the_baseline() -> Result<()> {
    let mesh = Mesh::start(recovering().forwards("b-v1", Forward::Traceparent)).await?;
    lanes::gray(&mesh).await?;
    let client = mesh.h1();
    // Somebody outside sends a trace that he has seen, then one that is yet to be seen.
    for (call, hops) in [
        (gray(1), GRAY),
        (plain(1), BASELINE),
        (gray(1), LOST),
        (plain(2), BASELINE),
        (gray(2), LOST),
        (plain(2), BASELINE),
        // With a lane that the entry takes away.
        (gray(3), GRAY),
        (plain(3).header("x-lane", "gray"), BASELINE),
        (gray(3), LOST),
        // Everybody else is as before.
        (gray(4), GRAY),
        (gray(4), GRAY),
        (plain(5), BASELINE),
    ] {
        assert_eq!(client.send(call.clone()).await?.hops(), hops, "{call:?}");
    }
    assert_eq!(traces(&mesh, "b-v1", "inbound", "ambiguous").await?, 3);
    assert_eq!(traces(&mesh, "b-v1", "outbound", "ambiguous").await?, 6);
    assert_eq!(traces(&mesh, "b-v1", "inbound", "evicted").await?, 0);
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn so_does_a_trace_with_two_lanes_even_in_a_workload_of_one() -> Result<()> {
    let mesh = Mesh::start(recovering()).await?;
    lanes::gray(&mesh).await?;
    let baseline = Sidecar::of(&mesh, "b-v1")?;
    for lane in ["gray", "blue"] {
        baseline.arrives(Some(lane), "traceparent", &traceparent(1, 1)).await?;
    }
    assert_eq!(baseline.sends("traceparent", &traceparent(1, 2)).await?.hops(), "c-v1");
    // What is not a lane of the group is none.
    baseline.arrives(Some("unknown"), "traceparent", &traceparent(2, 1)).await?;
    assert_eq!(baseline.sends("traceparent", &traceparent(2, 2)).await?.hops(), "c-v1");
    // Two ids that tell different lanes.
    baseline.arrives(Some("gray"), "traceparent", &traceparent(3, 1)).await?;
    baseline.arrives(None, "b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1").await?;
    let both = tests::client::Call::get("/")
        .host("c")
        .header("traceparent", traceparent(3, 2))
        .header("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1");
    let outbound = Client::h2(workload(&mesh, "b-v1")?.outbound);
    assert_eq!(outbound.send(both).await?.hops(), "c-v1");

    let of_lane = Sidecar::of(&mesh, "a-gray")?;
    assert_eq!(of_lane.sends("traceparent", &traceparent(4, 2)).await?.hops(), "c-gray", "its own lane");
    for lane in [Some("gray"), None] {
        of_lane.arrives(lane, "traceparent", &traceparent(4, 1)).await?;
    }
    assert_eq!(of_lane.sends("traceparent", &traceparent(4, 2)).await?.hops(), "c-v1");
    mesh.passed().await;
    Ok(())
}
