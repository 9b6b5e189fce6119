//! `lanectl explain` says beforehand what becomes of a request.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::mesh::Mesh;

use crate::lanes::Case;

/// Checks that each case is explained by the way that it takes, from its head as a file.
pub(super) async fn check(mesh: &Mesh, cases: &[Case]) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    let path = file.path().to_string_lossy();
    for case in cases {
        let head = case.call.head();
        // A file of bytes that are no text is refused.
        if str::from_utf8(&head).is_err() {
            continue;
        }
        std::fs::write(file.path(), head)?;
        let output = mesh.lanectl(&["explain", "-f", &path, "-o", "json"]).await?;
        check_one(case, &output.json()?).with_context(|| case.name.clone())?;
    }
    Ok(())
}

fn check_one(case: &Case, explanation: &Value) -> Result<()> {
    let hops = explanation["hops"].as_array().context("no hops")?;
    let workloads = hops.iter().filter_map(|hop| hop["workloads"][0].as_str());
    let hops = workloads.collect::<Vec<_>>().join(",");
    ensure!(hops == case.hops, "{hops} instead of {}: {explanation:#}", case.hops);
    let why = explanation["rule"].as_str().map_or("no-rule".to_owned(), |rule| format!("rule:{rule}"));
    let lane = explanation["lane"].as_str().unwrap_or_default();
    let decision = format!("gateway;lane={lane};why={why}, ");
    ensure!(case.trail.starts_with(&decision), "{decision} instead of {}", case.trail);
    Ok(())
}
