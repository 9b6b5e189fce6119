//! cargo-deny, which checks licences, duplicates and sources of the dependencies.

use std::path::PathBuf;

use anyhow::Result;

use super::cached;
use crate::process;

const VERSION: &str = "0.20.2";

/// Returns the binary, built from source on the first call.
pub(crate) fn ensure() -> Result<PathBuf> {
    let dir = cached("cargo-deny", VERSION, |dir| {
        // It runs for a second and takes minutes to build with optimizations: the quick build is the better one.
        process::run(
            process::cargo()
                .args(["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--no-track"])
                .arg("--root")
                .arg(dir)
                .env("CARGO_PROFILE_DEV_DEBUG", "0")
                .env("CARGO_TARGET_DIR", dir.join("target")),
        )?;
        Ok(std::fs::remove_dir_all(dir.join("target"))?)
    })?;
    Ok(dir.join("bin").join("cargo-deny"))
}
