//! The applications and Envoys of a mesh, started and killed one by one.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chain::{Config, NextHop};
use futures_util::future::try_join_all;

use super::IstioMesh;
use crate::envoy::{Envoy, EnvoyOptions};
use crate::mesh::listening;

/// How long an application may take to get its port.
const PATIENCE: Duration = Duration::from_secs(60);

impl IstioMesh {
    /// Starts the application of a pod.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start_app(&mut self, name: &str) -> Result<()> {
        let pod = self.pod(name)?.clone();
        let mut config = Config::new(&pod.service, pod.version())
            .listen(([127, 0, 0, 1], pod.app).into())
            .forward(self.options.forward_of(name));
        name.clone_into(&mut config.name);
        config.witness.clone_from(&self.options.witness);
        if let Some(next) = self.options.next_service(&pod.service) {
            config = config.next(NextHop::new(self.outbound(name)?, next)?);
        }
        self.apps.insert(name.to_owned(), listening(name, config, PATIENCE).await?);
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

    /// Starts the Envoy of a pod or of the gateway from its files.
    ///
    /// # Errors
    /// What the Envoy says.
    pub async fn start_envoy(&mut self, name: &str) -> Result<()> {
        let envoy = self.new_envoy(name).await?;
        self.envoys.insert(name.to_owned(), envoy);
        Ok(())
    }

    /// Kills the Envoy of a pod or of the gateway at once.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_envoy(&mut self, name: &str) -> Result<()> {
        self.envoys.remove(name).with_context(|| format!("the Envoy of {name} does not run"))?.kill();
        Ok(())
    }

    /// The running Envoy of a pod or of the gateway.
    ///
    /// # Errors
    /// When it does not run.
    pub fn envoy(&self, name: &str) -> Result<&Envoy> {
        self.envoys.get(name).with_context(|| format!("the Envoy of {name} does not run"))
    }

    /// Starts several Envoys at once.
    pub(super) async fn start_envoys<'n>(&mut self, names: impl Iterator<Item = &'n String>) -> Result<()> {
        let mesh = &*self;
        let started = names
            .map(|name| async move { Ok::<_, anyhow::Error>((name.clone(), mesh.new_envoy(name).await?)) });
        let started = try_join_all(started).await?;
        self.envoys.extend(started);
        Ok(())
    }

    async fn new_envoy(&self, name: &str) -> Result<Envoy> {
        let bootstrap = self.site(name).bootstrap(self.dir.path());
        let options = EnvoyOptions::new(&self.diagnostics).concurrency(self.options.concurrency);
        Envoy::start(&bootstrap, options).await.with_context(|| format!("the Envoy of {name}"))
    }
}
