//! `cargo xtask bench`: measures the filter side by side with others and the controller with many
//! groups, and writes `docs/performance.md`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::tools::{envoy, h2load, kubernetes};
use crate::workspace::Workspace;
use crate::{process, wasm};

/// The measurements, each a command of the crate `bench`; together about half an hour.
const MEASUREMENTS: [&[&str]; 6] = [
    &["instructions"],
    &["envoy", "--protocol", "h2", "--rounds", "60"],
    &["envoy", "--protocol", "h1", "--rounds", "30"],
    &["memory"],
    &["delays"],
    &["cluster"],
];

/// Runs all measurements on what is shipped. The machine should have nothing else to do.
pub(crate) fn run(ws: &Workspace) -> Result<()> {
    h2load::ensure()?;
    let envoy = envoy::ensure(envoy::VERSION)?;
    let (module, noop) = (wasm::build_filter(ws)?, wasm::build_noop(ws)?);
    let build = ["build", "--release", "--package", "bench", "--package", "controller"];
    process::run_shown(process::cargo().current_dir(&ws.root).args(build))?;
    let built = ws.target.join("release");
    let (bench, kubernetes) = (built.join("bench"), kubernetes::ensure(ws)?);
    for args in MEASUREMENTS {
        eprintln!("\n== bench {}", args.join(" "));
        let mut cmd = command(ws, &bench);
        cmd.env("GRAYLANE_ENVOY", &envoy).env("GRAYLANE_WASM", &module).env("GRAYLANE_NOOP_WASM", &noop);
        cmd.env("GRAYLANE_KUBERNETES", &kubernetes);
        cmd.env("GRAYLANE_CONTROLLER", built.join("lane-controller"));
        cmd.env("GRAYLANE_LANECTL", built.join("lanectl"));
        process::run_shown(cmd.args(args).arg("--save"))?;
    }
    process::run_shown(command(ws, &bench).arg("report"))
}

/// The bench, which finds its documents from the root of the checkout.
fn command(ws: &Workspace, bench: &Path) -> Command {
    let mut cmd = Command::new(bench);
    cmd.current_dir(&ws.root);
    cmd
}
