//! The parts of the Rust toolchain that a minimal installation lacks: added through rustup when missing.
//!
//! rustup installs them by itself from `rust-toolchain.toml`, unless `RUSTUP_AUTO_INSTALL=0` forbids it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::process;

/// What the compiler says of itself.
pub(crate) struct Rustc {
    /// Where the toolchain lies.
    pub(crate) sysroot: PathBuf,
    /// The commit that it was built from.
    pub(crate) commit: String,
}

impl Rustc {
    /// Asks the `rustc` that cargo would use.
    pub(crate) fn ask() -> Result<Self> {
        let version = process::capture(rustc().arg("-vV"))?;
        let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
        let sysroot = process::capture(rustc().args(["--print", "sysroot"]))?;
        Ok(Self {
            sysroot: PathBuf::from(sysroot.trim_end()),
            commit: commit.context("`rustc -vV` names no commit")?.to_owned(),
        })
    }
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Makes sure that the standard library for a target is there.
pub(crate) fn ensure_target(target: &str) -> Result<()> {
    let library = Rustc::ask()?.sysroot.join("lib/rustlib").join(target).join("lib");
    if library.is_dir() {
        return Ok(());
    }
    add("target", target)
}

/// Makes sure that rustfmt and clippy are there.
pub(crate) fn ensure_lint_tools() -> Result<()> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !process::succeeds(process::cargo().args([command, "--version"])) {
            add("component", component)?;
        }
    }
    Ok(())
}

fn add(kind: &str, name: &str) -> Result<()> {
    eprintln!("adding the Rust {kind} {name}");
    process::run(Command::new("rustup").args([kind, "add", name])).with_context(|| {
        format!("the Rust {kind} `{name}` is missing; install it with your toolchain's installer")
    })
}

/// Where cargo keeps the sources of dependencies.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::home_dir().ok_or_else(|| anyhow!("neither CARGO_HOME nor HOME is set"))?;
    Ok(home.join(".cargo"))
}
