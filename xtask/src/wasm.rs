//! `cargo xtask wasm`: builds the Wasm modules.
//!
//! The filter is built, checked against what Envoy offers, stripped of the callbacks it does not use, and
//! written to `<target>/wasm/graylane.wasm`. The bytes depend on the sources and the toolchain alone, not on
//! where the checkout or cargo's home lies.
//! The benches' no-op filter goes to `<target>/wasm/noop.wasm` as the SDK makes it.

mod imports;
mod strip;

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::process;
use crate::tools::rust;
use crate::workspace::Workspace;

/// The target that both modules are built for.
pub(crate) const TARGET: &str = "wasm32-wasip1";

/// Builds both modules and prints them.
pub(crate) fn run(ws: &Workspace) -> Result<()> {
    build_noop(ws)?;
    build_filter(ws)?;
    Ok(())
}

/// Builds the filter as it is shipped and returns where it is.
pub(crate) fn build_filter(ws: &Workspace) -> Result<PathBuf> {
    let raw = compile(ws, "filter")?;
    let bytes = strip::strip(&raw).context("failed to make the shipped module of the filter")?;
    write(ws, "graylane.wasm", &bytes)
}

/// Builds the no-op filter of the plain SDK, which the benches compare with, and returns where it is.
pub(crate) fn build_noop(ws: &Workspace) -> Result<PathBuf> {
    let raw = compile(ws, "noop")?;
    write(ws, "noop.wasm", &raw)
}

/// Compiles a package for Wasm and returns the module as the linker made it.
fn compile(ws: &Workspace, package: &str) -> Result<Vec<u8>> {
    rust::ensure_target(TARGET)?;
    eprintln!("building {package} for {TARGET}");
    process::run(
        process::cargo()
            .current_dir(&ws.root)
            .args(["build", "--profile", "wasm", "--target", TARGET, "--package", package])
            .env("CARGO_ENCODED_RUSTFLAGS", remap_flags(ws)?.join("\x1f")),
    )?;
    let path = ws.target.join(TARGET).join("wasm").join(format!("{package}.wasm"));
    let bytes = std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
    imports::check(&bytes).with_context(|| format!("Envoy would refuse the module of `{package}`"))?;
    Ok(bytes)
}

/// The flags that keep this machine's paths out of the module: messages of panics name source files.
pub(crate) fn remap_flags(ws: &Workspace) -> Result<Vec<String>> {
    let rustc = rust::Rustc::ask()?;
    let library = rustc.sysroot.join("lib/rustlib/src/rust");
    let prefixes = [
        (ws.root.as_path(), "/graylane".to_owned()),
        (rust::cargo_home()?.as_path(), "/cargo".to_owned()),
        // With the component rust-src installed the library's paths are real ones; without, they are these.
        (library.as_path(), format!("/rustc/{}", rustc.commit)),
    ]
    .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    Ok(prefixes.to_vec())
}

/// Writes a module at once, so that whoever reads the old one meanwhile never sees a part of the new.
fn write(ws: &Workspace, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let dir = ws.target.join("wasm");
    let path = dir.join(name);
    replace(&dir, &path, bytes).with_context(|| format!("failed to write {}", path.display()))?;
    println!("{}  {} bytes  sha256 {}", path.display(), bytes.len(), hex(&Sha256::digest(bytes)));
    Ok(path)
}

fn replace(dir: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    // A temporary file is its owner's alone, and an Envoy may run as somebody else.
    let file = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(dir)?;
    std::fs::write(file.path(), bytes)?;
    file.persist(path)?;
    Ok(())
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
