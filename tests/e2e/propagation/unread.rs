//! Tickets that no filter has read: the gateway's routes take the header away, so that no application sees one. The cookie and
//! the query parameter stay, as SECURITY.md says.

use anyhow::Result;
use chain::Witness;
use serde_json::{Value, json};
use tests::client::Call;
use tests::mesh::{GATEWAY, Mesh, MeshOptions};

use super::forged::spoil;
use super::{BASELINE, Listener, NOTHING, gray};
use crate::lanes;

const HEADER: &str = "x-pass";

/// A mesh that does not run yet, whose lane asks for tickets.
async fn prepare(witness: Witness) -> Result<Mesh> {
    let mesh = Mesh::prepare(MeshOptions::default().witness(witness)).await?;
    let path = mesh.dir().join("group.yaml");
    let mut group: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path)?)?;
    group["spec"]["tickets"] = json!({ "header": HEADER, "cookie": "pass" });
    std::fs::write(path, group.to_string())?;
    mesh.lanectl(&["apply", "--no-wait"]).await?;
    mesh.lanectl(&["set-lane", "gray", "--header", lanes::ENTERS, "--ticket", "--no-wait"]).await?;
    Ok(mesh)
}

async fn check(mesh: &Mesh, listener: &mut Listener) -> Result<()> {
    for client in [mesh.h1(), mesh.h2()] {
        for call in [Call::get("/"), gray()] {
            let call = call.header(HEADER, "gl1.a.b").header(HEADER, "gl1.c.d");
            listener.trace(&client, call).await?.check(BASELINE, HEADER, NOTHING);
        }
    }
    Ok(())
}

#[tokio::test]
async fn with_a_first_configuration_of_the_entry_that_is_bad() -> Result<()> {
    let (witness, mut listener) = Listener::new();
    let mut mesh = prepare(witness).await?;
    spoil(&mesh, GATEWAY, "configuration/value", "{}")?;
    mesh.start_all().await?;
    check(&mesh, &mut listener).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn with_a_vm_of_the_entry_that_has_died() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let module = dir.path().join("trapping.wasm");
    std::fs::write(&module, wat::parse_str(include_str!("../../testdata/trapping.wat"))?)?;
    let (witness, mut listener) = Listener::new();
    let mut mesh = prepare(witness).await?;
    spoil(&mesh, GATEWAY, "vm_config/code/local/filename", &module.to_string_lossy())?;
    mesh.start_all().await?;
    // The request that meets the trap is lost under every failure policy.
    assert_eq!(mesh.h1().send(gray()).await?.status, 503);
    check(&mesh, &mut listener).await?;
    mesh.passed().await;
    Ok(())
}
