//! Clocks of plain Envoys that are not that of `lanectl`: it names them, by what the Envoys themselves answer.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::http::{HeaderMap, Uri, header};
use jiff::fmt::rfc2822::{self, DateTimePrinter};
use jiff::{SignedDuration, Timestamp};
use tests::client::{Call, Client};
use tests::mesh::{Mesh, MeshOptions};
use tokio::net::TcpListener;

use crate::lanes;

/// Asks an Envoy and gives its answer on, dated as it would be if the Envoy's clock were ahead by so much.
async fn dated_anew(admin: SocketAddr, path: &Uri, ahead: SignedDuration) -> Result<(HeaderMap, Vec<u8>)> {
    let answer = Client::h1(admin).fresh().send(Call::get(&path.to_string())).await?;
    let date = rfc2822::parse(answer.header("date").context("an answer without a date")?)?.timestamp();
    let off = Timestamp::now().duration_since(date).abs();
    ensure!(off < SignedDuration::from_secs(60), "the Envoy dates its answers {off:?} off");
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&(date + ahead))?;
    Ok((HeaderMap::from_iter([(header::DATE, date.parse()?)]), answer.body.to_vec()))
}

/// The administration interface of an Envoy as it would be if its clock were ahead; it ends with the test.
async fn with_clock(admin: SocketAddr, ahead: SignedDuration) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(move |path: Uri| async move {
        dated_anew(admin, &path, ahead).await.map_err(|error| format!("{error:#}"))
    });
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(address)
}

/// Lets `lanectl` find the administration interface of a workload elsewhere.
async fn find(mesh: &mut Mesh, name: &str, admin: SocketAddr) -> Result<()> {
    mesh.edit_topology(|spec| {
        let workload = spec.workloads.iter_mut().find(|workload| workload.name.as_str() == name);
        workload.into_iter().for_each(|workload| workload.admin = admin);
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn clocks_that_are_not_ours_are_named() -> Result<()> {
    let mut mesh = Mesh::start(MeshOptions::default()).await?;
    lanes::gray(&mesh).await?;
    let quiet = mesh.lanectl(&["wait"]).await?;
    ensure!(!quiet.stderr.contains("clock"), "{}", quiet.stderr);
    for (name, ahead) in [("b-v1", SignedDuration::from_hours(1)), ("c-v1", SignedDuration::from_secs(-40))] {
        let admin = with_clock(mesh.envoy(name)?.admin().addr(), ahead).await?;
        find(&mut mesh, name, admin).await?;
    }

    let told = mesh.lanectl(&["wait"]).await?.stderr;
    let warnings: Vec<&str> = told.lines().filter(|line| line.contains("clock")).collect();
    let ends = "lanes and tickets end there by that clock";
    let [ahead, behind] = warnings[..] else { anyhow::bail!("{told}") };
    ensure!(ahead == format!("warning: the clock of b-v1 is 1h ahead: {ends}"), "{ahead}");
    // How long an answer took is taken off.
    ensure!(behind.starts_with("warning: the clock of c-v1 is 3") && behind.contains("s behind"), "{behind}");

    let table = mesh.lanectl(&["get", "proxies", "-o", "wide"]).await?.stdout;
    for line in table.lines() {
        let clock = match line.split_whitespace().next().unwrap_or_default() {
            "NAME" => "CLOCK",
            "b-v1" => " 1h ahead ",
            "c-v1" => "s behind ",
            _ => " right ",
        };
        ensure!(line.contains(clock), "{table}");
    }
    let status = mesh.lanectl(&["status"]).await?.stdout;
    ensure!(status.contains("  the clock of b-v1 is 1h ahead") && status.contains("c-v1 is 3"), "{status}");
    let proxies = mesh.lanectl(&["get", "proxies", "-o", "json"]).await?.json()?;
    let seconds = proxies.as_array().context("no list")?.iter().map(|proxy| {
        let seconds = proxy["clockAheadSeconds"].as_i64().with_context(|| proxy.to_string())?;
        Ok(seconds.abs() > 5)
    });
    let apart = seconds.collect::<Result<Vec<bool>>>()?.into_iter().filter(|apart| *apart).count();
    ensure!(apart == 2, "{proxies}");
    mesh.passed().await;
    Ok(())
}
