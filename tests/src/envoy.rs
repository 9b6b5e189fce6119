//! A real Envoy as a process of a test.

mod admin;
mod options;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

pub use admin::Admin;
pub use options::EnvoyOptions;

use crate::diagnostics::{self, Diagnostics};
use crate::process::Process;
use crate::wait;

/// Names the binary.
pub const ENVOY_VARIABLE: &str = "GRAYLANE_ENVOY";
/// How long Envoy may take to start, to stop or to judge a configuration: machines of tests are busy.
const DEADLINE: Duration = Duration::from_secs(60);
/// File in the Envoy's directory that holds what it says.
const LOG: &str = "envoy.log";
/// File in the Envoy's directory that names the address of the administration interface.
const ADMIN_ADDRESS: &str = "admin-address";

/// A running Envoy; dropping it kills it.
pub struct Envoy {
    name: String,
    process: Process,
    admin: Admin,
    /// Holds the log; handed in with the report.
    dir: Option<TempDir>,
    log: PathBuf,
    diagnostics: Diagnostics,
}

impl Envoy {
    /// Starts an Envoy and waits until it is ready. Its bootstrap may let it choose the admin port.
    ///
    /// # Errors
    /// When `GRAYLANE_ENVOY` is not set, or Envoy ends or is not ready in time; the error shows the log's end.
    pub async fn start(bootstrap: &Path, options: EnvoyOptions) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("graylane-envoy-").tempdir()?;
        let log = dir.path().join(LOG);
        let address_file = dir.path().join(ADMIN_ADDRESS);
        let mut process = Process::start(binary()?, arguments(bootstrap, &address_file, &options), &log)?;
        let name = name_of(bootstrap);
        let ready = ready(&mut process, &address_file).await;
        let admin = ready.with_context(|| format!("envoy {name}:\n{}", diagnostics::log_tail(&log)))?;
        Ok(Self { name, process, admin, dir: Some(dir), log, diagnostics: options.diagnostics })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The file with all that it says, access logs on its output included.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The administration interface.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The body of an admin page, such as `/clusters`.
    ///
    /// # Errors
    /// When the status is not 200.
    pub async fn admin_get(&self, path: &str) -> Result<String> {
        self.admin.get(path).await
    }

    /// All counters and gauges by name.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn stats(&self) -> Result<BTreeMap<String, u64>> {
        self.admin.stats().await
    }

    /// The statistics as Prometheus reads them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn prometheus(&self) -> Result<String> {
        self.admin.prometheus().await
    }

    /// The whole configuration, endpoints included.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn config_dump(&self) -> Result<Value> {
        self.admin.config_dump().await
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        self.process.terminate(DEADLINE).await.with_context(|| format!("envoy {}", self.name))
    }

    /// The log's end and, of an Envoy that still runs, the configuration; the whole of it goes into a file.
    fn report(&mut self, dir: &Path) -> String {
        let log = diagnostics::log_tail(&self.log);
        let configuration = match self.process.ended() {
            Ok(None) => self.dump(dir).unwrap_or_else(|error| format!("no configuration dump: {error:#}")),
            _ => "it had ended before the test".to_owned(),
        };
        format!("envoy {}\n{log}\n---- {configuration}", self.name)
    }

    fn dump(&self, dir: &Path) -> Result<String> {
        let dump = dump_from_outside(self.admin.addr())?;
        let file = dir.join("config_dump.json");
        fs::write(&file, format!("{dump:#}"))?;
        Ok(format!("{}\n{}", file.display(), diagnostics::summary(&dump)))
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if let Some(dir) = self.dir.take().filter(|_| self.diagnostics.wanted()) {
            let report = self.report(dir.path());
            // Before the report is handed in: its files are not to grow any more.
            self.process.kill();
            self.diagnostics.hand_in(report, dir);
        }
    }
}

/// Lets Envoy judge a bootstrap without running it (`--mode validate`).
///
/// # Errors
/// When it refuses the configuration; the error shows what it says.
pub async fn mode_validate(bootstrap: &Path) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join(LOG);
    let mut args = vec!["--mode".into(), "validate".into(), "--log-level".into(), "warn".into()];
    args.extend(of_all_runs(bootstrap));
    let mut process = Process::start(binary()?, args, &log)?;
    let status = process.wait(DEADLINE).await?;
    if !status.success() {
        bail!("envoy refuses {}:\n{}", bootstrap.display(), diagnostics::log_tail(&log));
    }
    Ok(())
}

/// Arguments of an Envoy that serves.
fn arguments(bootstrap: &Path, address_file: &Path, options: &EnvoyOptions) -> Vec<OsString> {
    let EnvoyOptions { concurrency, log_level, component_log_level, extra_args, diagnostics: _ } = options;
    let mut args = of_all_runs(bootstrap).to_vec();
    args.extend(["--admin-address-path".into(), address_file.into()]);
    args.extend(["--concurrency".into(), concurrency.to_string().into()]);
    args.extend(["--log-level".into(), log_level.into()]);
    args.extend(["--component-log-level".into(), component_log_level.into()]);
    args.extend(extra_args.iter().map(OsString::from));
    args
}

/// Without hot restart many Envoys run side by side and need no base id.
fn of_all_runs(bootstrap: &Path) -> [OsString; 3] {
    ["--disable-hot-restart".into(), "--config-path".into(), bootstrap.into()]
}

fn binary() -> Result<OsString> {
    let binary = std::env::var_os(ENVOY_VARIABLE)
        .with_context(|| format!("{ENVOY_VARIABLE} is not set: run through cargo xtask test"))?;
    ensure!(Path::new(&binary).is_file(), "{ENVOY_VARIABLE}: there is no {}", Path::new(&binary).display());
    Ok(binary)
}

fn name_of(bootstrap: &Path) -> String {
    bootstrap.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Waits until the admin interface says that all is loaded.
async fn ready(process: &mut Process, address_file: &Path) -> Result<Admin> {
    let found = wait::succeeds(DEADLINE, "envoy to be ready", async || {
        if let Some(status) = process.ended()? {
            // Not worth waiting for: handed out as a value, so that it ends the wait.
            return Ok(Err(status));
        }
        let address: SocketAddr = fs::read_to_string(address_file)?.trim().parse()?;
        let admin = Admin::new(address);
        admin.get("/ready").await?;
        Ok(Ok(admin))
    });
    match found.await? {
        Ok(admin) => Ok(admin),
        Err(status) => bail!("it has ended with {status}"),
    }
}

/// Reads the configuration from a destructor, where nothing can be awaited: in a thread with its own runtime.
fn dump_from_outside(admin: SocketAddr) -> Result<Value> {
    let reader = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(Admin::new(admin).config_dump())
    });
    reader.join().unwrap_or_else(|_| bail!("the reader panicked"))
}
