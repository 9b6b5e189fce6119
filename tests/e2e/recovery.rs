//! Recovery by trace: applications that drop all that carries the lane, but forward what tells a request's trace.

mod ambiguous;
mod flat;
mod forms;
mod many;
mod module;

use anyhow::{Context as _, Result, ensure};
use chain::Forward;
use envoy_config::topology::Workload;
use tests::client::{Answer, Call, Client};
use tests::mesh::{Mesh, MeshOptions};

use crate::lanes;

/// The way of a request of lane gray.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";
/// The way of a request of lane gray that b has lost.
const LOST: &str = "a-gray,b-v1,c-v1";

/// A mesh whose group recovers lanes, without a trail, so that nothing but recovery needs the inbound role.
fn recovering() -> MeshOptions {
    let options = MeshOptions::default().no_trail();
    MeshOptions { init: vec!["--recovery".to_owned()], ..options }
}

/// A `traceparent` of trace `number`, sent by span `span`.
fn traceparent(number: u64, span: u64) -> String {
    format!("00-{:032x}-{span:016x}-01", u128::from(number) << 64 | 0xab)
}

fn gray(number: u64) -> Call {
    plain(number).header(lanes::ENTERS, "1")
}

fn plain(number: u64) -> Call {
    Call::get("/").header("traceparent", traceparent(number, 1))
}

/// Changes the group's recovery, and waits until it is in force everywhere.
async fn configure(mesh: &Mesh, field: &str, value: u32) -> Result<()> {
    let file = mesh.dir().join("group.yaml");
    let text = std::fs::read_to_string(&file)?;
    let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{field}: ")));
    let line = line.with_context(|| format!("no {field} in\n{text}"))?;
    let indent = line.len() - line.trim_start().len();
    std::fs::write(&file, text.replace(line, &format!("{:indent$}{field}: {value}", "")))?;
    mesh.lanectl(&["apply"]).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}

/// One sidecar, in whose place the test is both caller and application.
struct Sidecar {
    inbound: Client,
    outbound: Client,
}

impl Sidecar {
    fn of(mesh: &Mesh, name: &str) -> Result<Self> {
        let workload = workload(mesh, name)?;
        Ok(Self { inbound: Client::h1(workload.inbound), outbound: Client::h1(workload.outbound) })
    }

    /// A request that arrives for the application.
    async fn arrives(&self, lane: Option<&str>, header: &str, value: &str) -> Result<()> {
        let call = Call::get("/").host("b").header(header, value);
        let call = lane.into_iter().fold(call, |call, lane| call.header("x-lane", lane));
        let answer = self.inbound.send(call).await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(())
    }

    /// A request that the application sends to c, without a lane.
    async fn sends(&self, header: &str, value: &str) -> Result<Answer> {
        Ok(self.outbound.send(Call::get("/").host("c").header(header, value)).await?)
    }
}

fn workload<'m>(mesh: &'m Mesh, name: &str) -> Result<&'m Workload> {
    let mut workloads = mesh.topology().workloads.iter();
    workloads.find(|workload| workload.name.as_str() == name).with_context(|| format!("no workload {name}"))
}

/// The value of a counter, 0 where nothing has been counted.
async fn count(mesh: &Mesh, proxy: &str, name: &str, labels: &[&str]) -> Result<u64> {
    let text = mesh.envoy(proxy)?.prometheus().await?;
    let lines = text.lines().filter(|line| {
        line.split(['{', ' ']).next() == Some(name) && labels.iter().all(|label| line.contains(label))
    });
    lines.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<u64>()?)).sum()
}

async fn traces(mesh: &Mesh, proxy: &str, role: &str, reason: &str) -> Result<u64> {
    let labels = [format!("role=\"{role}\""), format!("reason=\"{reason}\"")];
    count(mesh, proxy, "graylane_traces_total", &[&labels[0], &labels[1]]).await
}

#[tokio::test]
async fn an_application_that_forwards_only_traceparent_keeps_the_lane() -> Result<()> {
    use Forward::{None as Nothing, Traceparent};
    // What the applications forward, and the way of a request of lane gray then.
    let cases: [(&[(&str, Forward)], &str); 5] = [
        (&[("b-v1", Traceparent)], GRAY),
        (&[("a-gray", Traceparent), ("b-v1", Traceparent)], GRAY),
        // a's own lane is stamped on what it sends; the trace is gone, but b forwards the lane.
        (&[("a-gray", Nothing)], GRAY),
        // Nothing is left that tells what b sends from what others make it send.
        (&[("b-v1", Nothing)], LOST),
        (&[("a-gray", Nothing), ("b-v1", Traceparent)], LOST),
    ];
    for (forwards, hops) in cases {
        let options =
            forwards.iter().fold(recovering(), |options, (name, what)| options.forwards(name, *what));
        let mesh = Mesh::start(options).await?;
        lanes::gray(&mesh).await?;
        for (number, client) in (0..).step_by(2).zip([mesh.h1(), mesh.h2()]) {
            assert_eq!(client.send(gray(number)).await?.hops(), hops, "{forwards:?}");
            assert_eq!(client.send(plain(number + 1)).await?.hops(), BASELINE, "{forwards:?}");
        }
        let restored =
            count(&mesh, "b-v1", "graylane_restored_total", &["lane=\"gray\"", "reason=\"trace\""]);
        let by_b = forwards.contains(&("b-v1", Traceparent)) && hops == GRAY;
        assert_eq!(restored.await?, if by_b { 2 } else { 0 }, "{forwards:?}");
        mesh.passed().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_lane_that_is_found_again_is_in_header_and_baggage() -> Result<()> {
    let mesh = Mesh::start(recovering().forwards("b-v1", Forward::Traceparent)).await?;
    lanes::gray(&mesh).await?;
    let answer = mesh.h1().send(gray(1)).await?;
    assert_eq!(answer.hops(), GRAY);
    assert_eq!(answer.seen("x-lane")?, ["gray"]);
    assert_eq!(answer.seen("baggage")?, ["lane=gray"]);
    // The hop that lost it is named.
    let proxies = mesh.lanectl(&["get", "proxies", "-o", "wide"]).await?.stdout;
    let losing: Vec<_> = proxies.lines().filter(|line| line.contains("gray: ")).collect();
    assert!(losing.len() == 1 && losing[0].starts_with("b-v1 "), "{proxies}");
    assert!(losing[0].contains("gray: 1 found by trace"), "{proxies}");
    let status = mesh.lanectl(&["status"]).await?.stdout;
    assert!(status.contains("6 of 6 proxies run"), "{status}");
    assert!(status.lines().any(|line| line.starts_with("gray ")), "{status}");
    let losing: Vec<_> = status.lines().filter(|line| line.contains("1 or more")).collect();
    assert!(losing.len() == 1 && losing[0].starts_with("b/b-v1 "), "{status}");
    assert!(losing[0].ends_with("the request's trace") && status.contains("let them copy"), "{status}");
    // A lane that has been removed is found no more, though its trace is still known.
    let sidecar = Sidecar::of(&mesh, "b-v1")?;
    assert_eq!(sidecar.sends("traceparent", &traceparent(1, 9)).await?.hops(), "c-gray");
    lanes::remove(&mesh, "gray").await?;
    assert_eq!(sidecar.sends("traceparent", &traceparent(1, 9)).await?.hops(), "c-v1");
    mesh.passed().await;
    Ok(())
}
