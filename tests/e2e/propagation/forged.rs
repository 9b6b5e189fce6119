//! What outsiders may not send: no application sees it, and it leads nowhere; with a healthy filter, without
//! a module, and with a first configuration that is bad.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::client::Call;
use tests::mesh::{GATEWAY, Mesh, MeshOptions};

use super::{BASELINE, GRAY, Listener, NOTHING, gray};
use crate::lanes;

/// Headers that an outsider forges; names are told in several spellings by HTTP/1.1.
const FORGED: [(&str, &str); 10] = [
    ("x-lane", "gray"),
    ("X-LANE", "gray"),
    ("x-lane-path", "gateway;lane=gray;why=rule:forged"),
    ("x-envoy-fault-delay-request", "3000"),
    ("x-envoy-fault-abort-request", "503"),
    ("x-envoy-fault-abort-grpc-request", "14"),
    ("x-envoy-fault-throughput-response", "1"),
    ("x-envoy-fault-anything-else", "1"),
    ("x-graylane-unsent", "true"),
    ("x-graylane-anything-else", "1"),
];

/// What every application sees of the forged headers and of the lane.
struct Expected {
    hops: &'static str,
    lane: &'static [&'static str],
    /// How the trail begins; there is none where this is empty.
    trail: &'static str,
}

const OUTSIDE: Expected = Expected { hops: BASELINE, lane: &[], trail: "gateway;lane=baseline;why=no-rule" };
const INSIDE: Expected = Expected { hops: GRAY, lane: &["gray"], trail: "gateway;lane=gray;why=rule:flags" };

async fn check_headers(mesh: &Mesh, listener: &mut Listener, call: &Call, expected: &Expected) -> Result<()> {
    let Expected { hops, lane, trail } = expected;
    let all = FORGED.iter().fold(call.clone(), |call, (name, value)| call.header(name, value));
    let singly = FORGED.iter().map(|(name, value)| call.clone().header(name, value));
    let twice = call.clone().header("x-lane", "gray").header("x-lane", "blue");
    for client in [mesh.h1(), mesh.h2()] {
        for forged in singly.clone().chain([twice.clone(), all.clone()]) {
            let trace = listener.trace(&client, forged).await?;
            trace.check(hops, "x-lane", lane);
            for (name, _) in FORGED.iter().filter(|(name, _)| !name.to_lowercase().starts_with("x-lane")) {
                trace.check(hops, name, NOTHING);
            }
            for lines in trace.values("x-lane-path") {
                let line = lines.join("|");
                let is_right =
                    if trail.is_empty() { !line.contains("forged") } else { line.starts_with(trail) };
                ensure!(is_right && lines.len() <= 1, "trail {line} instead of {trail}");
            }
        }
    }
    Ok(())
}

/// Writes something else over the configuration of the gateway's entry role.
fn spoil(file: &Path) -> Result<()> {
    let mut response: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let value = response.pointer_mut("/resources/0/typed_config/config/configuration/value");
    *value.context("no configuration of a filter")? = Value::from("{\"version\": 1, \"role\": ");
    Ok(std::fs::write(file, response.to_string())?)
}

#[tokio::test]
async fn forged_headers_lead_nowhere() -> Result<()> {
    let (witness, mut listener) = Listener::new();
    let mesh = Mesh::start(MeshOptions::default().witness(witness)).await?;
    check_headers(&mesh, &mut listener, &Call::get("/"), &OUTSIDE).await.context("before there is a lane")?;
    lanes::gray(&mesh).await?;
    check_headers(&mesh, &mut listener, &Call::get("/"), &OUTSIDE).await.context("outside")?;
    check_headers(&mesh, &mut listener, &gray(), &INSIDE).await.context("inside")?;
    let trace = listener.trace(&mesh.h1(), Call::get("/").header("baggage", "lane=gray")).await?;
    trace.check(BASELINE, "baggage", NOTHING);
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn without_a_module_they_lead_nowhere_either() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let module = dir.path().join("graylane.wasm");
    std::fs::write(&module, b"\0asm")?;
    let (witness, mut listener) = Listener::new();
    let options = MeshOptions { module: Some(module.clone()), ..MeshOptions::default().witness(witness) };
    let mut mesh = Mesh::prepare(options).await?;
    std::fs::remove_file(&module)?;
    mesh.start_all().await?;
    // Routes are in force all the same: a lane header that got through would find the lane.
    mesh.lanectl(&["set-lane", "gray", "--header", lanes::ENTERS, "--no-wait"]).await?;
    let expected = Expected { trail: "", ..OUTSIDE };
    for call in [Call::get("/"), gray()] {
        check_headers(&mesh, &mut listener, &call, &expected).await?;
    }
    // Nobody is there to restore a lane from it.
    let trace = listener.trace(&mesh.h1(), Call::get("/").header("baggage", "lane=gray")).await?;
    trace.check(BASELINE, "baggage", &["lane=gray"]);
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn nor_with_a_first_configuration_of_the_entry_that_is_bad() -> Result<()> {
    let (witness, mut listener) = Listener::new();
    let mut mesh = Mesh::prepare(MeshOptions::default().witness(witness)).await?;
    mesh.lanectl(&["set-lane", "gray", "--header", lanes::ENTERS, "--no-wait"]).await?;
    spoil(&mesh.proxy_dir(GATEWAY).join("ecds/entry.json"))?;
    mesh.start_all().await?;
    let expected = Expected { trail: "", ..OUTSIDE };
    for call in [Call::get("/"), gray()] {
        check_headers(&mesh, &mut listener, &call, &expected).await?;
    }
    // SECURITY.md says that this stays open: nothing at the gateway can edit a member of baggage, and the
    // sidecar of a, whose filter lives, takes it for true.
    let trace = listener.trace(&mesh.h1(), Call::get("/").header("baggage", "lane=gray")).await?;
    trace.check("a-v1,b-v1,c-gray", "baggage", &["lane=gray"]);

    // A good configuration closes it.
    mesh.lanectl(&["apply"]).await?;
    mesh.lanectl(&["wait"]).await?;
    let trace = listener.trace(&mesh.h1(), Call::get("/").header("baggage", "lane=gray")).await?;
    trace.check(BASELINE, "baggage", NOTHING);
    check_headers(&mesh, &mut listener, &gray(), &INSIDE).await?;
    mesh.passed().await;
    Ok(())
}
