//! A demo mesh whose controller reaches the API server through a proxy, and the history of its objects.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams};
use tests::api_proxy::ApiProxy;
use tests::cluster::Cluster;
use tests::controller::Controller;
use tests::wait;

use super::super::demo::Demo;
use super::forms::{self, form};
use super::history::History;

/// A pass takes milliseconds; removing a lane takes some seconds of grace; the machine may be busy.
pub(super) const DEADLINE: Duration = Duration::from_secs(120);

pub(super) struct Stage {
    pub(super) demo: Demo,
    pub(super) proxy: ApiProxy,
    pub(super) history: History,
}

impl Stage {
    pub(super) async fn set(cluster: Arc<Cluster>) -> Result<Self> {
        let proxy = ApiProxy::start(&cluster).await?;
        let demo = Demo::on(cluster, proxy.kubeconfig()).await?;
        let history = History::of(&demo).await?;
        Ok(Self { demo, proxy, history })
    }

    /// Waits until all that was asked for is done, and returns the objects of then.
    pub(super) async fn settled(&self) -> Result<String> {
        settled(&self.demo).await
    }

    /// Waits until the objects are those that an undisturbed run has ended at.
    pub(super) async fn converged(&self, expected: &str) -> Result<()> {
        let same = wait::succeeds(DEADLINE, "the objects to be as without the fault", async || {
            forms::same(&form(&self.demo).await?, expected)
        });
        self.demo.controller.explains(same.await)
    }

    /// Kills the controller as `kill -9` does, and puts another one in its place. The lease is taken from the dead:
    /// waiting for its end is tested elsewhere.
    pub(super) async fn kill_and_replace(&mut self) -> Result<()> {
        self.demo.controller.kill();
        let leases: Api<Lease> = Api::namespaced(self.demo.cluster.client().await?, &self.demo.namespace);
        leases.delete("lane-controller", &DeleteParams::default()).await.context("no lease")?;
        let successor: Controller = self.demo.controller_through(self.proxy.kubeconfig()).await?;
        self.demo.controller = successor;
        Ok(())
    }
}

/// Waits until all that was asked for is done, and returns the objects of then.
pub(super) async fn settled(demo: &Demo) -> Result<String> {
    let form = wait::succeeds(DEADLINE, "the objects to be as they are wanted", async || {
        forms::settled(demo).await?;
        form(demo).await
    });
    demo.controller.explains(form.await)
}
