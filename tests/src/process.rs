//! Processes that end with the test process, however that ends, and not with the thread that asked for them.
//!
//! `setpriv --pdeathsig`, where the system has it, makes the kernel kill a process when its parent dies, so that
//! a test run that is killed leaves no Envoy behind. For the kernel the parent is the *thread* that spawned: a
//! tokio worker or a test thread may end long before the test process does. So one thread, which never ends,
//! spawns everything.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Sender, SyncSender};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// A command to spawn, and where its child goes.
type Order = (Command, SyncSender<io::Result<Child>>);

static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (orders, received) = mpsc::channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, reply) in received {
            // Whoever has given up on the order has no use for its child either.
            let _ = reply.send(command.spawn());
        }
    });
    orders
});

/// Whether `setpriv` can be used (Linux, util-linux).
static HAS_SETPRIV: LazyLock<bool> = LazyLock::new(|| {
    let mut probe = Command::new("setpriv");
    probe
        .args(["--pdeathsig", "KILL", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
});

/// A running process; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a program that writes what it says to `log`.
    pub(crate) fn start(
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> Result<Self> {
        let program = program.as_ref();
        let mut command = if *HAS_SETPRIV { ending_with_parent(program) } else { Command::new(program) };
        command.args(args);
        let file = File::create(log).with_context(|| format!("failed to create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let (reply, spawned) = mpsc::sync_channel(1);
        SPAWNER.send((command, reply)).context("the spawner thread has ended")?;
        let child = spawned.recv().context("the spawner thread has ended")?;
        Ok(Self { child: child.with_context(|| format!("failed to start {}", program.display()))? })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process has ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for the end of the process.
    pub(crate) async fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        wait::succeeds(deadline, "the process to end", async || self.ended()?.context("it runs")).await
    }

    /// Asks the process to end and waits until it has.
    pub(crate) async fn terminate(&mut self, deadline: Duration) -> Result<ExitStatus> {
        if self.ended()?.is_none() {
            kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        }
        self.wait(deadline).await
    }

    /// Ends the process at once, without a chance to say goodbye.
    pub(crate) fn kill(&mut self) {
        // Both fail only for a process that has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `setpriv` replaces itself by the program, so that the process id stays.
fn ending_with_parent(program: &OsStr) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn sh(script: &str, log: &Path) -> Result<Process> {
        Process::start("sh", ["-c", script], log)
    }

    #[tokio::test]
    async fn what_a_process_says_is_in_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut process = sh("echo out; echo err >&2; exit 3", &log).unwrap();
        assert_eq!(process.wait(Duration::from_secs(10)).await.unwrap().code(), Some(3));
        assert_eq!(std::fs::read_to_string(log).unwrap(), "out\nerr\n");
    }

    #[tokio::test]
    async fn a_process_is_terminated_politely_and_killed_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut polite = sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done", &log).unwrap();
        wait::until(Duration::from_secs(10), "the trap", async || {
            std::fs::read_to_string(&log).unwrap().contains("ready").then_some(())
        })
        .await
        .unwrap();
        assert_eq!(polite.terminate(Duration::from_secs(10)).await.unwrap().code(), Some(7));
        let mut endless = sh("exec sleep 600", &log).unwrap();
        endless.kill();
        assert!(!endless.ended().unwrap().unwrap().success());
    }

    #[tokio::test]
    async fn a_process_outlives_the_thread_that_asked_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let [up, go] = ["up", "go"].map(|name| dir.path().join(name));
        Command::new("mkfifo").args([&up, &go]).status().unwrap();
        let script = format!("echo > {}; read -r _ < {}; exit 5", up.display(), go.display());
        let thread = std::thread::spawn(move || {
            let process = sh(&script, &log);
            // Read once the process is up: an earlier end of the thread would prove nothing.
            std::fs::read(up).unwrap();
            process
        });
        let mut process = thread.join().unwrap().unwrap();
        assert_eq!(process.ended().unwrap(), None);
        // Held open, so that the line waits for its reader.
        let mut go = File::options().read(true).write(true).open(go).unwrap();
        go.write_all(b"\n").unwrap();
        assert_eq!(process.wait(Duration::from_secs(10)).await.unwrap().code(), Some(5));
    }
}
