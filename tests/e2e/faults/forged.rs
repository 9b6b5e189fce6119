//! Nobody but the filter of a proxy orders faults there, and what it orders stays there.

use anyhow::{Result, ensure};
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};
use tokio::sync::mpsc::unbounded_channel;

use super::{GRAY, application_of, armed, caller_of, gray, set, stop};
use crate::lanes;

/// Everything that Envoy's fault filter listens to, and what makes ours do so.
const ORDERS: [(&str, &str); 8] = [
    ("x-envoy-fault-abort-request", "503"),
    ("x-envoy-fault-abort-grpc-request", "14"),
    ("x-envoy-fault-delay-request", "30000"),
    ("x-envoy-fault-throughput-response", "1"),
    ("x-envoy-fault-abort-request-percentage", "100"),
    ("x-envoy-fault-delay-request-percentage", "100"),
    ("x-graylane-fault", "shop"),
    ("x-graylane-caller", "a"),
];

fn forged() -> Call {
    ORDERS.iter().fold(Call::get("/").host("c"), |call, (name, value)| call.header(name, value))
}

/// A fault that nobody but forgers fit, so that the native filters are there.
const NOBODY: [&str; 4] = ["--abort", "503", "--header", "x-nobody"];

#[tokio::test]
async fn forged_orders_do_nothing_anywhere() -> Result<()> {
    let mesh = Mesh::start(armed()).await?;
    for (name, place) in [("f1", "callee"), ("f2", "caller")] {
        for service in ["a", "b", "c"] {
            let name = format!("{name}-{service}");
            let whom = ["--to", service, "--at", place];
            set(&mesh, &name, &[whom, NOBODY].concat()).await?;
        }
    }
    forged_everywhere(&mesh).await?;
    mesh.passed().await;
    Ok(())
}

/// By an outsider, by a caller behind whom no proxy of ours stands, and by an application.
async fn forged_everywhere(mesh: &Mesh) -> Result<()> {
    for client in [mesh.h1(), mesh.h2(), caller_of(mesh, "c-v1")?, application_of(mesh, "b-v1")?] {
        let answer = client.send(forged()).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        for (name, _) in ORDERS {
            ensure!(answer.seen(name)?.is_empty(), "the application has seen {name}: {}", answer.text());
        }
    }
    Ok(())
}

/// What strips and what executes is native, so that a dead filter injects nothing and opens no door.
#[tokio::test]
async fn without_the_module_there_are_no_faults_and_no_doors() -> Result<()> {
    let missing = std::env::temp_dir().join("graylane-no-such-module.wasm");
    let mesh = Mesh::start(MeshOptions { module: Some(missing), ..armed() }).await?;
    for service in ["a", "b", "c"] {
        let name = format!("all-{service}");
        let flags =
            ["fault", "set", &name, "--to", service, "--abort", "503", "--expires", "1h", "--no-wait"];
        mesh.lanectl(&flags).await?;
    }
    forged_everywhere(&mesh).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn an_order_is_seen_by_no_application_and_no_other_hop() -> Result<()> {
    let (witness, mut seen) = unbounded_channel();
    let mesh = Mesh::start(armed().witness(witness)).await?;
    lanes::gray(&mesh).await?;
    for place in ["callee", "caller"] {
        for service in ["a", "b", "c"] {
            set(&mesh, service, &["--to", service, "--at", place, "--delay", "20ms"]).await?;
        }
        let answer = mesh.h1().send(gray("/")).await?;
        ensure!((answer.status, answer.hops()) == (200, GRAY), "{}", answer.text());
        for _ in 0..3 {
            let seen = seen.recv().await.ok_or_else(|| anyhow::anyhow!("nobody has seen it"))?;
            for (name, _) in ORDERS {
                ensure!(!seen.headers.contains_key(name), "{place}: {} has seen {name}", seen.by);
            }
        }
        stop(&mesh, "--all").await?;
    }
    mesh.passed().await;
    Ok(())
}
