//! The `lane-controller` binary as a process of a test.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use tempfile::TempDir;

use crate::process::Process;
use crate::{ports, wait};

/// Names the binary.
pub const CONTROLLER_VARIABLE: &str = "GRAYLANE_CONTROLLER";

/// Its caches have to be filled.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where a controller works, and how it gets there.
pub struct ControllerOptions<'a> {
    /// The kubeconfig of the user that it speaks for.
    pub kubeconfig: &'a Path,
    /// The only namespace that it sees; the whole cluster unless given.
    pub namespace: Option<&'a str>,
    /// The namespace of its lease.
    pub lease_namespace: &'a str,
    /// Where it finds the metrics of proxies, as its flag of that name.
    pub proxy_metrics: &'a str,
}

/// A running controller; dropping it kills it as `kill -9` does.
pub struct Controller {
    process: Process,
    address: String,
    dir: TempDir,
}

impl Controller {
    /// Starts a controller and waits until its caches are filled.
    ///
    /// # Errors
    /// When `GRAYLANE_CONTROLLER` is not set, or the controller is not ready in time; the error shows its log.
    pub async fn start(options: &ControllerOptions<'_>) -> Result<Self> {
        Self::with_module(options, "/graylane.wasm").await
    }

    /// Starts a controller that tells proxies to take the module from this file of theirs.
    ///
    /// # Errors
    /// As [`Controller::start`].
    pub async fn with_module(options: &ControllerOptions<'_>, module: &str) -> Result<Self> {
        let binary = std::env::var_os(CONTROLLER_VARIABLE)
            .with_context(|| format!("{CONTROLLER_VARIABLE} is not set: run through cargo xtask test"))?;
        let address = free_address()?;
        let mut args = vec![
            format!("--kubeconfig={}", options.kubeconfig.display()),
            format!("--lease-namespace={}", options.lease_namespace),
            format!("--identity={address}"),
            format!("--proxy-metrics={}", options.proxy_metrics),
            format!("--module-path={module}"),
        ];
        args.extend(options.namespace.map(|namespace| format!("--namespace={namespace}")));
        Self::run(Path::new(&binary), args, address).await
    }

    /// Starts a binary of one's choice with these arguments, to which the address is added.
    ///
    /// # Errors
    /// When it is not ready in time; the error shows its log.
    pub async fn with_binary(binary: &Path, args: Vec<String>) -> Result<Self> {
        Self::run(binary, args, free_address()?).await
    }

    async fn run(binary: &Path, mut args: Vec<String>, address: String) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        args.push(format!("--listen={address}"));
        let process = Process::start(binary, args, &dir.path().join("log"))?;
        let mut controller = Self { process, address, dir };
        let ready =
            wait::succeeds(DEADLINE, "the controller to be ready", async || controller.is_ready().await);
        let ready = ready.await;
        controller.explains(ready)?;
        Ok(controller)
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// A result whose error, if it is one, ends with what the controller has logged.
    ///
    /// # Errors
    /// The error of the result.
    pub fn explains<T>(&self, result: Result<T>) -> Result<T> {
        // What is wrong comes first: logs are long, and their end is what gets lost.
        result.map_err(|error| anyhow!("{error:#}\n---- the controller\n{}", self.log()))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How many passes it has made, by its own metrics.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn passes(&self) -> Result<u64> {
        let metrics = self.get("/metrics").await?;
        let passes = metrics.lines().filter(|line| line.starts_with("graylane_controller_passes_total{"));
        passes.map(|line| Ok(line.rsplit(' ').next().context("no value")?.parse::<u64>()?)).sum()
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or with an error.
    pub async fn stop(mut self) -> Result<()> {
        let status = self.process.terminate(DEADLINE).await?;
        ensure!(status.success(), "{status}\n{}", self.log());
        Ok(())
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Fails where it has ended, or says that it is not ready.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn ready(&mut self) -> Result<()> {
        let ready = self.is_ready().await;
        self.explains(ready)
    }

    async fn is_ready(&mut self) -> Result<()> {
        ensure!(self.process.ended()?.is_none(), "it has ended");
        self.get("/readyz").await.map(drop)
    }

    async fn get(&self, path: &str) -> Result<String> {
        let answer =
            crate::client::Client::h1(self.address.parse()?).send(crate::client::Call::get(path)).await?;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status == 200, "{path}: {} {body}", answer.status);
        Ok(body)
    }
}

fn free_address() -> Result<String> {
    Ok(format!("127.0.0.1:{}", ports::free()?))
}
