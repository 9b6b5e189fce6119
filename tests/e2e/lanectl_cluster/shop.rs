//! A namespace with a shop in it, and `lanectl` beside it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use tempfile::TempDir;
use tests::cluster::Cluster;
use tests::lanectl::{Lanectl, Output};

/// A gateway, a with a gray version, and b; the same labels as in the guides.
const OBJECTS: &str = include_str!("shop.yaml");

/// A namespace that nobody else uses.
pub(super) struct Shop {
    pub(super) namespace: String,
    pub(super) cluster: Arc<Cluster>,
    dir: TempDir,
}

impl Shop {
    /// The workloads and services, without a lane group.
    pub(super) async fn start() -> Result<Self> {
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
    pub(super) async fn initialised() -> Result<Self> {
        let shop = Self::start().await?;
        shop.ok(&["init", "shop", "--entry=gateway", "--service=a,b"]).await?;
        Ok(shop)
    }

    /// `lanectl` in a directory of its own, as the user who may do everything.
    pub(super) fn lanectl(&self) -> Result<Lanectl> {
        Ok(Lanectl::new(self.dir.path())?.env("KUBECONFIG", &self.cluster.kubeconfig()?.to_string_lossy()))
    }

    /// Runs `lanectl` in the namespace, whatever its exit code.
    pub(super) async fn run(&self, args: &[&str]) -> Result<Output> {
        self.lanectl()?.run(args.iter().copied().chain(["-n", &self.namespace])).await
    }

    /// Runs `lanectl` in the namespace, which has to succeed.
    pub(super) async fn ok(&self, args: &[&str]) -> Result<Output> {
        self.run(args).await?.exits(0)
    }

    /// Runs `kubectl` in the namespace, which has to succeed.
    pub(super) async fn kubectl(&self, args: &[&str]) -> Result<Output> {
        self.cluster.kubectl()?.ok(args.iter().copied().chain(["-n", &self.namespace])).await
    }

    /// The directory of `lanectl`.
    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_string_lossy().into_owned()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.dir.path().join(name), text)?)
    }
}
