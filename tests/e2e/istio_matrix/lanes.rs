//! Who gets into a lane, and which way its requests take, by both ways of writing routes.

use std::time::Duration;

use anyhow::Result;
use chain::Forward;
use lane::share;
use serde_json::json;
use tests::client::{Call, Protocol};
use tests::istio_mesh::{Emitter, IstioMesh, IstioOptions};
use tests::load::Load;
use tests::mesh::MeshOptions;

use super::{BASELINE, DEADLINE, GRAY, by_header, gray};

/// Between two requests of the baseline's load, so that it does not hold up everything else.
const PAUSE: Duration = Duration::from_millis(5);
/// What a share takes, in percent, and how many clients are looked at.
const SHARE: u16 = 30;
const CLIENTS: u16 = 60;

async fn a_lane_lives(emitter: Emitter) -> Result<()> {
    let options = MeshOptions::default().concurrency(2);
    let mut mesh = IstioMesh::start(options, IstioOptions::default().emitter(emitter)).await?;
    let load = Load::new(mesh.gateway(), Protocol::Http2, 2, |_| Call::get("/"))
        .pause(PAUSE)
        .deadline(DEADLINE)
        .start();

    // a and c are gray already, and there is no lane: a pipeline deploys first.
    assert_eq!(mesh.h1().send(gray()).await?.hops(), BASELINE);
    assert_eq!(mesh.set_lane("gray", by_header()).await?, []);
    for client in [mesh.h1(), mesh.h2()] {
        for _ in 0..10 {
            assert_eq!(client.send(gray()).await?.hops(), GRAY);
        }
        for (name, value) in
            [("x-lane", "gray"), ("x-lane-path", "gateway;lane=gray"), ("baggage", "lane=gray")]
        {
            let answer = client.send(Call::get("/").header(name, value)).await?;
            assert_eq!(answer.hops(), BASELINE, "forged {name}");
            assert!(answer.seen("x-lane")?.is_empty() && answer.seen("baggage")?.is_empty(), "forged {name}");
        }
        let faulty = gray().header("x-envoy-fault-abort-request", "503").header("x-graylane-unsent", "true");
        let answer = client.send(faulty).await?;
        assert_eq!((answer.status, answer.hops()), (200, GRAY));
        assert!(answer.seen("x-graylane-unsent")?.is_empty());
    }

    mesh.set_lane("gray", json!({ "share": { "percent": SHARE, "key": { "header": "x-user" } } })).await?;
    shares(&mesh).await?;
    mesh.remove_lane("gray").await?;
    assert_eq!(mesh.h2().send(gray()).await?.hops(), BASELINE);
    mesh.set_lane("gray", by_header()).await?;
    assert_eq!(mesh.h2().send(gray()).await?.hops(), GRAY);

    let report = load.stop().await;
    assert_eq!(report.by_path(), [(BASELINE.to_owned(), report.total())].into(), "{report}");
    assert_eq!(report.by_status(), [(200, report.total())].into(), "{report}");
    mesh.passed().await;
    Ok(())
}

/// Each client is where the published hash puts it.
async fn shares(mesh: &IstioMesh) -> Result<()> {
    let client = mesh.h2();
    let group = "shop".parse()?;
    let mut inside = 0;
    for number in 0..CLIENTS {
        let user = format!("user-{number}");
        let is_inside = share::bucket(&group, user.as_bytes()) < SHARE * 100;
        let answer = client.send(Call::get("/").header("x-user", &user)).await?;
        assert_eq!(answer.hops(), if is_inside { GRAY } else { BASELINE }, "{user}");
        inside += u16::from(is_inside);
    }
    assert!(inside > 0 && inside < CLIENTS, "{inside} of {CLIENTS}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_by_a_matcher_is_followed_and_nobody_else_gets_into_it() -> Result<()> {
    a_lane_lives(Emitter::Matcher).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_by_header_matched_routes_is_followed_and_nobody_else_gets_into_it() -> Result<()> {
    a_lane_lives(Emitter::Routes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_is_restored_behind_applications_that_drop_it() -> Result<()> {
    let options = MeshOptions::default().forwards("a-gray", Forward::None).forwards("b-v1", Forward::Baggage);
    let mut mesh = IstioMesh::start(options, IstioOptions::default()).await?;
    mesh.set_lane("gray", by_header()).await?;
    for client in [mesh.h1(), mesh.h2()] {
        let answer = client.send(gray()).await?;
        assert_eq!(answer.hops(), GRAY);
        assert_eq!(answer.seen("x-lane")?, ["gray"]);
        assert_eq!(client.send(Call::get("/")).await?.hops(), BASELINE);
    }
    mesh.passed().await;
    Ok(())
}
