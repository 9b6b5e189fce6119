//! The CPU time of Envoy's worker thread, and the core that it runs on.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::thread::{CpuSet, Pid, sched_setaffinity};

/// Name of the first worker's thread.
const THREAD: &str = "wrk:worker_0";
/// The worker is idle when its CPU time has not grown for this long.
const QUIET: Duration = Duration::from_millis(2);
/// How often that is looked at before something is wrong.
const LOOKS: u32 = 5_000;

/// Core of the worker.
pub(crate) const WORKER_CORE: usize = 0;
/// Core of all that is not measured: the load generator, the upstream, Envoy's main thread.
pub(crate) const OTHER_CORE: usize = 1;

/// The one worker thread of an Envoy.
pub(crate) struct Worker {
    schedstat: PathBuf,
}

impl Worker {
    /// Finds the worker of a process, and gives it a core of its own.
    pub(crate) fn find_and_pin(process: u32) -> Result<Self> {
        let mut found = None;
        for task in fs::read_dir(format!("/proc/{process}/task"))? {
            let task = task?;
            let id: i32 = task.file_name().to_string_lossy().parse()?;
            let is_worker = fs::read_to_string(task.path().join("comm"))?.trim_end() == THREAD;
            pin(Some(id), if is_worker { WORKER_CORE } else { OTHER_CORE })?;
            if is_worker {
                found = Some(task.path().join("schedstat"));
            }
        }
        Ok(Self { schedstat: found.with_context(|| format!("process {process} has no thread {THREAD}"))? })
    }

    /// Its CPU time in nanoseconds, read while it sleeps: the kernel's figure lags behind a running thread.
    pub(crate) fn cpu_when_idle(&self) -> Result<u64> {
        let mut last = self.cpu()?;
        for _ in 0..LOOKS {
            std::thread::sleep(QUIET);
            let now = self.cpu()?;
            if now == last {
                return Ok(now);
            }
            last = now;
        }
        bail!("the worker is never idle")
    }

    fn cpu(&self) -> Result<u64> {
        let text = fs::read_to_string(&self.schedstat)?;
        text.split(' ').next().unwrap_or_default().parse().context("schedstat holds no number")
    }
}

/// Keeps this thread, and the processes that it starts, off the worker's core.
pub(crate) fn leave_worker_core() -> Result<()> {
    let cores = std::thread::available_parallelism()?;
    ensure!(cores.get() > OTHER_CORE, "there is one core, and worker and load generator need one each");
    pin(None, OTHER_CORE)
}

/// Binds a thread to a core; this one for `None`.
fn pin(thread: Option<i32>, core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    let thread = thread.map(|id| Pid::from_raw(id).context("a thread id is not 0")).transpose()?;
    sched_setaffinity(thread, &cores).with_context(|| format!("failed to bind a thread to core {core}"))
}
