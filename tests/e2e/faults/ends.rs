//! The end of a fault: at its time by the filter itself, or at once by `lanectl fault stop`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;

use super::{armed, is_aborted, set};

/// How far from its time a fault may end.
const SLACK: SignedDuration = SignedDuration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_fault_ends_at_its_time_whoever_is_gone() -> Result<()> {
    let mesh = Mesh::start(armed()).await?;
    let end = (Timestamp::now() + SignedDuration::from_secs(12)).round(jiff::Unit::Second)?;
    set(&mesh, "brief", &["--to", "b", "--abort", "503", "--expires", &end.to_string()]).await?;
    let client = mesh.h1();
    let (mut last_hit, mut first_miss) = (None, None);
    // Nothing but the Envoys and the applications runs from here on.
    wait::until(DEADLINE, "the fault to end", async || {
        let sent = Timestamp::now();
        let answer = client.send(Call::get("/")).await.ok()?;
        let answered = Timestamp::now();
        if is_aborted(&answer, 503) {
            last_hit = Some(sent);
        } else if last_hit.is_some() {
            first_miss = first_miss.or(Some(answered));
        }
        // Long enough after the end that a late hit would be seen.
        (sent > end + SLACK * 2).then_some(())
    })
    .await?;
    let (last_hit, first_miss) =
        (last_hit.context("no request was hit")?, first_miss.context("all requests were hit")?);
    ensure!(last_hit < end + SLACK, "a request was hit that was sent at {last_hit}, the end was {end}");
    ensure!(first_miss > end - SLACK, "a request was spared before {first_miss}, the end was {end}");
    mesh.passed().await;
    Ok(())
}

async fn generation(mesh: &Mesh) -> Result<u64> {
    let state: Value = serde_json::from_slice(&std::fs::read(mesh.dir().join("state.json"))?)?;
    state["generation"].as_u64().context("no generation")
}

#[tokio::test]
async fn all_faults_stop_with_one_push() -> Result<()> {
    let mesh = Mesh::start(armed()).await?;
    for (name, service) in [("one", "a"), ("two", "b"), ("three", "c")] {
        set(&mesh, name, &["--to", service, "--abort", "503"]).await?;
    }
    let listed = mesh.lanectl(&["fault", "list", "-o", "name"]).await?.stdout;
    ensure!(listed == "lanefault/one\nlanefault/three\nlanefault/two\n", "{listed}");
    let before = generation(&mesh).await?;
    mesh.lanectl(&["fault", "stop", "--all"]).await?;
    ensure!(generation(&mesh).await? == before + 1, "more than one push");
    let answer = mesh.h1().send(Call::get("/")).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    let again = mesh.lanectl_any(&["fault", "stop", "one"]).await?;
    ensure!(again.code == Some(1) && again.stderr.contains("there is no fault one"), "{}", again.stderr);
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_changes_nothing() -> Result<()> {
    let mesh = Mesh::start(armed()).await?;
    let before = generation(&mesh).await?;
    for (flags, code, said) in [
        (["--to", "z", "--abort", "503", "--expires", "1h"].as_slice(), 4, "z is no service of the group"),
        (&["--to", "b", "--expires", "1h"], 4, "nothing would happen"),
        (&["--to", "b", "--abort", "99", "--expires", "1h"], 4, "no status that a proxy can answer with"),
        (&["--to", "b", "--delay", "5m", "--expires", "1h"], 4, "Envoy ends a stream that idles longer"),
        (&["--to", "b", "--abort", "503"], 2, "--expires"),
        (&["--to", "b", "--abort", "teapot", "--expires", "1h"], 2, "grpc:UNAVAILABLE"),
    ] {
        let output = mesh.lanectl_any(&[&["fault", "set", "f"], flags].concat()).await?;
        ensure!(
            output.code == Some(code) && output.stderr.contains(said),
            "{flags:?}: {:?} {}",
            output.code,
            output.stderr
        );
    }
    ensure!(
        generation(&mesh).await? == before && !mesh.dir().join("faults").exists(),
        "something was written"
    );
    mesh.passed().await;
    Ok(())
}

/// A place for faults is a change of listeners, which is told before it is made; no fault is one.
#[tokio::test]
async fn arming_changes_listeners_once_and_says_so() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default().no_trail()).await?;
    let path = mesh.dir().join("group.yaml");
    let mut group: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path)?)?;
    group["spec"]["faults"] = serde_json::json!({});
    std::fs::write(&path, group.to_string())?;
    let differs = mesh.lanectl_any(&["diff"]).await?;
    let told = |file: &str| differs.stdout.contains(&format!("+++ b-v1/{file}"));
    ensure!(
        differs.code == Some(1) && told("lds.json") && told("ecds/fault-inbound.json"),
        "{}",
        differs.stdout
    );
    mesh.lanectl(&["apply"]).await?;
    mesh.lanectl(&["wait"]).await?;
    let listeners = || std::fs::read(mesh.proxy_dir("b-v1").join("lds.json"));
    let armed = listeners()?;
    set(&mesh, "broken", &["--to", "b", "--abort", "503"]).await?;
    ensure!(is_aborted(&mesh.h1().send(Call::get("/")).await?, 503), "the fault is not injected");
    ensure!(listeners()? == armed, "a fault has changed a listener");
    mesh.passed().await;
    Ok(())
}
