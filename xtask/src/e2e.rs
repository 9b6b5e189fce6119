//! `cargo xtask e2e`: the end-to-end tests that need a real istiod, which has to be brought along.
//!
//! They run within a network namespace of their own, in which the addresses of all pods are local: proxies listen
//! there as they do in pods, and nothing leaves the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;

use crate::process;
use crate::test::steps;
use crate::workspace::Workspace;

/// The addresses that the tests' clusters give to pods.
const PODS: &str = "10.64.0.0/16";

/// Makes them local, and then becomes the program that it is given.
const ENTER: &str = "ip link set lo up && ip route add local \"$1\" dev lo && shift && exec \"$@\"";

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// The istiod to test with: the binary `pilot-discovery` of Istio 1.30 or newer
    #[arg(long, value_name = "PATH")]
    istiod: PathBuf,
    /// Run only the cases whose names contain this
    filter: Option<String>,
}

/// A message of cargo, as far as it names what was built.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds and runs them.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let istiod = options.istiod.canonicalize();
    let istiod = istiod.with_context(|| format!("there is no istiod at {}", options.istiod.display()))?;
    let environment = steps::e2e_environment(ws, false)?;
    let mut cmd = inside(&build(ws)?);
    cmd.current_dir(ws.path("tests")).envs(environment).env("GRAYLANE_ISTIOD", istiod);
    // One after the other: gateways listen on all addresses, and those of two meshes would share a port.
    cmd.args(["--ignored", "--test-threads", "1"]);
    cmd.arg(options.filter.as_deref().unwrap_or("istiod::"));
    process::run_shown(&mut cmd)
}

/// The binary of the end-to-end tests.
fn build(ws: &Workspace) -> Result<PathBuf> {
    let built = process::capture(process::cargo().current_dir(&ws.root).args([
        "test",
        "--package",
        "tests",
        "--test",
        "e2e",
        "--no-run",
        "--message-format",
        "json-render-diagnostics",
    ]))?;
    let messages = built.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let of_tests = |message: &Message| message.target.as_ref().is_some_and(|target| target.name == "e2e");
    let found = messages.filter(of_tests).filter_map(|message| message.executable).next_back();
    found.context("cargo has not said where the end-to-end tests are")
}

/// A program in a network namespace of its own.
fn inside(program: &Path) -> Command {
    let mut cmd = Command::new("unshare");
    cmd.args(["--net", "--map-root-user", "sh", "-c", ENTER, "sh", PODS]).arg(program);
    cmd
}
