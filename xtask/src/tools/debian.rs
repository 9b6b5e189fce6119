//! Programs from the system's packages: used where they are, installed where we may, else named with the remedy.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// Returns the program; where it is missing and we may, Debian's package is installed.
pub(super) fn ensure(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = find(program) {
        return Ok(path);
    }
    let remedy = format!("{program} is missing; install it (on Debian: apt-get install {package})");
    if !is_root() {
        bail!("{remedy}");
    }
    eprintln!("installing {package}");
    install(package).context(remedy)?;
    find(program)
        .with_context(|| format!("the package {package} was installed, but there is no {program} in PATH"))
}

fn install(package: &str) -> Result<()> {
    let apt = || {
        let mut cmd = Command::new("apt-get");
        cmd.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-y"]);
        cmd
    };
    // The package lists may be old or absent; if they cannot be had now, the old ones may still do.
    if let Err(err) = process::run(apt().arg("update")) {
        eprintln!("{err:#}");
    }
    process::run(apt().args(["install", "--no-install-recommends", package]))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn is_root() -> bool {
    process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
