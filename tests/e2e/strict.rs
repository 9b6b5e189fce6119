//! A strict group: a lane must be complete, and who misses a version is told.

use std::time::Duration;

use anyhow::{Result, ensure};
use envoy_config::topology::TopologySpec;
use tests::client::{Answer, Call, Client};
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;

use crate::lanes;

/// How long a change may take to be seen.
const DEADLINE: Duration = Duration::from_secs(30);
/// gRPC's code for a service that is not available.
const UNAVAILABLE: u16 = 14;

fn gray() -> Call {
    Call::get("/").header(lanes::ENTERS, "1")
}

fn gray_grpc() -> Call {
    Call::grpc("/shop.Cart/Get", b"").header(lanes::ENTERS, "1")
}

/// The answer names the lane and the service that has no version of it.
fn check_refused(answer: &Answer, lane: &str, service: &str) -> Result<()> {
    let text = answer.text();
    ensure!(answer.status == 503, "status {}: {text}", answer.status);
    ensure!(
        text.contains(&format!("service {service} ")) && text.contains(&format!("lane {lane}")),
        "{text}"
    );
    Ok(())
}

/// The same over gRPC, where the message is a header.
fn check_refused_grpc(answer: &Answer, lane: &str, service: &str) -> Result<()> {
    ensure!(answer.status == 200, "status {}", answer.status);
    ensure!(answer.grpc_status() == Some(UNAVAILABLE), "{:?}", answer.headers);
    let message = answer.header("grpc-message").unwrap_or_default();
    ensure!(message.contains(service) && message.contains(lane), "{message}");
    Ok(())
}

async fn comes_back(client: &Client, hops: &str) -> Result<()> {
    wait::succeeds(DEADLINE, hops, async || {
        let answer = client.send(gray()).await?;
        ensure!(answer.status == 200 && answer.hops() == hops, "{} {}", answer.status, answer.hops());
        Ok(())
    })
    .await
}

/// Gives b a gray version, or takes it away, without a change of lanes.
async fn set_gray_b(mesh: &mut Mesh, here: bool) -> Result<()> {
    let edit = |spec: &mut TopologySpec| {
        for workload in spec.workloads.iter_mut().filter(|w| w.name.as_str() == "b-gray") {
            workload.lane = if here { "gray".parse().ok() } else { "elsewhere".parse().ok() };
        }
    };
    mesh.edit_topology(edit).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_gap_is_answered_by_503_and_closes_when_the_version_appears() -> Result<()> {
    let options = MeshOptions::empty()
        .service("a", &[None, Some("gray")])
        .service("b", &[None, Some("gray")])
        .service("c", &[None, Some("gray")])
        .strict();
    let mut mesh = Mesh::start(options).await?;
    lanes::gray(&mesh).await?;
    let (h1, h2) = (mesh.h1(), mesh.h2());
    for client in [&h1, &h2] {
        assert_eq!(client.send(gray()).await?.hops(), "a-gray,b-gray,c-gray");
    }
    assert_eq!(h2.send(gray_grpc()).await?.grpc_status(), Some(0));

    set_gray_b(&mut mesh, false).await?;
    for client in [&h1, &h2] {
        let answer = client.send(gray()).await?;
        check_refused(&answer, "gray", "b")?;
        assert_eq!(answer.hops(), "a-gray");
        assert_eq!(client.send(Call::get("/")).await?.hops(), "a-v1,b-v1,c-v1");
    }
    check_refused_grpc(&h2.send(gray_grpc()).await?, "gray", "b")?;

    set_gray_b(&mut mesh, true).await?;
    comes_back(&h1, "a-gray,b-gray,c-gray").await?;
    assert_eq!(h2.send(gray_grpc()).await?.grpc_status(), Some(0));
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_lane_that_never_had_a_version_is_refused_where_it_enters() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::empty().service("a", &[None, Some("gray")]).strict()).await?;
    mesh.lanectl(&["set-lane", "ghost", "--header", "x-ghost"]).await?;
    mesh.lanectl(&["wait"]).await?;
    let ghost = || Call::get("/").header("x-ghost", "1");
    for client in [mesh.h1(), mesh.h2()] {
        check_refused(&client.send(ghost()).await?, "ghost", "a")?;
        assert_eq!(client.send(Call::get("/")).await?.hops(), "a-v1");
    }
    let grpc = Call::grpc("/shop.Cart/Get", b"").header("x-ghost", "1");
    check_refused_grpc(&mesh.h2().send(grpc).await?, "ghost", "a")?;

    // Its gaps are warned of.
    let warned = mesh.lanectl(&["validate"]).await?;
    let said = format!("{}{}", warned.stdout, warned.stderr);
    assert!(said.contains("ghost") && said.contains("warning"), "{said}");

    lanes::remove(&mesh, "ghost").await?;
    assert_eq!(mesh.h1().send(ghost()).await?.hops(), "a-v1");
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_lane_whose_workloads_have_died_is_refused_too() -> Result<()> {
    let mut mesh = Mesh::start(MeshOptions::empty().service("a", &[None, Some("gray")]).strict()).await?;
    lanes::gray(&mesh).await?;
    let client = mesh.h1();
    assert_eq!(client.send(gray()).await?.hops(), "a-gray");

    mesh.kill_app("a-gray").await?;
    let answer = client.send(gray()).await?;
    assert_eq!(answer.status, 503, "{}", answer.text());
    check_refused(&answer, "gray", "a")?;

    mesh.kill_envoy("a-gray")?;
    let answer = client.send(gray()).await?;
    check_refused(&answer, "gray", "a")?;
    assert_eq!(client.send(Call::get("/")).await?.hops(), "a-v1");

    mesh.start_all().await?;
    comes_back(&client, "a-gray").await?;
    mesh.passed().await;
    Ok(())
}
