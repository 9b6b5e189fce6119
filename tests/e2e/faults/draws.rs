//! Which requests suffer: the share, the seed, the key, and how many at a time.

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use lane::fault::Draws;
use lane::share;
use tests::client::Call;
use tests::mesh::Mesh;

use super::{armed, counted, is_aborted, set, stop};
use crate::lanes;

const USERS: u32 = 200;
const PERCENT: u16 = 30;

/// Who of the users is refused, in order.
async fn refused(mesh: &Mesh) -> Result<Vec<bool>> {
    let client = mesh.h1();
    let mut verdicts = Vec::new();
    for user in 0..USERS {
        let answer = client.send(Call::get("/").header("x-user", format!("user{user}"))).await?;
        let aborted = is_aborted(&answer, 503);
        ensure!(aborted || answer.status == 200, "{} {}", answer.status, answer.text());
        verdicts.push(aborted);
    }
    Ok(verdicts)
}

/// The same by the engine, natively.
fn expected(seed: u32) -> Result<Vec<bool>> {
    let fault = "third".parse()?;
    let verdict = |user: u32| {
        let key = format!("user{user}");
        let draws = Draws { seed, fault: &fault, key: key.as_bytes(), attempt: b"" };
        share::bucket_of_draw(draws.number(0)) < PERCENT * 100
    };
    Ok((0..USERS).map(verdict).collect())
}

#[tokio::test]
async fn a_seed_picks_the_same_requests_again() -> Result<()> {
    let mesh = Mesh::start(armed()).await?;
    for seed in [0_u32, 7] {
        let (percent, seed_text) = (PERCENT.to_string(), seed.to_string());
        let flags =
            ["--to", "b", "--percent", &percent, "--abort", "503", "--key", "x-user", "--seed", &seed_text];
        set(&mesh, "third", &flags).await?;
        let (first, expected) = (refused(&mesh).await?, expected(seed)?);
        ensure!(first == expected, "seed {seed}: {first:?} instead of {expected:?}");
        ensure!(refused(&mesh).await? == first, "seed {seed}: others the second time");
    }
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn no_more_suffer_at_a_time_than_the_group_lets() -> Result<()> {
    const AT_ONCE: usize = 12;
    let mesh = Mesh::start(armed()).await?;
    lanes::edit_group(&mesh, |group| group["spec"]["faults"] = serde_json::json!({"maxActive": 3})).await?;
    // So long that all of them have arrived before the first goes on.
    set(&mesh, "slow", &["--to", "a", "--delay", "20s"]).await?;
    let clients: Vec<_> = (0..AT_ONCE).map(|_| mesh.h1().fresh()).collect();
    let answers = clients.iter().map(|client| client.send(Call::get("/")));
    let all = try_join_all(answers).await?;
    ensure!(all.iter().all(|answer| answer.status == 200));
    let overflow = counted(&mesh, "a-v1", &["fault_faults_overflow"]).await?;
    let delayed = counted(&mesh, "a-v1", &["fault_delays_injected"]).await?;
    ensure!((delayed, overflow) == (3, AT_ONCE as u64 - 3), "{delayed} delayed, {overflow} passed");
    stop(&mesh, "--all").await?;
    mesh.passed().await;
    Ok(())
}
