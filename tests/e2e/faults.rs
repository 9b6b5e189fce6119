//! Faults that are injected on purpose: what each does, to whom, until when, and that nobody else can order one.

mod draws;
mod ends;
mod forged;
mod kinds;
mod places;
mod seen;

use anyhow::{Result, ensure};
use tests::client::{Answer, Call, Client};
use tests::mesh::{Mesh, MeshOptions};

use crate::lanes;

/// The way of a request of lane gray.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";

/// A mesh whose group has a place for faults, and nothing else that needs the inbound role.
fn armed() -> MeshOptions {
    MeshOptions { init: vec!["--faults".to_owned()], ..MeshOptions::default().no_trail() }
}

/// Injects a fault by `lanectl`, and waits until it is in force everywhere.
async fn set(mesh: &Mesh, name: &str, flags: &[&str]) -> Result<()> {
    let ends: &[&str] = if flags.contains(&"--expires") { &[] } else { &["--expires", "1h"] };
    mesh.lanectl(&[&["fault", "set", name], flags, ends].concat()).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}

async fn stop(mesh: &Mesh, what: &str) -> Result<()> {
    mesh.lanectl(&["fault", "stop", what]).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}

fn gray(path: &str) -> Call {
    Call::get(path).header(lanes::ENTERS, "1")
}

/// A request of the baseline is served as if there were no fault.
async fn baseline_is_well(mesh: &Mesh) -> Result<()> {
    let answer = mesh.h1().send(Call::get("/")).await?;
    ensure!((answer.status, answer.hops()) == (200, BASELINE), "{} {}", answer.status, answer.text());
    Ok(())
}

/// A client that stands where the caller of a workload stands: before its inbound listener.
fn caller_of(mesh: &Mesh, name: &str) -> Result<Client> {
    Ok(Client::h1(address(mesh, name, |workload| workload.inbound)?))
}

/// A client that stands where the application of a workload stands: before its outbound listener.
fn application_of(mesh: &Mesh, name: &str) -> Result<Client> {
    Ok(Client::h1(address(mesh, name, |workload| workload.outbound)?))
}

fn address(
    mesh: &Mesh,
    name: &str,
    of: impl Fn(&envoy_config::topology::Workload) -> std::net::SocketAddr,
) -> Result<std::net::SocketAddr> {
    let workload = mesh.topology().workloads.iter().find(|workload| workload.name.as_str() == name);
    workload.map(of).ok_or_else(|| anyhow::anyhow!("there is no workload {name}"))
}

/// The sum of a proxy's counters whose series contain all of these.
async fn counted(mesh: &Mesh, proxy: &str, parts: &[&str]) -> Result<u64> {
    let text = mesh.envoy(proxy)?.prometheus().await?;
    let lines = text.lines().filter(|line| parts.iter().all(|part| line.contains(part)));
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    Ok(values.sum())
}

/// Whether the answer is that of an abort by Envoy's fault filter.
fn is_aborted(answer: &Answer, status: u16) -> bool {
    answer.status == status && answer.text().contains("fault filter abort")
}
