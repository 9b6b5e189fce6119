//! What tells a fault that was injected from one that was not: metrics and access logs.

use std::time::Duration;

use anyhow::{Result, ensure};
use envoy_config::topology::AccessLog;
use serde_json::{Value, json};
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;

use super::{armed, counted, set};
use crate::lanes;

/// Envoy writes its log every ten seconds.
const DEADLINE: Duration = Duration::from_secs(40);

#[tokio::test]
async fn metrics_and_logs_tell_which_failures_were_injected() -> Result<()> {
    let log = AccessLog::File("access.log".to_owned());
    let mesh = Mesh::start(MeshOptions { access_log: log, ..armed() }).await?;
    lanes::gray(&mesh).await?;
    set(&mesh, "broken", &["--to", "c", "--lane", "gray", "--abort", "503"]).await?;
    set(&mesh, "slow", &["--to", "c", "--lane", "baseline", "--path", "/slow-one", "--delay", "10ms"])
        .await?;
    let calls = [
        ("/injected", Call::get("/injected").header(lanes::ENTERS, "1"), 503),
        ("/status/503", Call::get("/status/503"), 503),
        ("/slow-one", Call::get("/slow-one"), 200),
    ];
    for (path, call, status) in calls {
        let answer = mesh.h1().send(call).await?;
        ensure!(answer.status == status, "{path}: {} {}", answer.status, answer.text());
    }
    for (proxy, fault, path, flags, details) in [
        ("c-gray", json!("broken"), "/injected", json!("FI"), json!("fault_filter_abort")),
        ("c-v1", Value::Null, "/status/503", json!("-"), json!("via_upstream")),
        ("c-v1", json!("slow"), "/slow-one", json!("DI"), json!("via_upstream")),
    ] {
        let line = wait::succeeds(DEADLINE, &format!("{path} in the log of {proxy}"), async || {
            let text = std::fs::read_to_string(mesh.proxy_dir(proxy).join("access.log"))?;
            let lines = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
            let found = lines.into_iter().find(|line| line["path"] == path);
            found.ok_or_else(|| anyhow::anyhow!("not there yet"))
        })
        .await?;
        let said = (line["fault"].clone(), line["flags"].clone(), line["details"].clone());
        ensure!(said == (fault.clone(), flags, details), "{path}: {line}");
        if let Some(fault) = fault.as_str() {
            let name = format!("fault=\"{fault}\"");
            wait::succeeds(DEADLINE, &format!("the counter of {fault}"), async || {
                let count = counted(&mesh, proxy, &["graylane_faults_total{", &name]).await?;
                ensure!(count == 1, "{count}");
                Ok(())
            })
            .await?;
        }
    }
    mesh.passed().await;
    Ok(())
}
