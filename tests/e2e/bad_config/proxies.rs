//! What is wrong in the files of a proxy itself, past all checks: the proxy says so, and the last good
//! configuration stays in force.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::envoy::Envoy;
use tests::mesh::{GATEWAY, Mesh, MeshOptions};
use tests::wait;

use super::check_traffic;
use crate::lanes;

/// How long Envoy may take to see a file.
const DEADLINE: Duration = Duration::from_secs(20);

/// What becomes of the configuration of the gateway's entry role.
enum Spoilt {
    /// Another text of the whole file.
    Text(Vec<u8>),
    /// The file with one value replaced, by its JSON pointer.
    Value(&'static str, Value),
    /// The filter's own configuration with one value replaced.
    Filter(&'static str, Value),
    /// No file.
    Gone,
}

const MODULE: &str = "/resources/0/typed_config/config/vm_config/code/local/filename";
const CONFIGURATION: &str = "/resources/0/typed_config/config/configuration/value";

/// Replaces a file at once, as `lanectl` does.
fn replace(file: &Path, text: &[u8]) -> Result<()> {
    let draft = file.with_extension("draft");
    std::fs::write(&draft, text)?;
    Ok(std::fs::rename(&draft, file)?)
}

fn put(json: &mut Value, pointer: &str, value: Value) -> Result<()> {
    *json.pointer_mut(pointer).with_context(|| format!("there is no {pointer}"))? = value;
    Ok(())
}

impl Spoilt {
    fn write(&self, file: &Path, good: &[u8]) -> Result<()> {
        let mut response: Value = serde_json::from_slice(good)?;
        match self {
            Self::Gone => return Ok(std::fs::remove_file(file)?),
            Self::Text(text) => return replace(file, text),
            Self::Value(pointer, value) => put(&mut response, pointer, value.clone())?,
            Self::Filter(pointer, value) => {
                let text =
                    response.pointer(CONFIGURATION).and_then(Value::as_str).context("no configuration")?;
                let mut filter: Value = serde_json::from_str(text)?;
                put(&mut filter, pointer, value.clone())?;
                put(&mut response, CONFIGURATION, Value::from(filter.to_string()))?;
            }
        }
        replace(file, response.to_string().as_bytes())
    }
}

/// How often the proxy has refused a configuration of a filter, as it says itself.
async fn refusals(envoy: &Envoy) -> Result<u64> {
    let counts = |stat: &str| {
        let discovery = stat.starts_with("extension_config_discovery.http_filter.graylane.entry.");
        let failed =
            ["config_fail", "update_rejected", "update_failure"].iter().any(|end| stat.ends_with(end));
        (discovery && failed) || stat.ends_with("graylane_bad_configs_total")
    };
    Ok(envoy.stats().await?.iter().filter(|(stat, _)| counts(stat)).map(|(_, value)| value).sum())
}

fn cases(dir: &Path) -> Result<Vec<(&'static str, Spoilt)>> {
    let corrupt = dir.join("corrupt.wasm");
    std::fs::write(&corrupt, [b"\0asm\x01\0\0\0".as_slice(), &[0xff; 300]].concat())?;
    let no_module = dir.join("text.wasm");
    std::fs::write(&no_module, "this is no module")?;
    let path = |path: PathBuf| json!(path.to_string_lossy());
    let rules =
        |condition: Value| json!([{ "name": "gray", "rules": [{ "name": "r", "match": condition }] }]);
    Ok(vec![
        ("no such module", Spoilt::Value(MODULE, path(dir.join("missing.wasm")))),
        ("a corrupt module", Spoilt::Value(MODULE, path(corrupt))),
        ("no module", Spoilt::Value(MODULE, path(no_module))),
        ("an unknown version", Spoilt::Filter("/version", json!(99))),
        ("a bad regex", Spoilt::Filter("/lanes", rules(json!({ "path": { "regex": "(" } })))),
        ("an unknown condition", Spoilt::Filter("/lanes", rules(json!({ "colour": "gray" })))),
        ("another role", Spoilt::Filter("/role", json!("exit"))),
        ("no configuration", Spoilt::Value(CONFIGURATION, json!(""))),
        ("half a configuration", Spoilt::Value(CONFIGURATION, json!("{\"version\": 1, \"gener"))),
        (
            "an unknown runtime",
            Spoilt::Value(
                "/resources/0/typed_config/config/vm_config/runtime",
                json!("envoy.wasm.runtime.none"),
            ),
        ),
        ("another name", Spoilt::Value("/resources/0/name", json!("graylane.entry.elsewhere"))),
        ("no resource", Spoilt::Value("/resources", json!([]))),
        ("half a file", Spoilt::Text(b"{\"version_info\": \"9\", \"resources\": [{\"@type\": ".to_vec())),
        ("an empty file", Spoilt::Text(Vec::new())),
        ("noise", Spoilt::Text(vec![0xa5; 2048])),
    ])
}

#[tokio::test]
async fn the_last_good_rules_stay_in_force() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default().concurrency(2)).await?;
    lanes::gray(&mesh).await?;
    let file = mesh.proxy_dir(GATEWAY).join("ecds/entry.json");
    let good = std::fs::read(&file)?;
    let dir = tempfile::tempdir()?;
    let envoy = mesh.envoy(GATEWAY)?;
    for (name, spoilt) in cases(dir.path())? {
        let before = refusals(envoy).await?;
        spoilt.write(&file, &good).with_context(|| name)?;
        wait::succeeds(DEADLINE, name, async || {
            ensure!(refusals(envoy).await? > before, "the proxy has not refused it");
            Ok(())
        })
        .await?;
        check_traffic(&mesh).await.with_context(|| name)?;
    }
    Spoilt::Gone.write(&file, &good)?;
    check_traffic(&mesh).await.context("without the file")?;

    // What somebody has changed is put right, and what comes next is taken.
    mesh.lanectl(&["apply"]).await?;
    assert_eq!(std::fs::read(&file)?, good);
    lanes::remove(&mesh, "gray").await?;
    lanes::gray(&mesh).await?;
    check_traffic(&mesh).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_corrupt_module_from_the_start_leaves_requests_alone() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let module = dir.path().join("graylane.wasm");
    std::fs::write(&module, [b"\0asm\x01\0\0\0".as_slice(), &[0xff; 300]].concat())?;
    let mesh = Mesh::start(MeshOptions { module: Some(module.clone()), ..MeshOptions::default() }).await?;
    mesh.lanectl(&["set-lane", "gray", "--header", lanes::ENTERS, "--no-wait"]).await?;
    for client in [mesh.h1(), mesh.h2()] {
        for call in [tests::client::Call::get("/"), tests::client::Call::get("/").header(lanes::ENTERS, "1")]
        {
            let answer = client.send(call).await?;
            assert_eq!((answer.status, answer.hops()), (200, "a-v1,b-v1,c-v1"));
        }
    }
    // Whoever waits for it is told, by the names of the proxies.
    let waited = mesh.lanectl_any(&["wait", "--timeout", "1s"]).await?.exits(3)?;
    for proxy in [GATEWAY, "a-v1", "a-gray", "b-v1", "c-v1", "c-gray"] {
        assert!(waited.stderr.contains(proxy), "{proxy} is missing in {}", waited.stderr);
    }
    mesh.passed().await;
    Ok(())
}
