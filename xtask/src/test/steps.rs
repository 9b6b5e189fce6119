//! The steps of `cargo xtask test` that are commands.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::figures;
use crate::tools::{cargo_deny, envoy, h2load, kubernetes, maven, protojson, registry, rust};
use crate::workspace::Workspace;
use crate::{image, process, wasm};

/// The crates that are built for Wasm.
const WASM_CRATES: [&str; 3] = ["lane", "filter", "noop"];

pub(super) fn fmt(ws: &Workspace) -> Result<()> {
    rust::ensure_lint_tools()?;
    cargo(ws, &["fmt", "--all", "--check"])
}

pub(super) fn clippy(ws: &Workspace) -> Result<()> {
    rust::ensure_lint_tools()?;
    // The fuzz targets too, which nothing else builds.
    let targets = ["--all-targets", "--features", "fuzz/targets"];
    cargo(ws, &[&["clippy", "--workspace"], &targets[..], &["--", "-D", "warnings"]].concat())
}

pub(super) fn clippy_wasm(ws: &Workspace) -> Result<()> {
    rust::ensure_lint_tools()?;
    rust::ensure_target(wasm::TARGET)?;
    let mut args = vec!["clippy", "--target", wasm::TARGET];
    args.extend(WASM_CRATES.iter().flat_map(|name| ["--package", name]));
    args.extend(["--", "-D", "warnings"]);
    cargo(ws, &args)
}

pub(super) fn doc(ws: &Workspace) -> Result<()> {
    process::run_shown(
        process::cargo()
            .current_dir(&ws.root)
            .args(["doc", "--no-deps", "--workspace"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Advisories are left out: a new one would fail a change that has nothing to do with it.
pub(super) fn deny(ws: &Workspace) -> Result<()> {
    process::run_shown(
        Command::new(cargo_deny::ensure()?)
            .current_dir(&ws.root)
            .args(["--locked", "--config", ".deny.toml", "check"])
            // An exception that nothing needs any more is to be removed.
            .args(["-D", "unmatched-skip", "-D", "license-not-encountered"])
            .args(["bans", "licenses", "sources"]),
    )
}

pub(super) fn protojson(ws: &Workspace) -> Result<()> {
    for args in [["vet", "./..."], ["test", "./..."]] {
        process::run_shown(Command::new("go").current_dir(ws.path(protojson::SOURCES)).args(args))?;
    }
    Ok(())
}

pub(super) fn jenkins(ws: &Workspace) -> Result<()> {
    process::run_shown(
        Command::new(maven::ensure()?).current_dir(ws.path(maven::PROJECT)).args(["-q", "-B", "test"]),
    )
}

pub(super) fn unit(ws: &Workspace) -> Result<()> {
    cargo(ws, &["test", "--workspace", "--exclude", "tests"])
}

pub(super) fn e2e(ws: &Workspace, full: bool) -> Result<()> {
    let environment = e2e_environment(ws, full)?;
    let figures = figures::empty_dir(ws)?;
    let mut cmd = process::cargo();
    cmd.current_dir(&ws.root).args(["test", "--package", "tests"]).args(profile(full));
    cmd.envs(environment).env("GRAYLANE_FIGURES", &figures).env_remove("GRAYLANE_FULL");
    if full {
        cmd.env("GRAYLANE_FULL", "1").env("GRAYLANE_H2LOAD", h2load::ensure()?);
    }
    process::run_shown(&mut cmd)?;
    eprintln!(
        "not run: the cases with a real istiod, ignored above; run them by `cargo xtask e2e --istiod PATH`"
    );
    figures::report(ws, &figures, full)
}

/// The variables by which the end-to-end tests find what they run; each is built or installed first.
pub(crate) fn e2e_environment(ws: &Workspace, full: bool) -> Result<[(&'static str, PathBuf); 8]> {
    // Before the programs that the other tests run: both end up under the same name.
    let images = image::build_for_tests(ws)?;
    // Of the same crates as the unit tests, so that its dependencies have the same features and are built.
    cargo(ws, &[&["build", "--workspace", "--exclude", "tests", "--bins"], profile(full)].concat())?;
    let built = ws.target.join(if full { "release" } else { "debug" });
    Ok([
        ("GRAYLANE_ENVOY", envoy::ensure(envoy::VERSION)?),
        ("GRAYLANE_WASM", wasm::build_filter(ws)?),
        ("GRAYLANE_LANECTL", built.join("lanectl")),
        ("GRAYLANE_CONTROLLER", built.join("lane-controller")),
        ("GRAYLANE_PROTOJSON", protojson::ensure(ws)?),
        ("GRAYLANE_KUBERNETES", kubernetes::ensure(ws)?),
        ("GRAYLANE_IMAGES", images),
        ("GRAYLANE_REGISTRY", registry::ensure(ws)?),
    ])
}

/// What cargo is told to build for small or large figures.
fn profile(full: bool) -> &'static [&'static str] {
    if full { &["--release"] } else { &[] }
}

fn cargo(ws: &Workspace, args: &[&str]) -> Result<()> {
    process::run_shown(process::cargo().current_dir(&ws.root).args(args))
}
