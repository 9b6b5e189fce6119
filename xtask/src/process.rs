//! Child processes: every task starts them here, so that all fail with the command line in the message.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A `cargo` of the toolchain that runs this task.
///
/// `cargo run` describes this very package in its child's environment; left there, it would make build
/// scripts that watch those variables run again, and with them everything that depends on them.
pub(crate) fn cargo() -> Command {
    let mut cmd = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_BIN_NAME" {
            cmd.env_remove(&name);
        }
    }
    cmd
}

/// Runs a command with its output on our standard error: our standard output is for results.
pub(crate) fn run(cmd: &mut Command) -> Result<()> {
    run_shown(cmd.stdout(std::io::stderr()))
}

/// Runs a command whose output is the result, on our standard output.
pub(crate) fn run_shown(cmd: &mut Command) -> Result<()> {
    let status =
        cmd.stdin(Stdio::null()).status().with_context(|| format!("failed to start `{}`", describe(cmd)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", describe(cmd));
    }
    Ok(())
}

/// Runs a command and returns what it printed on standard output.
pub(crate) fn capture(cmd: &mut Command) -> Result<String> {
    let output = cmd
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to start `{}`", describe(cmd)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", describe(cmd), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed no UTF-8", describe(cmd)))
}

/// Whether a command can be started and succeeds; its output is dropped.
pub(crate) fn succeeds(cmd: &mut Command) -> bool {
    cmd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// The command line as a person would type it, the program by its file name.
pub(crate) fn describe(cmd: &Command) -> String {
    let program = std::path::Path::new(cmd.get_program());
    let name = program.file_name().unwrap_or(cmd.get_program()).to_string_lossy();
    let args = cmd.get_args().map(|arg| arg.to_string_lossy());
    std::iter::once(name).chain(args).collect::<Vec<_>>().join(" ")
}
