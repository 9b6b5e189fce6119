//! CPU and memory of a process, as Linux accounts for them (proc_pid_stat(5), proc_pid_status(5)).

use std::time::Duration;

use anyhow::{Context as _, Result};

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    cpu: Duration,
    /// Resident memory now.
    pub(super) resident_kib: u64,
    /// The most that it ever was.
    pub(super) peak_kib: u64,
}

impl Usage {
    pub(super) fn of(pid: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let ticks = cpu_ticks(&stat).context("/proc/PID/stat has no times")?;
        let kib = |key| kib_of(&status, key).with_context(|| format!("/proc/PID/status has no {key}"));
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Self {
            cpu: Duration::from_secs_f64(ticks as f64 / per_second as f64),
            resident_kib: kib("VmRSS")?,
            peak_kib: kib("VmHWM")?,
        })
    }

    /// Processor time since an earlier look.
    pub(super) fn cpu_since(&self, earlier: &Self) -> Duration {
        self.cpu.saturating_sub(earlier.cpu)
    }
}

/// Time in user and kernel mode: the 14th and 15th field, counted behind the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn kib_of(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 1 0 5";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(kib_of("Name:\ta\nVmHWM:\t  900 kB\nVmRSS:\t   88 kB\n", "VmRSS"), Some(88));
        assert!(Usage::of(std::process::id()).is_ok_and(|usage| usage.peak_kib > 0));
    }
}
