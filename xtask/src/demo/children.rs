//! The demo's processes: none outlives it.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a process may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// Processes that are ended, in reverse order of their start, when this is dropped.
#[derive(Default)]
pub(super) struct Children {
    running: Vec<Named>,
}

struct Named {
    name: String,
    log: std::path::PathBuf,
    child: Child,
}

impl Children {
    /// Starts a process with its output in `log`.
    pub(super) fn spawn(&mut self, name: &str, mut cmd: Command, log: &Path) -> Result<()> {
        let output = File::create(log)?;
        cmd.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // A group of its own: Ctrl-C reaches the demo alone, which then ends its processes in order.
        cmd.process_group(0);
        let child = cmd.spawn().with_context(|| format!("failed to start {name}"))?;
        self.running.push(Named { name: name.to_owned(), log: log.to_owned(), child });
        Ok(())
    }

    /// Fails, with the end of its log, when one of the processes has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        for Named { name, log, child } in &mut self.running {
            if let Some(status) = child.try_wait()? {
                let text = std::fs::read_to_string(log).unwrap_or_default();
                let lines: Vec<_> = text.lines().rev().take(20).collect();
                let tail: Vec<_> = lines.into_iter().rev().collect();
                bail!("{name} ended: {status}\n{}", tail.join("\n"));
            }
        }
        Ok(())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for Named { child, .. } in self.running.iter_mut().rev() {
            // A process that has ended already is no fault here.
            let _ = terminate(child);
        }
        let deadline = Instant::now() + PATIENCE;
        for Named { child, .. } in &mut self.running {
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn terminate(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id())?).context("no process id")?;
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
}
