//! The tools that the tasks need beside cargo, each at a pinned version.
//!
//! They live outside the checkout, in `${GRAYLANE_CACHE:-${XDG_CACHE_HOME:-~/.cache}/graylane}`, one folder
//! for each tool and version, so that all checkouts of a machine share them and a new version never meets
//! the files of an old one.

pub(crate) mod cargo_deny;
mod debian;
pub(crate) mod envoy;
mod fingerprint;
pub(crate) mod h2load;
pub(crate) mod kubernetes;
pub(crate) mod maven;
pub(crate) mod protojson;
pub(crate) mod registry;
pub(crate) mod rust;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;

use crate::workspace::Workspace;

/// A tool as it is named on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Tool {
    /// The proxy itself
    Envoy,
    /// The check of licences, duplicates and sources of dependencies
    CargoDeny,
    /// The load generator of the benches
    H2load,
    /// The check of Envoy configuration against Envoy's descriptors
    Protojson,
    /// What runs the tests of the Jenkins library
    Maven,
    /// The control plane of the end-to-end tests: a folder of binaries, built in about ten minutes
    Kubernetes,
    /// A registry of images and the client crane: a folder of binaries
    Registry,
}

/// `cargo xtask tool`: installs a tool if it is missing, and prints where it is.
pub(crate) fn run(ws: &Workspace, tool: Tool) -> Result<()> {
    let path = match tool {
        Tool::Envoy => envoy::ensure(envoy::VERSION)?,
        Tool::CargoDeny => cargo_deny::ensure()?,
        Tool::H2load => h2load::ensure()?,
        Tool::Protojson => protojson::ensure(ws)?,
        Tool::Maven => maven::ensure()?,
        Tool::Kubernetes => kubernetes::ensure(ws)?,
        Tool::Registry => registry::ensure(ws)?,
    };
    println!("{}", path.display());
    Ok(())
}

/// Returns the folder of a tool in the cache, and fills it first if it is not there yet.
///
/// It is filled under another name and then renamed: a folder that has its name is complete, and of two
/// processes that fill the same one, either wins.
fn cached(name: &str, version: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    cached_in(&cache_root()?, name, version, fill)
}

fn cached_in(
    root: &Path,
    name: &str,
    version: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let dir = root.join(format!("{name}-{version}"));
    if dir.is_dir() {
        return Ok(dir);
    }
    eprintln!("installing {name} {version} into {}", dir.display());
    let started = Instant::now();
    std::fs::create_dir_all(root).with_context(|| format!("failed to create {}", root.display()))?;
    let part = tempfile::Builder::new().prefix(&format!(".{name}-")).tempdir_in(root)?;
    fill(part.path()).with_context(|| format!("failed to install {name} {version}"))?;
    let renamed = std::fs::rename(part.path(), &dir);
    if !dir.is_dir() {
        renamed.with_context(|| format!("failed to create {}", dir.display()))?;
    }
    eprintln!("installed {name} {version} in {:.1?}", started.elapsed());
    Ok(dir)
}

fn cache_root() -> Result<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = var("GRAYLANE_CACHE")
        .or_else(|| Some(var("XDG_CACHE_HOME")?.join("graylane")))
        .or_else(|| Some(std::env::home_dir()?.join(".cache").join("graylane")))
        .ok_or_else(|| anyhow!("there is no place for tools: set GRAYLANE_CACHE to a folder"))?;
    // The paths of tools are handed to processes that run elsewhere.
    std::path::absolute(root).context("failed to find the current directory")
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_tool_is_installed_once() {
        let root = tempfile::tempdir().unwrap();
        let fill = |dir: &Path| Ok(std::fs::write(dir.join("bin"), "1")?);
        let dir = cached_in(root.path(), "tool", "1.0", fill).unwrap();
        assert_eq!(dir, root.path().join("tool-1.0"));
        assert_eq!(cached_in(root.path(), "tool", "1.0", |_| bail!("filled twice")).unwrap(), dir);
        assert_ne!(cached_in(root.path(), "tool", "1.1", fill).unwrap(), dir);
    }

    #[test]
    fn a_failed_installation_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let err = cached_in(root.path(), "tool", "1.0", |dir| {
            std::fs::write(dir.join("part"), "1")?;
            bail!("the disk is full")
        });
        assert_eq!(format!("{:#}", err.unwrap_err()), "failed to install tool 1.0: the disk is full");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_faster_of_two_installations_stays() {
        let root = tempfile::tempdir().unwrap();
        let dir = cached_in(root.path(), "tool", "1.0", |dir| {
            std::fs::write(dir.join("bin"), "slow")?;
            let other = root.path().join("tool-1.0");
            std::fs::create_dir(&other)?;
            Ok(std::fs::write(other.join("bin"), "fast")?)
        });
        assert_eq!(std::fs::read_to_string(dir.unwrap().join("bin")).unwrap(), "fast");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
