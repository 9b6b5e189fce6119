//! h2load, the load generator of the benches, from the system's packages.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// The Debian package that has it.
const PACKAGE: &str = "nghttp2-client";

/// Returns the binary; where it is missing and we may, Debian's package is installed.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(path) = find() {
        return Ok(path);
    }
    let remedy = format!("h2load is missing; install it (on Debian: apt-get install {PACKAGE})");
    if !is_root() {
        bail!("{remedy}");
    }
    eprintln!("installing {PACKAGE}");
    install().context(remedy)?;
    find().with_context(|| format!("the package {PACKAGE} was installed, but there is no h2load in PATH"))
}

fn install() -> Result<()> {
    let apt = || {
        let mut cmd = Command::new("apt-get");
        cmd.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-y"]);
        cmd
    };
    // The package lists may be old or absent; if they cannot be had now, the old ones may still do.
    if let Err(err) = process::run(apt().arg("update")) {
        eprintln!("{err:#}");
    }
    process::run(apt().args(["install", "--no-install-recommends", PACKAGE]))
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join("h2load")).find(|file| file.is_file())
}

fn is_root() -> bool {
    process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
