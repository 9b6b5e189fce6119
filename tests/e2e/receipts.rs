//! `lanectl wait` believes proxies, not files: it names whoever does not run what was applied.

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::client::Call;
use tests::envoy::Envoy;
use tests::figures::Figures;
use tests::hold::HeldThread;
use tests::lanectl::Output;
use tests::mesh::{GATEWAY, Mesh, MeshOptions};

use crate::lanes;

/// The proxies of the default mesh.
const PROXIES: usize = 6;
/// Exit code of a command that has timed out.
const TIMED_OUT: i32 = 3;
/// How long `lanectl` waits for a proxy that will not follow.
const SHORT: &str = "5s";

const SET: [&str; 6] = ["set-lane", "gray", "--header", lanes::ENTERS, "--timeout", SHORT];
const WAIT: [&str; 3] = ["wait", "--timeout", SHORT];

/// The state of each proxy that runs this generation, by `wait -o json`.
fn states(output: &Output, generation: u64) -> Result<Vec<(String, String)>> {
    let answers = output.json()?;
    let answers = answers.as_array().context("no list")?.iter();
    let text = |answer: &Value, key: &str| answer[key].as_str().map(str::to_owned).context("no text");
    answers
        .map(|answer| {
            ensure!(answer["wantedGeneration"] == generation, "another generation: {answer}");
            Ok((text(answer, "name")?, text(answer, "state")?))
        })
        .collect()
}

/// Expects that a command has timed out and names this proxy, and no other one.
fn blames(output: Output, proxy: &str) -> Result<()> {
    let output = output.exits(TIMED_OUT)?;
    let names = ["gateway", "a-v1", "a-gray", "b-v1", "c-v1", "c-gray"];
    let named: Vec<_> = names.into_iter().filter(|name| output.stderr.contains(name)).collect();
    ensure!(named == [proxy], "{named:?} named instead of {proxy}: {}", output.stderr);
    Ok(())
}

/// Stops or continues a whole process.
fn signal(envoy: &Envoy, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(envoy.pid().try_into()?).context("no process id")?;
    Ok(kill_process(pid, signal)?)
}

#[tokio::test]
async fn every_proxy_is_asked_from_the_first_start_on() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default().concurrency(2)).await?;
    let fresh = mesh.lanectl(&["wait", "-o", "json"]).await?;
    let fresh = states(&fresh, 1)?;
    lanes::gray(&mesh).await?;
    let after = states(&mesh.lanectl(&["wait", "-o", "json"]).await?, 2)?;
    for states in [&fresh, &after] {
        assert_eq!(states.len(), PROXIES, "{states:?}");
        assert!(states.iter().all(|(_, state)| state == "current"), "{states:?}");
    }
    let said = mesh.lanectl(&["wait"]).await?.stderr;
    assert_eq!(said, format!("{PROXIES} of {PROXIES} proxies run generation 2\n"));
    Figures::new("`lanectl wait` proves a change at every proxy")
        .parameter("workers of each proxy", 2)
        .figure("verdict", said.trim())
        .record("receipts")?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_stopped_proxy_is_named_and_follows_when_it_goes_on() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    signal(mesh.envoy("c-v1")?, Signal::STOP)?;
    blames(mesh.lanectl_any(&WAIT).await?, "c-v1")?;
    blames(mesh.lanectl_any(&SET).await?, "c-v1")?;
    signal(mesh.envoy("c-v1")?, Signal::CONT)?;
    // The change was cut off at its first stage.
    mesh.lanectl(&["apply"]).await?;
    mesh.lanectl(&["wait"]).await?;
    assert_eq!(mesh.h1().send(Call::get("/").header(lanes::ENTERS, "1")).await?.hops(), "a-gray,b-v1,c-gray");
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_single_worker_that_is_held_back_holds_the_receipt_back() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default().concurrency(2)).await?;
    let gateway = mesh.envoy(GATEWAY)?;
    mesh.lanectl(&["wait"]).await?;
    let worker = HeldThread::hold(gateway.pid(), "wrk:worker_1")?;
    blames(mesh.lanectl_any(&SET).await?, GATEWAY)?;

    // The main thread has taken the new rules, and so has the other worker; that is no proof.
    let stats = gateway.admin_get("/stats?filter=graylane").await?;
    let says = |stat: &str, value: &str| {
        let line = stats.lines().find(|line| line.contains(stat) && line.ends_with(value));
        line.with_context(|| format!("{stat} is not {value}:\n{stats}"))
    };
    says("graylane.entry.standalone.gateway.version_text", ": \"2\"")?;
    says("role=.=entry;.;graylane_generation", ": 1")?;

    worker.release()?;
    mesh.lanectl(&["apply"]).await?;
    mesh.lanectl(&["wait"]).await?;
    Figures::new(
        "A worker that is held back holds the receipt back, though the main thread has the new rules",
    )
    .parameter("workers", 2)
    .figure("exit code of `lanectl set-lane`", TIMED_OUT)
    .figure("named", GATEWAY)
    .record("receipts-worker")?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_killed_proxy_is_unverified_and_catches_up_from_its_files() -> Result<()> {
    let mut mesh = Mesh::start(MeshOptions::default()).await?;
    mesh.kill_envoy("c-gray")?;
    // A proxy that does not run serves nobody: the change goes on without it, and it counts as no proof.
    mesh.lanectl(&SET).await?;
    blames(mesh.lanectl_any(&WAIT).await?, "c-gray")?;
    mesh.lanectl(&["wait", "--allow-unverified"]).await?;

    mesh.start_envoy("c-gray").await?;
    mesh.lanectl(&["wait"]).await?;
    assert_eq!(mesh.h1().send(Call::get("/").header(lanes::ENTERS, "1")).await?.hops(), "a-gray,b-v1,c-gray");
    mesh.passed().await;
    Ok(())
}
