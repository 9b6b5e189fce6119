//! The workloads of a lane go away and come back under load, in the three ways in which they do.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::client::{Call, Client, Protocol};
use tests::istio_mesh::{Emitter, IstioMesh, IstioOptions};
use tests::load::{Load, Running};
use tests::mesh::MeshOptions;
use tests::wait;

use super::{DEADLINE, GRAY, by_header, goes, gray};

/// The pod that goes away.
const GONE: &str = "c-gray";
/// The way of the lane meanwhile.
const FALLEN_BACK: &str = "a-gray,b-v1,c-v1";
/// Requests that are to end before and while it is away.
const SAMPLE: u64 = 20;
/// Between two requests of a load, so that it does not hold up everything else.
const PAUSE: Duration = Duration::from_millis(10);
/// Answers in a row: more than what ejects an endpoint.
const ANSWERS: usize = 10;

/// Requests of the lane one after the other, so that none is in flight at a moment of the test's choice.
fn load(mesh: &IstioMesh, call: fn() -> Call) -> Running {
    Load::new(mesh.gateway(), Protocol::Http1, 2, move |_| call()).pause(PAUSE).deadline(DEADLINE).start()
}

fn post() -> Call {
    Call::post("/", "paid").header("x-gray", "1")
}

async fn advance(load: &Running) -> Result<()> {
    let goal = load.ended() + SAMPLE;
    wait::until(DEADLINE, "requests to end", async || (load.ended() >= goal).then_some(())).await
}

/// Sends a sample of requests that may be repeated and of such that may not.
async fn all_fall_back(client: &Client) -> Result<()> {
    for call in [gray(), post()] {
        for _ in 0..SAMPLE {
            let answer = client.send(call.clone()).await?;
            ensure!(
                (answer.status, answer.hops()) == (200, FALLEN_BACK),
                "{} {}",
                answer.status,
                answer.text()
            );
        }
    }
    Ok(())
}

async fn the_lane_falls_back(emitter: Emitter) -> Result<()> {
    let mut mesh = IstioMesh::start(MeshOptions::default(), IstioOptions::default().emitter(emitter)).await?;
    mesh.set_lane("gray", by_header()).await?;
    let client = mesh.h1();

    // Its endpoints are taken away and given back.
    let loads = [load(&mesh, gray), load(&mesh, post)];
    for load in &loads {
        advance(load).await?;
    }
    mesh.set_ready(GONE, false)?;
    goes(&client, &gray(), FALLEN_BACK).await?;
    for load in &loads {
        advance(load).await?;
    }
    mesh.set_ready(GONE, true)?;
    goes(&client, &gray(), GRAY).await?;
    for load in loads {
        let report = load.stop().await;
        assert_eq!(report.by_status(), [(200, report.total())].into(), "endpoints: {report}");
        assert!(report.by_path().keys().all(|way| [GRAY, FALLEN_BACK].contains(&way.as_str())), "{report}");
    }

    // What its application answers is an answer.
    for status in [500, 502, 503, 504] {
        for _ in 0..ANSWERS {
            let call = Call::get(&format!("/status/{status}")).header("x-gray", "1");
            let answer = client.send(call).await?;
            ensure!((answer.status, answer.hops()) == (status, GRAY), "{} {}", answer.status, answer.hops());
        }
    }

    // Its application is dead behind the living sidecar: nothing was sent, so that every method is tried again.
    mesh.kill_app(GONE).await?;
    all_fall_back(&client).await?;
    mesh.start_app(GONE).await?;
    goes(&client, &gray(), GRAY).await?;

    // The pod is dead, application and sidecar, and still an endpoint.
    mesh.kill_envoy(GONE)?;
    mesh.kill_app(GONE).await?;
    // The connection that broke may have held a request's place.
    goes(&client, &gray(), FALLEN_BACK).await?;
    all_fall_back(&client).await?;
    mesh.start_app(GONE).await?;
    mesh.start_envoy(GONE).await?;
    goes(&client, &gray(), GRAY).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lane_falls_back_by_a_matcher() -> Result<()> {
    the_lane_falls_back(Emitter::Matcher).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lane_falls_back_by_header_matched_routes() -> Result<()> {
    the_lane_falls_back(Emitter::Routes).await
}
