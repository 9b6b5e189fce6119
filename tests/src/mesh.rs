//! A whole mesh for one test: a gateway and a call chain, every workload with a real Envoy of its own.
//!
//! The configuration comes from the `lanectl` binary, as a user's does. The applications run inside the
//! test, so that a test can stop one behind its living Envoy.

pub mod options;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use chain::{App, Config, NextHop, Running};
use envoy_config::topology::{Topology, TopologySpec, Workload};
use lane::name::WorkloadName;
use tempfile::TempDir;

use crate::client::Client;
use crate::diagnostics::Diagnostics;
use crate::envoy::{Envoy, EnvoyOptions};
use crate::lanectl::{Lanectl, Output};
use crate::wait;

pub use options::MeshOptions;

/// Names the Wasm module.
pub const WASM_VARIABLE: &str = "GRAYLANE_WASM";

/// The gateway's name.
pub const GATEWAY: &str = "gateway";

/// How long an application may take to get its port.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running mesh; everything in it ends when it is dropped.
pub struct Mesh {
    options: MeshOptions,
    topology: Topology,
    lanectl: Lanectl,
    apps: BTreeMap<String, Running>,
    envoys: BTreeMap<String, Envoy>,
    diagnostics: Diagnostics,
    dir: TempDir,
}

impl Mesh {
    /// Writes the configuration by `lanectl init` and starts all applications and Envoys.
    ///
    /// # Errors
    /// What `lanectl` or an Envoy says, or a variable that is not set.
    pub async fn start(options: MeshOptions) -> Result<Self> {
        let mut mesh = Self::prepare(options).await?;
        mesh.start_all().await?;
        Ok(mesh)
    }

    /// Writes the configuration by `lanectl init` and starts nothing yet.
    ///
    /// # Errors
    /// What `lanectl` says, or a variable that is not set.
    pub async fn prepare(options: MeshOptions) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("graylane-mesh-").tempdir()?;
        let topology = options.topology()?;
        let module = options.module()?;
        let source = dir.path().join("topology.yaml");
        write_topology(&source, &topology)?;
        let lanectl =
            Lanectl::new(dir.path())?.env("GRAYLANE_DIR", &dir.path().join("mesh").to_string_lossy());
        lanectl.ok(options.init_arguments(&source, &module)).await?;
        Ok(Self {
            options,
            topology,
            lanectl,
            apps: BTreeMap::new(),
            envoys: BTreeMap::new(),
            diagnostics: Diagnostics::new(),
            dir,
        })
    }

    /// Starts whatever is not running.
    ///
    /// # Errors
    /// What an application or an Envoy says.
    pub async fn start_all(&mut self) -> Result<()> {
        let workloads: Vec<String> =
            self.topology.spec.workloads.iter().map(|w| w.name.as_str().to_owned()).collect();
        for name in &workloads {
            if !self.apps.contains_key(name) {
                self.start_app(name).await?;
            }
        }
        for name in workloads.iter().map(String::as_str).chain([GATEWAY]) {
            if !self.envoys.contains_key(name) {
                self.start_envoy(name).await?;
            }
        }
        Ok(())
    }

    /// Where clients call the mesh.
    #[must_use]
    pub fn gateway(&self) -> SocketAddr {
        self.topology.spec.gateways.first().map_or_else(|| ([127, 0, 0, 1], 0).into(), |g| g.listen)
    }

    /// A client of the gateway over HTTP/1.1.
    #[must_use]
    pub fn h1(&self) -> Client {
        Client::h1(self.gateway())
    }

    /// A client of the gateway over HTTP/2.
    #[must_use]
    pub fn h2(&self) -> Client {
        Client::h2(self.gateway())
    }

    /// Runs `lanectl` and expects exit code 0.
    ///
    /// # Errors
    /// Another exit code, with what it printed.
    pub async fn lanectl(&self, args: &[&str]) -> Result<Output> {
        self.lanectl.ok(args).await
    }

    /// Runs `lanectl` whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn lanectl_any(&self, args: &[&str]) -> Result<Output> {
        self.lanectl.run(args).await
    }

    /// The directory that `lanectl` keeps (`GRAYLANE_DIR`).
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.dir.path().join("mesh")
    }

    /// The configuration files of one proxy.
    #[must_use]
    pub fn proxy_dir(&self, name: &str) -> PathBuf {
        self.dir().join("proxies").join(name)
    }

    /// The running Envoy of a workload or of the gateway.
    ///
    /// # Errors
    /// When it does not run.
    pub fn envoy(&self, name: &str) -> Result<&Envoy> {
        self.envoys.get(name).with_context(|| format!("the Envoy of {name} does not run"))
    }

    /// All running Envoys by name.
    pub fn envoys(&self) -> impl Iterator<Item = (&str, &Envoy)> {
        self.envoys.iter().map(|(name, envoy)| (name.as_str(), envoy))
    }

    /// The places of the mesh.
    #[must_use]
    pub fn topology(&self) -> &TopologySpec {
        &self.topology.spec
    }

    /// Changes the topology and applies it with `lanectl apply`.
    ///
    /// # Errors
    /// What `lanectl` says.
    pub async fn edit_topology(&mut self, edit: impl FnOnce(&mut TopologySpec)) -> Result<Output> {
        edit(&mut self.topology.spec);
        write_topology(&self.dir().join("topology.yaml"), &self.topology)?;
        self.lanectl(&["apply"]).await
    }

    /// Starts the application of a workload.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start_app(&mut self, name: &str) -> Result<()> {
        let workload = self.workload(name)?.clone();
        let mut config = Config::new(workload.service.as_str(), self.options.version(&workload))
            .listen(workload.app)
            .forward(self.options.forward_of(name));
        name.clone_into(&mut config.name);
        config.witness.clone_from(&self.options.witness);
        if let Some(next) = self.options.next_service(workload.service.as_str()) {
            config = config.next(NextHop::new(workload.outbound, next)?);
        }
        self.apps.insert(name.to_owned(), listening(name, config, PATIENCE).await?);
        Ok(())
    }

    /// Stops an application as a rollout does: it finishes what it has accepted.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop_app(&mut self, name: &str) -> Result<()> {
        self.apps.remove(name).with_context(|| format!("{name} does not run"))?.stop().await;
        Ok(())
    }

    /// Kills an application: its port refuses and its connections break at once.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill_app(&mut self, name: &str) -> Result<()> {
        self.apps.remove(name).with_context(|| format!("{name} does not run"))?.kill().await;
        Ok(())
    }

    /// Starts the Envoy of a workload or of the gateway from its files.
    ///
    /// # Errors
    /// What the Envoy says.
    pub async fn start_envoy(&mut self, name: &str) -> Result<()> {
        let bootstrap = self.proxy_dir(name).join("bootstrap.json");
        let options = EnvoyOptions::new(&self.diagnostics).concurrency(self.options.concurrency);
        let envoy =
            Envoy::start(&bootstrap, options).await.with_context(|| format!("the Envoy of {name}"))?;
        self.envoys.insert(name.to_owned(), envoy);
        Ok(())
    }

    /// Kills the Envoy of a workload or of the gateway at once.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_envoy(&mut self, name: &str) -> Result<()> {
        self.envoys.remove(name).with_context(|| format!("the Envoy of {name} does not run"))?.kill();
        Ok(())
    }

    /// The last act of a test that has passed: ends everything and prints nothing.
    pub async fn passed(self) {
        self.diagnostics.passed();
        drop(self.envoys);
        for (_, app) in self.apps {
            app.kill().await;
        }
    }

    fn workload(&self, name: &str) -> Result<&Workload> {
        let name: WorkloadName = name.parse()?;
        let mut workloads = self.topology.spec.workloads.iter();
        workloads.find(|w| w.name == name).with_context(|| format!("there is no workload {name}"))
    }
}

fn write_topology(path: &Path, topology: &Topology) -> Result<()> {
    // JSON is YAML.
    std::fs::write(path, serde_json::to_vec_pretty(topology)?)
        .with_context(|| format!("failed to write {}", path.display()))
}

/// Starts an application; its port may still be in the hands of a predecessor that was killed.
pub(crate) async fn listening(name: &str, config: Config, patience: Duration) -> Result<Running> {
    let what = format!("{name} to listen");
    wait::succeeds(patience, &what, async || Ok(App { config: config.clone() }.start().await?)).await
}
