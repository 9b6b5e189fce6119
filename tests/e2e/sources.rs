//! Lanes that trust ranges of addresses: clients are addresses of the loopback device. Principals are checked beside the
//! rules on callers, in `matrix/source.rs`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tests::client::{Call, Client};
use tests::mesh::{GATEWAY, Mesh, MeshOptions};
use tests::wait;

use crate::lanes::ENTERS;

const DEADLINE: Duration = Duration::from_secs(60);

async fn start(options: MeshOptions, sources: &[&str]) -> Result<Mesh> {
    let mesh = Mesh::start(options.service("a", &[None, Some("gray")])).await?;
    mesh.lanectl(&[&["set-lane", "gray", "--header", ENTERS], sources].concat()).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(mesh)
}

fn gray() -> Call {
    Call::get("/").header(ENTERS, "1")
}

/// Sends a request from an address of the machine over both protocols.
async fn check(mesh: &Mesh, from: &str, call: &Call, hops: &str) -> Result<()> {
    for client in [Client::h1(mesh.gateway()), Client::h2(mesh.gateway())] {
        let answer = client.source(from.parse()?).send(call.clone()).await?;
        let found = (answer.status, answer.hops());
        ensure!(found == (200, hops), "{call:?} from {from}: {found:?} instead of {hops}");
    }
    Ok(())
}

/// Waits until the gateway has counted so many sources for that reason.
async fn counted(mesh: &Mesh, reason: &str, count: u64) -> Result<()> {
    wait::succeeds(DEADLINE, "the counters of sources", async || {
        let text = mesh.envoy(GATEWAY)?.prometheus().await?;
        let label = format!("reason=\"{reason}\"");
        let mut lines = text.lines().filter(|line| line.starts_with("graylane_sources_total{"));
        let line = lines.find(|line| line.contains(&label)).with_context(|| format!("no {reason} yet"))?;
        let (_, value) = line.rsplit_once(' ').context("no value")?;
        ensure!(value.parse::<u64>()? == count, "{reason}: {value} instead of {count}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn only_listed_addresses_may_ask_for_the_lane() -> Result<()> {
    let sources = ["--from-address", "127.0.1.0/24,127.0.0.9"];
    let mesh = start(MeshOptions::empty(), &sources).await?;
    let forged = gray().header("x-forwarded-for", "127.0.1.1").header("forwarded", "for=127.0.1.1");
    for (from, call, hops) in [
        ("127.0.1.1", gray(), "a-gray"),
        ("127.0.1.255", gray(), "a-gray"),
        ("127.0.0.9", gray(), "a-gray"),
        ("127.0.0.1", gray(), "a-v1"),
        ("127.0.2.1", gray(), "a-v1"),
        ("127.0.0.1", forged.clone(), "a-v1"),
        // Whatever it says of others, it is who it is.
        ("127.0.1.1", forged.header("x-forwarded-for", "127.0.0.1"), "a-gray"),
        // Being trusted is not asking.
        ("127.0.1.1", Call::get("/"), "a-v1"),
    ] {
        check(&mesh, from, &call, hops).await?;
    }
    counted(&mesh, "address", 8).await?;
    counted(&mesh, "unlisted", 6).await?;
    let explained =
        mesh.lanectl(&["explain", "-H", "x-gray: 1", "--source-ip", "127.0.1.1", "-o", "name"]).await?;
    ensure!(explained.stdout.trim() == "lane/gray", "{}", explained.stdout);
    mesh.passed().await;
    Ok(())
}

/// The address is the one that a sticky share takes: what the trusted proxies in front have said, and no more.
#[tokio::test]
async fn behind_trusted_proxies_the_address_is_what_they_say() -> Result<()> {
    let options = MeshOptions { trusted_hops: 1, ..MeshOptions::empty() };
    let mesh = start(options, &["--from-address", "203.0.113.0/24,2001:db8::/32"]).await?;
    for (said, hops) in [
        ("203.0.113.7", "a-gray"),
        ("198.51.100.1, 203.0.113.7", "a-gray"),
        ("203.0.113.7, 198.51.100.1", "a-v1"),
        ("2001:db8::7", "a-gray"),
        ("2001:db9::7", "a-v1"),
        ("garbage", "a-v1"),
    ] {
        check(&mesh, "127.0.0.1", &gray().header("x-forwarded-for", said), hops).await?;
    }
    mesh.passed().await;
    Ok(())
}
