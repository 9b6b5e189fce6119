//! The measured data, as `docs/performance.json` keeps it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cluster::Scale;
use crate::delays::Delays;
use crate::instructions::Counts;
use crate::memory::Memory;
use crate::side::{self, Protocol};

/// All that was measured; a part that was not is absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Performance {
    /// Side by side over HTTP/2.
    pub http2: Option<Part<side::Run>>,
    /// Side by side over HTTP/1.1.
    pub http1: Option<Part<side::Run>>,
    /// Counted instructions.
    pub instructions: Option<Part<Counts>>,
    /// Size, load time and memory.
    pub memory: Option<Part<Memory>>,
    /// How exact delays are.
    pub delays: Option<Part<Vec<Delays>>>,
    /// The controller with many groups.
    pub cluster: Option<Part<Scale>>,
}

/// What was measured, and how it came about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part<T> {
    /// Where the figures come from.
    pub origin: Origin,
    /// The figures.
    pub data: T,
}

/// Where figures come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// The command, without the paths of its modules.
    pub command: String,
    /// The commit that was checked out.
    pub commit: String,
    /// Digest of our module, where it was measured.
    pub module_sha256: Option<String>,
    /// The processor.
    pub cpu: String,
    /// Its cores.
    pub cores: usize,
    /// Load average of the minute before the run: what else the machine did.
    pub load_average: f64,
}

impl Performance {
    /// Reads the data; there is none when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn load(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text =
            std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("failed to read {}", path.display()))
    }

    /// Writes the data.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
    }

    /// The place of a side-by-side run.
    pub fn side(&mut self, protocol: Protocol) -> &mut Option<Part<side::Run>> {
        match protocol {
            Protocol::H2 => &mut self.http2,
            Protocol::H1 => &mut self.http1,
        }
    }
}

impl Origin {
    /// The origin of figures of a module that `command` is about to measure.
    ///
    /// # Errors
    /// When the module cannot be read, or the system does not say what it is.
    pub fn of(command: String, module: &Path) -> Result<Self> {
        let module = std::fs::read(module).with_context(|| format!("failed to read {}", module.display()))?;
        let digest = Sha256::digest(module).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { module_sha256: Some(digest), ..Self::without_module(command)? })
    }

    /// The origin of figures that `command` is about to measure without any module.
    ///
    /// # Errors
    /// When the system does not say what it is.
    pub fn without_module(command: String) -> Result<Self> {
        Ok(Self {
            command,
            commit: commit()?,
            module_sha256: None,
            cpu: cpu()?,
            cores: std::thread::available_parallelism()?.get(),
            load_average: load_average()?,
        })
    }
}

fn commit() -> Result<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn cpu() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(model.map_or("unknown", |(_, name)| name).to_owned())
}

fn load_average() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}
