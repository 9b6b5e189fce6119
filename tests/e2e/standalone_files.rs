//! Every file that `lanectl` writes for a plain Envoy: Envoy itself accepts it, its descriptors know every field,
//! and lanes never touch what would drain a connection.

mod composed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use envoy_config::topology::AccessLog;
use serde_json::json;
use tests::certificates::Authority;
use tests::envoy::ENVOY_VARIABLE;
use tests::figures::Figures;
use tests::mesh::{Mesh, MeshOptions};

use crate::lanes;

/// Names the program that checks files against Envoy's descriptors.
const PROTOJSON_VARIABLE: &str = "GRAYLANE_PROTOJSON";
/// Names the oldest Envoy that is supported; without it that one is not asked.
const OLDEST_VARIABLE: &str = "GRAYLANE_ENVOY_OLDEST";
/// What no change of lanes may touch.
const STATIC_FILES: [&str; 2] = ["bootstrap.json", "lds.json"];

/// A kind of mesh, and whether it has lanes.
struct Kind {
    name: &'static str,
    options: MeshOptions,
    has_lanes: bool,
}

fn kinds(dir: &Path) -> Result<Vec<Kind>> {
    let all = || {
        MeshOptions::empty()
            .service("a", &[None, Some("gray")])
            .service("b", &[None])
            .service("c", &[None, Some("blue")])
    };
    let kind = |name, options, has_lanes| Kind { name, options, has_lanes };
    let tls = Some(Authority::new(dir)?.gateway()?);
    let log = AccessLog::File("access.log".to_owned());
    Ok(vec![
        kind("no lanes", MeshOptions::default(), false),
        kind("permissive", all(), true),
        kind("strict", all().strict(), true),
        kind("without a trail", all().no_trail(), true),
        kind("tls", MeshOptions { tls, ..all() }, true),
        kind("behind a proxy, with a log", MeshOptions { trusted_hops: 2, access_log: log, ..all() }, true),
    ])
}

/// Three lanes: by rules of every kind, by a share, and one that nobody can enter.
async fn set_lanes(mesh: &Mesh) -> Result<()> {
    let rules = json!([
        { "name": "all", "match": { "all": [{ "header": { "name": "x-gray" } }, { "not": { "path": { "prefix": "/\"{}" } } }] } },
        { "name": "regex", "match": { "path": { "regex": "/é[0-9]+\\.\"" } } },
    ]);
    let share = json!({ "percent": 12.34, "key": { "cookie": "user" } });
    let lanes = [
        ("blue", json!({ "share": share, "expires": "2099-12-31T23:59:59.5Z", "priority": -7 })),
        ("gray", json!({ "rules": rules, "owner": "Ünï \"quoted\"" })),
        ("ghost", json!({})),
    ];
    for (name, spec) in lanes {
        lanes::write(mesh, name, spec).await?;
    }
    Ok(())
}

/// The files of all proxies, and their bootstraps with everything else put into them.
async fn files(mesh: &Mesh, dir: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut whole) = (Vec::new(), Vec::new());
    for proxy in std::fs::read_dir(mesh.dir().join("proxies"))? {
        let proxy = proxy?.path();
        for entry in std::fs::read_dir(&proxy)?.chain(std::fs::read_dir(proxy.join("ecds"))?) {
            files.push(entry?.path());
        }
        let file = dir.join(format!("{}.json", proxy.file_name().unwrap_or_default().to_string_lossy()));
        std::fs::write(&file, composed::bootstrap(&proxy)?.to_string())?;
        whole.push(file);
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    Ok((files, whole))
}

/// Asks the descriptors.
fn check_fields(kind: &str, files: &[PathBuf]) -> Result<()> {
    let binary = std::env::var_os(PROTOJSON_VARIABLE).context("run through cargo xtask test")?;
    let output = Command::new(binary).args(["--type", kind]).args(files).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Asks an Envoy, without running it.
fn check_by(envoy: &Path, bootstrap: &Path) -> Result<()> {
    let output = Command::new(envoy)
        .args(["--mode", "validate", "--disable-hot-restart", "--log-level", "warn", "--config-path"])
        .arg(bootstrap)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} refuses {}:\n{said}", envoy.display(), bootstrap.display());
    Ok(())
}

/// The Envoys to ask: the one that all tests run, and the oldest where it is named.
fn envoys() -> Result<Vec<PathBuf>> {
    let newest = std::env::var_os(ENVOY_VARIABLE).context("run through cargo xtask test")?;
    let oldest = std::env::var_os(OLDEST_VARIABLE).filter(|path| !path.is_empty());
    Ok([Some(newest), oldest].into_iter().flatten().map(PathBuf::from).collect())
}

#[tokio::test]
async fn envoy_and_its_descriptors_accept_every_file() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let envoys = envoys()?;
    let (mut checked, mut asked) = (0, 0);
    for Kind { name, options, has_lanes } in kinds(dir.path())? {
        let mesh = Mesh::prepare(options).await?;
        if has_lanes {
            set_lanes(&mesh).await.context(name)?;
        }
        let (files, whole) = files(&mesh, dir.path()).await?;
        let (bootstraps, discoveries): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.ends_with("bootstrap.json"));
        check_fields("bootstrap", &bootstraps).context(name)?;
        check_fields("discovery", &discoveries).context(name)?;
        for envoy in &envoys {
            // A bootstrap as it is says where everything else is to be found; it is alike in every kind.
            let alone = bootstraps.iter().filter(|_| !has_lanes);
            for bootstrap in whole.iter().chain(alone) {
                check_by(envoy, bootstrap).context(name)?;
                asked += 1;
            }
        }
        checked += bootstraps.len() + discoveries.len();
        mesh.passed().await;
    }
    let oldest = if envoys.len() > 1 { "asked too" } else { "not asked: GRAYLANE_ENVOY_OLDEST names none" };
    Figures::new("every file for a plain Envoy is accepted by Envoy and known to its descriptors")
        .figure("files", checked)
        .figure("validations by Envoy", asked)
        .figure("the oldest supported Envoy", oldest)
        .record("standalone_files")
}

/// The files that no change of lanes may touch.
fn static_files(mesh: &Mesh) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for proxy in std::fs::read_dir(mesh.dir().join("proxies"))? {
        for file in STATIC_FILES.map(|file| proxy.as_ref().map(|proxy| proxy.path().join(file))) {
            let file = file.map_err(|error| anyhow::anyhow!("{error}"))?;
            files.insert(file.clone(), std::fs::read(file)?);
        }
    }
    Ok(files)
}

#[tokio::test]
async fn no_change_of_lanes_touches_listeners_or_bootstrap() -> Result<()> {
    let dir = tempfile::tempdir()?;
    for Kind { name, options, .. } in kinds(dir.path())? {
        let mesh = Mesh::prepare(options).await?;
        let before = static_files(&mesh)?;
        set_lanes(&mesh).await?;
        assert_eq!(static_files(&mesh)?, before, "{name}: lanes were added");
        lanes::write(&mesh, "gray", json!({ "share": { "percent": 1 } })).await?;
        assert_eq!(static_files(&mesh)?, before, "{name}: a lane was changed");
        for lane in ["blue", "gray", "ghost"] {
            mesh.lanectl(&["remove-lane", lane, "--no-wait"]).await?;
        }
        assert_eq!(static_files(&mesh)?, before, "{name}: lanes were removed");
        mesh.passed().await;
    }
    Ok(())
}
