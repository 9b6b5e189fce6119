//! The lane matrix as on plain Envoys: each request with the exact way that it takes.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::client::{Call, Protocol};
use tests::istiod::{IstioMesh, IstioOptions};
use tests::load::Load;
use tests::wait;

use super::{BASELINE, GRAY, goes, remove, set, with};

/// How long a change of endpoints may take to be seen.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two requests of the baseline's load, so that it does not hold up everything else.
const PAUSE: Duration = Duration::from_millis(10);

/// The life of two lanes, with a load of the baseline all the time.
async fn lives(mesh: &IstioMesh) -> Result<()> {
    let load = Load::new(mesh.gateway()?, Protocol::Http2, 2, |_| Call::get("/")).pause(PAUSE).start();
    let (h1, h2) = (mesh.h1()?, mesh.h2()?);
    goes(&h1, with("x-gray"), BASELINE).await?;
    set(mesh, "gray", "x-gray").await?;
    for client in [&h1, &h2] {
        goes(client, Call::get("/"), BASELINE).await?;
        goes(client, with("x-gray"), GRAY).await?;
        // What only proxies may say.
        goes(client, Call::get("/").header("x-lane", "gray"), BASELINE).await?;
        goes(client, Call::get("/").header("baggage", "lane=gray"), BASELINE).await?;
    }

    // A second lane, whose version of b comes while it is there.
    set(mesh, "blue", "x-blue").await?;
    goes(&h1, with("x-blue"), BASELINE).await?;
    mesh.deploy("b", "blue").await?;
    mesh.followed().await?;
    goes(&h1, with("x-blue"), "a-v1,b-blue,c-v1").await?;
    goes(&h1, with("x-gray"), GRAY).await?;

    // Its pod goes and comes, the lane stays.
    for (replicas, hops) in [(0, BASELINE), (1, "a-v1,b-blue,c-v1")] {
        mesh.scale("b-blue", replicas).await?;
        wait::succeeds(DEADLINE, "the way of lane blue", async || goes(&h1, with("x-blue"), hops).await)
            .await?;
    }

    remove(mesh, "gray").await?;
    goes(&h1, with("x-gray"), BASELINE).await?;
    goes(&h1, with("x-blue"), "a-v1,b-blue,c-v1").await?;
    let report = load.stop().await;
    assert_eq!(report.by_path(), [(BASELINE.to_owned(), report.total())].into(), "{report}");
    assert_eq!(report.by_status(), [(200, report.total())].into(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn lanes_come_and_go_and_the_baseline_never_leaves_its_way() -> Result<()> {
    let mesh = IstioMesh::start(&IstioOptions::default()).await?;
    lives(&mesh).await?;
    let answer = mesh.h1()?.send(with("x-blue")).await?;
    let trail = answer.seen("x-lane-path")?.join(",");
    let expected =
        "gateway;lane=blue;why=rule:flags, a-v1;lane=baseline;why=no-version, b-blue;lane=blue;why=own, ";
    ensure!(trail.starts_with(expected), "{trail}");
    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}

/// The second emitter, for proxies that lack the matcher.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn routes_with_the_header_in_their_match_do_the_same() -> Result<()> {
    let mesh = IstioMesh::start(&IstioOptions::default()).await?;
    let mode = r#"{"spec":{"routeMode":"Routes"}}"#;
    mesh.kubectl(&["patch", "lanegroup", "shop", "--type=merge", "-p", mode]).await?;
    mesh.followed().await?;
    lives(&mesh).await?;
    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn a_strict_lane_without_a_version_is_answered_503_that_says_so() -> Result<()> {
    let mesh = IstioMesh::start(&IstioOptions::default().init("--strict")).await?;
    set(&mesh, "gray", "x-gray").await?;
    let client = mesh.h1()?;
    goes(&client, Call::get("/"), BASELINE).await?;
    let answer = client.send(with("x-gray")).await?;
    ensure!(answer.status == 503, "{}: {}", answer.status, answer.text());
    mesh.deploy("b", "gray").await?;
    mesh.followed().await?;
    goes(&client, with("x-gray"), "a-gray,b-gray,c-gray").await?;
    mesh.scale("a-gray", 0).await?;
    wait::succeeds(DEADLINE, "the answer of the gateway", async || {
        let answer = client.send(with("x-gray")).await?;
        let text = answer.text();
        ensure!(answer.status == 503, "{}: {text}", answer.status);
        ensure!(text == "no ready workload of service a for lane gray", "{text}");
        Ok(())
    })
    .await?;
    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn a_share_keeps_each_client_on_its_side() -> Result<()> {
    let mesh = IstioMesh::start(&IstioOptions::default()).await?;
    mesh.lanectl(&["set-lane", "gray", "--percent", "50", "--sticky", "header:x-user"]).await?;
    mesh.followed().await?;
    let client = mesh.h1()?;
    let mut inside = 0;
    for user in 0..200 {
        let call = || Call::get("/").header("x-user", user.to_string());
        let hops = client.send(call()).await?.hops().to_owned();
        ensure!(hops == GRAY || hops == BASELINE, "{hops}");
        goes(&client, call(), &hops).await?;
        inside += usize::from(hops == GRAY);
    }
    // 200 fair draws are outside of this once in ten million times; these users are always the same.
    ensure!((65..=135).contains(&inside), "{inside} of 200 users are in the lane");
    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}
