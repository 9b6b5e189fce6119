//! A namespace with a shop in it, and `lanectl` beside it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use tempfile::TempDir;
use tests::cluster::Cluster;
use tests::controller::{Controller, ControllerOptions};
use tests::lanectl::{Lanectl, Output};

/// A gateway, a with a gray version, and b; the same labels as in the guides.
const OBJECTS: &str = include_str!("shop.yaml");

/// A namespace that nobody else uses.
pub(crate) struct Shop {
    pub(crate) namespace: String,
    pub(crate) cluster: Arc<Cluster>,
    dir: TempDir,
}

impl Shop {
    /// The workloads and services, without a lane group.
    pub(crate) async fn start() -> Result<Self> {
        let cluster = Cluster::shared().await?;
        let definitions = controller::cluster::crd::definitions();
        let definitions: Vec<String> =
            definitions.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        cluster.install_crds(&definitions).await?;
        let namespace = cluster.namespace("shop").await?;
        let shop = Self { namespace, cluster, dir: tempfile::tempdir()? };
        shop.write("shop.yaml", OBJECTS)?;
        shop.kubectl(&["apply", "-f", &shop.path("shop.yaml")]).await?;
        Ok(shop)
    }

    /// With the lane group `shop`.
    pub(crate) async fn initialised() -> Result<Self> {
        let shop = Self::start().await?;
        shop.ok(&["init", "shop", "--entry=gateway", "--service=a,b"]).await?;
        Ok(shop)
    }

    /// A controller of the namespace, which asks for the proxies' metrics there.
    pub(crate) async fn controller(&self, kubeconfig: &Path, proxy_metrics: &str) -> Result<Controller> {
        Controller::start(&ControllerOptions {
            kubeconfig,
            namespace: Some(&self.namespace),
            lease_namespace: &self.namespace,
            proxy_metrics,
        })
        .await
    }

    /// `lanectl` in a directory of its own, as the user who may do everything.
    pub(crate) fn lanectl(&self) -> Result<Lanectl> {
        Ok(Lanectl::new(self.dir.path())?.env("KUBECONFIG", &self.cluster.kubeconfig()?.to_string_lossy()))
    }

    /// Runs `lanectl` in the namespace, whatever its exit code.
    pub(crate) async fn run(&self, args: &[&str]) -> Result<Output> {
        self.lanectl()?.run(args.iter().copied().chain(["-n", &self.namespace])).await
    }

    /// Runs `lanectl` in the namespace, which has to succeed.
    pub(crate) async fn ok(&self, args: &[&str]) -> Result<Output> {
        self.run(args).await?.exits(0)
    }

    /// Runs `kubectl` in the namespace, which has to succeed.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> Result<Output> {
        self.cluster.kubectl()?.ok(args.iter().copied().chain(["-n", &self.namespace])).await
    }

    /// The directory of `lanectl`.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_string_lossy().into_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.dir.path().join(name), text)?)
    }
}
