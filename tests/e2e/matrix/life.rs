//! The life of a lane: workloads that come before, with and after it, its fall back and its return.

use std::time::Duration;

use anyhow::{Result, ensure};
use envoy_config::topology::Workload;
use tests::client::{Call, Protocol};
use tests::load::Load;
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;

use super::{BASELINE, GRAY};
use crate::lanes;

/// Between two requests of the baseline's load, so that it does not hold up everything else.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a change may take to be seen.
const DEADLINE: Duration = Duration::from_secs(30);

fn gray() -> Call {
    Call::get("/").header(lanes::ENTERS, "1")
}

/// The gray version of b.
fn gray_b() -> Result<Workload> {
    let address = || tests::ports::free().map(|port| ([127, 0, 0, 1], port).into());
    Ok(Workload {
        name: "b-gray".parse()?,
        service: "b".parse()?,
        lane: Some("gray".parse()?),
        app: address()?,
        inbound: address()?,
        outbound: address()?,
        admin: address()?,
        concurrency: Some(1),
        callees: None,
        trusted_hops: 0,
    })
}

#[tokio::test]
async fn the_baseline_never_reaches_a_gray_workload_whenever_it_is_deployed() -> Result<()> {
    let mut mesh = Mesh::start(MeshOptions::default()).await?;
    let load = Load::new(mesh.gateway(), Protocol::Http2, 4, |_| Call::get("/")).pause(PAUSE).start();

    // a and c are gray already, and there is no lane: a pipeline deploys first.
    let h1 = mesh.h1();
    assert_eq!(h1.send(gray()).await?.hops(), BASELINE);
    lanes::gray(&mesh).await?;
    assert_eq!(h1.send(gray()).await?.hops(), GRAY);

    // A gray b comes while there is a lane: first its place, then itself.
    let workload = gray_b()?;
    mesh.edit_topology(|spec| spec.workloads.push(workload)).await?;
    mesh.start_all().await?;
    mesh.lanectl(&["wait"]).await?;
    assert_eq!(h1.send(gray()).await?.hops(), "a-gray,b-gray,c-gray");

    // The lane goes, its workloads stay.
    lanes::remove(&mesh, "gray").await?;
    assert_eq!(h1.send(gray()).await?.hops(), BASELINE);
    lanes::gray(&mesh).await?;
    assert_eq!(h1.send(gray()).await?.hops(), "a-gray,b-gray,c-gray");

    // The workload goes, the lane stays.
    mesh.edit_topology(|spec| spec.workloads.retain(|w| w.name.as_str() != "b-gray")).await?;
    wait::succeeds(DEADLINE, "the fall back of b", async || {
        let answer = h1.send(gray()).await?;
        ensure!(answer.hops() == GRAY, "{}", answer.hops());
        Ok(())
    })
    .await?;

    let report = load.stop().await;
    assert_eq!(report.by_path(), [(BASELINE.to_owned(), report.total())].into(), "{report}");
    assert_eq!(report.by_status(), [(200, report.total())].into(), "{report}");
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_chain_falls_back_and_returns_at_any_hop() -> Result<()> {
    let options = MeshOptions::empty()
        .service("a", &[None])
        .service("b", &[None, Some("gray")])
        .service("c", &[None])
        .service("d", &[None, Some("gray")]);
    let mesh = Mesh::start(options).await?;
    lanes::gray(&mesh).await?;
    for client in [mesh.h1(), mesh.h2()] {
        let answer = client.send(gray()).await?;
        assert_eq!(answer.hops(), "a-v1,b-gray,c-v1,d-gray");
        assert_eq!(
            lanes::trail(&answer)?,
            "gateway;lane=gray;why=rule:flags, a-v1;lane=baseline;why=no-version, \
             b-gray;lane=gray;why=own, c-v1;lane=baseline;why=no-version, d-gray;lane=gray;why=own"
        );
        assert_eq!(client.send(Call::get("/")).await?.hops(), "a-v1,b-v1,c-v1,d-v1");
    }
    mesh.passed().await;
    Ok(())
}
