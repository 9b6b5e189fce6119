//! Between whom a fault is injected, and on which side.

use anyhow::{Result, ensure};
use tests::client::{Answer, Call};
use tests::mesh::{GATEWAY, Mesh};

use super::{armed, caller_of, counted, gray, is_aborted, set, stop};
use crate::lanes;

/// What a request to the gateway, one of lane gray and one straight to c come to.
async fn answers(mesh: &Mesh) -> Result<[Answer; 3]> {
    let straight = caller_of(mesh, "c-v1")?.send(Call::get("/").host("c")).await?;
    Ok([mesh.h1().send(Call::get("/")).await?, mesh.h1().send(gray("/")).await?, straight])
}

#[track_caller]
fn check(answers: &[Answer; 3], aborted: [bool; 3], what: &str) -> Result<()> {
    let found = answers.each_ref().map(|answer| is_aborted(answer, 503));
    ensure!(found == aborted, "{what}: {found:?} aborted instead of {aborted:?}");
    let well = answers.iter().filter(|answer| !is_aborted(answer, 503)).all(|answer| answer.status == 200);
    ensure!(well, "{what}: {:?}", answers.each_ref().map(|answer| answer.status));
    Ok(())
}

#[tokio::test]
async fn a_fault_hits_those_between_whom_it_is_set() -> Result<()> {
    let mesh = Mesh::start(armed()).await?;
    lanes::gray(&mesh).await?;
    for (flags, aborted) in [
        (["--to", "c"].as_slice(), [true, true, true]),
        (&["--to", "c", "--lane", "gray"], [false, true, false]),
        (&["--to", "c", "--lane", "baseline"], [true, false, true]),
        // Nobody says who calls straight.
        (&["--to", "c", "--from", "b"], [true, true, false]),
        (&["--to", "c", "--from", "a"], [false, false, false]),
        (&["--to", "a", "--from", GATEWAY, "--lane", "gray"], [false, true, false]),
        (&["--to", "c", "--path", "/other"], [false, false, false]),
        (&["--to", "c", "--path", "/", "--method", "get"], [true, true, true]),
        // Behind those who call, of whom the one straight before c is none.
        (&["--to", "c", "--at", "caller"], [true, true, false]),
        (&["--to", "c", "--at", "caller", "--from", "b", "--lane", "gray"], [false, true, false]),
        (&["--to", "c", "--at", "caller", "--from", "a"], [false, false, false]),
        (&["--to", "a", "--at", "caller", "--from", GATEWAY, "--lane", "gray"], [false, true, false]),
    ] {
        set(&mesh, "f", &[flags, &["--abort", "503"]].concat()).await?;
        check(&answers(&mesh).await?, aborted, &format!("{flags:?}"))?;
    }
    stop(&mesh, "f").await?;
    check(&answers(&mesh).await?, [false; 3], "stopped")?;
    mesh.passed().await;
    Ok(())
}

/// At the callee each attempt of the caller arrives; at the caller nothing is sent at all.
#[tokio::test]
async fn a_caller_sends_nothing_where_it_is_injected_there() -> Result<()> {
    let mesh = Mesh::start(armed()).await?;
    for (place, arrived, hit) in [("callee", 1, "b-v1"), ("caller", 0, "a-v1")] {
        let before = counted(&mesh, "b-v1", &["inbound", "downstream_rq_total{"]).await?;
        set(&mesh, "f", &["--to", "b", "--at", place, "--abort", "503"]).await?;
        let answer = mesh.h1().send(Call::get("/")).await?;
        ensure!(is_aborted(&answer, 503), "{place}: {}", answer.text());
        let after = counted(&mesh, "b-v1", &["inbound", "downstream_rq_total{"]).await?;
        ensure!(after - before == arrived, "{place}: {} requests have arrived at b", after - before);
        ensure!(
            counted(&mesh, hit, &["graylane_faults_total{", "fault=\"f\""]).await? == 1,
            "{place}: not counted"
        );
    }
    mesh.passed().await;
    Ok(())
}
