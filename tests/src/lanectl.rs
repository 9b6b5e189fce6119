//! The `lanectl` binary, run as a pipeline runs it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

/// Names the binary.
pub const LANECTL_VARIABLE: &str = "GRAYLANE_LANECTL";
/// How long a command may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// `lanectl` in a directory of its own.
#[derive(Clone, Debug)]
pub struct Lanectl {
    binary: PathBuf,
    dir: PathBuf,
    env: Vec<(String, String)>,
}

/// What a command has left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// The command, for messages.
    pub command: String,
    /// Its exit code; none if a signal has ended it.
    pub code: Option<i32>,
    /// What it wrote for programs.
    pub stdout: String,
    /// What it wrote for people.
    pub stderr: String,
}

impl Lanectl {
    /// The binary that `GRAYLANE_LANECTL` names, run in `dir`.
    ///
    /// # Errors
    /// When the variable is not set.
    pub fn new(dir: &Path) -> Result<Self> {
        let binary = std::env::var_os(LANECTL_VARIABLE)
            .with_context(|| format!("{LANECTL_VARIABLE} is not set: run through cargo xtask test"))?;
        Ok(Self::with_binary(Path::new(&binary), dir))
    }

    /// A binary of one's choice.
    #[must_use]
    pub fn with_binary(binary: &Path, dir: &Path) -> Self {
        Self { binary: binary.to_owned(), dir: dir.to_owned(), env: Vec::new() }
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs a command to its end, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started or does not end in time; it is killed then.
    pub async fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Output> {
        let mut command = Command::new(&self.binary);
        command.args(args).current_dir(&self.dir).envs(self.env.iter().cloned());
        command.stdin(Stdio::null()).kill_on_drop(true);
        let shown = shown(&command);
        let output = tokio::time::timeout(DEADLINE, command.output()).await;
        let output = output.with_context(|| format!("{shown}: no end within {DEADLINE:?}"))?;
        let output = output.with_context(|| format!("{shown}: failed to start"))?;
        Ok(Output {
            command: shown,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a command that has to succeed.
    ///
    /// # Errors
    /// When it does not; the error shows what it wrote.
    pub async fn ok(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Output> {
        self.run(args).await?.exits(0)
    }
}

impl Output {
    /// Checks the exit code.
    ///
    /// # Errors
    /// When it is another one; the error shows what the command wrote.
    pub fn exits(self, code: i32) -> Result<Self> {
        let Self { command, code: found, stdout, stderr } = &self;
        ensure!(
            *found == Some(code),
            "{command}: exit code {found:?} instead of {code}\nstdout:\n{stdout}\nstderr:\n{stderr}"
        );
        Ok(self)
    }

    /// What it wrote with `-o json`.
    ///
    /// # Errors
    /// When that is no JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("{}: {}", self.command, self.stdout))
    }
}

/// A command line as one would type it, nearly.
fn shown(command: &Command) -> String {
    let command = command.as_std();
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_code_directory_and_environment_are_those_of_the_command() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("data.json"), "{\"lane\": 1}").unwrap();
        let sh = Lanectl::with_binary(Path::new("/bin/sh"), dir.path()).env("WHO", "me");
        let output = sh.run(["-c", "cat data.json; echo $WHO >&2; exit 4"]).await.unwrap();
        assert_eq!((output.code, output.stderr.as_str()), (Some(4), "me\n"));
        assert_eq!(output.json().unwrap()["lane"], 1);
        assert!(output.exits(4).is_ok());
    }

    #[tokio::test]
    async fn a_failure_shows_what_was_said() {
        let dir = tempfile::tempdir().unwrap();
        let sh = Lanectl::with_binary(Path::new("/bin/sh"), dir.path());
        let error = sh.ok(["-c", "echo no such lane >&2; exit 1"]).await.unwrap_err().to_string();
        assert!(error.starts_with("sh -c "), "{error}");
        assert!(error.contains("exit code Some(1) instead of 0"), "{error}");
        assert!(error.contains("no such lane"), "{error}");
    }
}
