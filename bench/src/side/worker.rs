//! The CPU time of Envoy's worker thread, and the core that it runs on.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
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

    /// Its time so far, read while it sleeps: the kernel's figure lags behind a running thread.
    pub(crate) fn time_when_idle(&self) -> Result<Time> {
        let mut last = self.time()?;
        for _ in 0..LOOKS {
            std::thread::sleep(QUIET);
            let now = self.time()?;
            if now == last {
                return Ok(now);
            }
            last = now;
        }
        bail!("the worker is never idle")
    }

    fn time(&self) -> Result<Time> {
        let text = fs::read_to_string(&self.schedstat)?;
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next().and_then(Result::ok).context("schedstat lacks a number");
        Ok(Time { cpu_ns: next()?, waited_ns: next()? })
    }
}

/// Time of a thread, as the kernel's scheduler counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    /// On a core.
    pub(crate) cpu_ns: u64,
    /// Waiting for a core that somebody else had.
    pub(crate) waited_ns: u64,
}

impl std::ops::Sub for Time {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { cpu_ns: self.cpu_ns - earlier.cpu_ns, waited_ns: self.waited_ns - earlier.waited_ns }
    }
}

/// Keeps this thread, and the processes that it starts, off the worker's core, and puts them before all other
/// work of the machine where that is allowed: who is interrupted finds caches that somebody else has filled.
pub(crate) fn prepare() -> Result<()> {
    let mut first = Command::new("chrt");
    first
        .args(["--rr", "--pid", "1", &std::process::id().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !first.status().is_ok_and(|status| status.success()) {
        eprintln!(
            "no right to real-time scheduling (chrt): other work on this machine will show in the figures"
        );
    }
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
