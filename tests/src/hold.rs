//! A single thread of another process, held back while the rest of that process goes on.
//!
//! A signal stops a whole process; a debugger stops one thread of it. So this is what debuggers use (ptrace).

use std::fs;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, bail};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// A thread that does not run; dropping this lets it run again.
#[derive(Debug)]
pub struct HeldThread {
    /// Closed to let it go.
    hold: Option<SyncSender<()>>,
    /// The kernel knows the thread that holds, and takes orders from no other one.
    holder: Option<JoinHandle<Result<()>>>,
}

impl HeldThread {
    /// Stops the thread of this name, such as `wrk:worker_1`, and returns when it stands.
    ///
    /// # Errors
    /// When there is no such thread, or it may not be held.
    pub fn hold(pid: u32, name: &str) -> Result<Self> {
        let thread = find(pid, name)?;
        let (hold, released) = mpsc::sync_channel(1);
        let (stands, standing) = mpsc::sync_channel(1);
        let holder = std::thread::spawn(move || held(thread, &stands, &released));
        let mut this = Self { hold: Some(hold), holder: Some(holder) };
        match standing.recv() {
            Ok(()) => Ok(this),
            Err(_) => this.end().and_then(|()| bail!("thread {name} was let go at once")),
        }
    }

    /// Lets the thread run again.
    ///
    /// # Errors
    /// When it cannot be let go, as when the process has ended.
    pub fn release(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        drop(self.hold.take());
        let Some(holder) = self.holder.take() else { return Ok(()) };
        holder.join().unwrap_or_else(|_| bail!("the holder panicked"))
    }
}

impl Drop for HeldThread {
    fn drop(&mut self) {
        // A process that has ended needs no letting go.
        let _ = self.end();
    }
}

fn held(thread: Pid, stands: &SyncSender<()>, released: &Receiver<()>) -> Result<()> {
    ptrace::seize(thread, ptrace::Options::empty()).context("the thread cannot be held")?;
    ptrace::interrupt(thread).context("the thread cannot be stopped")?;
    // A thread is no child process, and only waited for when that is said.
    waitpid(thread, Some(WaitPidFlag::__WALL)).context("the thread does not stop")?;
    stands.send(())?;
    // Ends with an error when the sender is dropped, which is what is waited for.
    let _ = released.recv();
    ptrace::detach(thread, None).context("the thread cannot be let go")
}

fn find(pid: u32, name: &str) -> Result<Pid> {
    let tasks = format!("/proc/{pid}/task");
    for entry in fs::read_dir(&tasks).with_context(|| format!("failed to list {tasks}"))? {
        let entry = entry?;
        if fs::read_to_string(entry.path().join("comm")).is_ok_and(|comm| comm.trim() == name) {
            let id = entry.file_name().to_string_lossy().parse()?;
            return Ok(Pid::from_raw(id));
        }
    }
    bail!("process {pid} has no thread {name}")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;
    use crate::wait;

    fn state(pid: u32) -> String {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find_map(|line| line.strip_prefix("State:")).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn a_held_thread_stands_until_it_is_released() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id();
        let held =
            wait::succeeds(Duration::from_secs(10), "sleep to run", async || HeldThread::hold(pid, "sleep"));
        let held = held.await.unwrap();
        assert!(state(pid).starts_with('t'), "{}", state(pid));
        held.release().unwrap();
        wait::until(Duration::from_secs(10), "it to run", async || state(pid).starts_with('S').then_some(()))
            .await
            .unwrap();
        assert!(HeldThread::hold(pid, "no-such-thread").is_err());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
