//! Many requests in a short time: by h2load where there is one, else by our own client.

use anyhow::{Context as _, Result, ensure};
use tests::client::{Call, Protocol};
use tests::load::Load;
use tests::mesh::Mesh;
use tokio::process::Command;

use crate::lanes;

/// Names h2load.
const H2LOAD_VARIABLE: &str = "GRAYLANE_H2LOAD";
const CONNECTIONS: usize = 4;
const STREAMS: usize = 8;

/// Sends requests, half of them within the lane, and expects 200 for each.
pub(super) async fn send(mesh: &Mesh, requests: u64) -> Result<()> {
    match std::env::var_os(H2LOAD_VARIABLE) {
        Some(h2load) => {
            for lane in [false, true] {
                let mut command = Command::new(&h2load);
                command.args(["-n", &(requests / 2).to_string(), "-c", &CONNECTIONS.to_string()]);
                command.args(["-m", &STREAMS.to_string(), &format!("http://{}/", mesh.gateway())]);
                if lane {
                    command.args(["-H", &format!("{}: 1", lanes::ENTERS)]);
                }
                all_ok(command, requests / 2).await?;
            }
            Ok(())
        }
        None => {
            let load = Load::new(mesh.gateway(), Protocol::Http2, CONNECTIONS, |number| match number % 2 {
                0 => Call::get("/"),
                _ => Call::get("/").header(lanes::ENTERS, "1"),
            });
            let report = load.streams(STREAMS).requests(requests).start().finish().await;
            ensure!(report.not_ok().next().is_none(), "{report}");
            Ok(())
        }
    }
}

async fn all_ok(mut command: Command, requests: u64) -> Result<()> {
    let output = command.kill_on_drop(true).output().await.context("failed to run h2load")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let wanted = format!("status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx");
    ensure!(output.status.success() && text.contains(&wanted), "h2load: no `{wanted}` in\n{text}");
    Ok(())
}
