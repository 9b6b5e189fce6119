//! What outsiders may not send: no application sees it, and it leads nowhere; with a healthy filter, without
//! a module, with a first configuration that is bad, and with a VM that has died.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::client::{Call, Client};
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
    check_headers_at([mesh.h1(), mesh.h2()], listener, call, expected).await
}

async fn check_headers_at(
    clients: [Client; 2],
    listener: &mut Listener,
    call: &Call,
    expected: &Expected,
) -> Result<()> {
    let Expected { hops, lane, trail } = expected;
    let all = FORGED.iter().fold(call.clone(), |call, (name, value)| call.header(name, value));
    let singly = FORGED.iter().map(|(name, value)| call.clone().header(name, value));
    let twice = call.clone().header("x-lane", "gray").header("x-lane", "blue");
    for client in clients {
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

/// Replaces one value in the configuration of the entry role of a proxy.
pub(super) fn spoil(mesh: &Mesh, proxy: &str, pointer: &str, value: &str) -> Result<()> {
    let file = mesh.proxy_dir(proxy).join("ecds/entry.json");
    let mut response: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
    let place = response.pointer_mut(&format!("/resources/0/typed_config/config/{pointer}"));
    *place.with_context(|| format!("there is no {pointer}"))? = Value::from(value);
    Ok(std::fs::write(file, response.to_string())?)
}

/// SECURITY.md says that this stays open: nothing at the gateway but the filter can edit a member of baggage,
/// and the sidecar of a, whose filter lives, takes it for true. Once a good configuration is there, it is closed.
async fn check_baggage_until_repaired(mesh: &Mesh, listener: &mut Listener) -> Result<()> {
    let forged = || Call::get("/").header("baggage", "lane=gray");
    listener.trace(&mesh.h1(), forged()).await?.check("a-v1,b-v1,c-gray", "baggage", &["lane=gray"]);
    mesh.lanectl(&["apply"]).await?;
    mesh.lanectl(&["wait"]).await?;
    listener.trace(&mesh.h1(), forged()).await?.check(BASELINE, "baggage", NOTHING);
    check_headers(mesh, listener, &gray(), &INSIDE).await
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
    spoil(&mesh, GATEWAY, "configuration/value", "{\"version\": 1, \"role\": ")?;
    mesh.start_all().await?;
    let expected = Expected { trail: "", ..OUTSIDE };
    for call in [Call::get("/"), gray()] {
        check_headers(&mesh, &mut listener, &call, &expected).await?;
    }
    check_baggage_until_repaired(&mesh, &mut listener).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn nor_with_a_vm_of_the_entry_that_has_died() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let module = dir.path().join("trapping.wasm");
    std::fs::write(&module, wat::parse_str(include_str!("../../testdata/trapping.wat"))?)?;
    let (witness, mut listener) = Listener::new();
    let mut mesh = Mesh::prepare(MeshOptions::default().witness(witness)).await?;
    mesh.lanectl(&["set-lane", "gray", "--header", lanes::ENTERS, "--no-wait"]).await?;
    spoil(&mesh, GATEWAY, "vm_config/code/local/filename", &module.to_string_lossy())?;
    mesh.start_all().await?;
    // The request that meets the trap is lost under every failure policy.
    assert_eq!(mesh.h1().send(gray()).await?.status, 503);
    let expected = Expected { trail: "", ..OUTSIDE };
    for call in [Call::get("/"), gray()] {
        check_headers(&mesh, &mut listener, &call, &expected).await?;
    }
    check_baggage_until_repaired(&mesh, &mut listener).await?;
    mesh.passed().await;
    Ok(())
}

/// A workload as the entry: its inbound listener faces the outsiders.
#[tokio::test]
async fn a_workload_as_the_entry_believes_nobody_with_and_without_its_filter() -> Result<()> {
    const ENTRY: &str = "a-v1";
    const OUTSIDE: Expected = Expected { hops: BASELINE, lane: &[], trail: "" };
    for is_alive in [true, false] {
        let (witness, mut listener) = Listener::new();
        let options = MeshOptions::empty()
            .service("a", &[None])
            .service("b", &[None])
            .service("c", &[None, Some("gray")]);
        let mut mesh = Mesh::prepare(options.witness(witness)).await?;
        let path = mesh.dir().join("group.yaml");
        let mut group: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path)?)?;
        group["spec"]["entries"] = serde_json::json!([ENTRY]);
        // JSON is YAML.
        std::fs::write(path, group.to_string())?;
        mesh.lanectl(&["apply", "--no-wait"]).await?;
        mesh.lanectl(&["set-lane", "gray", "--header", lanes::ENTERS, "--no-wait"]).await?;
        if !is_alive {
            spoil(&mesh, ENTRY, "configuration/value", "{}")?;
        }
        mesh.start_all().await?;
        let entry =
            mesh.topology().workloads.iter().find(|w| w.name.as_str() == ENTRY).context(ENTRY)?.inbound;
        let clients = || [Client::h1(entry), Client::h2(entry)];
        check_headers_at(clients(), &mut listener, &Call::get("/"), &OUTSIDE).await.context("outside")?;
        if is_alive {
            let inside = Expected {
                hops: "a-v1,b-v1,c-gray",
                lane: &["gray"],
                trail: "a-v1;lane=gray;why=rule:flags",
            };
            check_headers_at(clients(), &mut listener, &gray(), &inside).await.context("inside")?;
        } else {
            check_headers_at(clients(), &mut listener, &gray(), &OUTSIDE)
                .await
                .context("with a bad filter")?;
        }
        mesh.passed().await;
    }
    Ok(())
}
