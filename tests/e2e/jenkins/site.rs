//! A cluster with the chain of the guide, and with the example applied as its page says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tests::cluster::{Cluster, KUBERNETES_VARIABLE};
use tests::lanectl::{LANECTL_VARIABLE, Lanectl, Output};
use tests::wait;

/// What any cluster has: a volume, an injector, the namespace of the chain.
const CLUSTER: &str = include_str!("cluster.yaml");
/// How long the API server may take to do as it was told.
const DEADLINE: Duration = Duration::from_secs(60);
/// The chain.
const SHOP: &str = include_str!("shop.yaml");

/// A cluster of its own: the example names its namespaces.
pub(super) struct Site {
    pub(super) cluster: Cluster,
    dir: TempDir,
}

impl Site {
    /// Applies everything, and waits until the chain's pods are ready.
    pub(super) async fn start() -> Result<Self> {
        let cluster = Cluster::start().await?;
        cluster.install_istio_crds().await?;
        let definitions = controller::cluster::crd::definitions();
        let definitions: Vec<String> =
            definitions.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        cluster.install_crds(&definitions).await?;
        let site = Self { cluster, dir: tempfile::tempdir()? };
        std::fs::create_dir(site.path("bin"))?;
        let lanectl = std::env::var_os(LANECTL_VARIABLE).context(LANECTL_VARIABLE)?;
        std::os::unix::fs::symlink(lanectl, site.path("bin/lanectl"))?;
        site.apply("cluster.yaml", CLUSTER).await?;
        wait::succeeds(DEADLINE, "the injector to act", async || site.injects().await).await?;
        site.apply("shop.yaml", SHOP).await?;
        for name in ["gateway", "a-v1", "b-v1", "c-v1"] {
            let deployment = format!("deployment/{name}");
            site.kubectl(&["rollout", "status", &deployment, "-n", "shop", "--timeout=100s"]).await?;
        }
        Ok(site)
    }

    async fn apply(&self, name: &str, objects: &str) -> Result<()> {
        std::fs::write(self.path(name), objects)?;
        self.kubectl(&["apply", "-n", "shop", "-f", &self.path(name).to_string_lossy()]).await?;
        Ok(())
    }

    /// The API server takes a moment until it goes by a new policy.
    async fn injects(&self) -> Result<()> {
        let probe = ["run", "probe", "--image=probe", "-n", "shop", "--dry-run=server", "-o", "json"];
        let pod = self.kubectl(&probe).await?.json()?;
        ensure!(pod["spec"]["containers"].to_string().contains("istio-proxy"), "{}", pod["spec"]);
        Ok(())
    }

    /// Runs the commands of the example's page, as they stand there.
    pub(super) async fn apply_example(&self) -> Result<()> {
        let folder = checkout("examples/jenkins");
        let page = std::fs::read_to_string(folder.join("README.md"))?;
        let commands: Vec<&str> = page.lines().filter(|line| line.starts_with("kubectl ")).collect();
        ensure!(commands.len() > 5, "{commands:?}");
        self.sh(&folder, &format!("set -e\n{}", commands.join("\n"))).await?;
        Ok(())
    }

    /// Runs `kubectl`, which has to succeed.
    pub(super) async fn kubectl(&self, args: &[&str]) -> Result<Output> {
        self.cluster.kubectl()?.ok(args).await
    }

    /// An object.
    pub(super) async fn get(&self, namespace: &str, kind: &str, name: &str) -> Result<Value> {
        self.kubectl(&["get", kind, name, "-n", namespace, "-o", "json"]).await?.json()
    }

    /// The objects of a kind.
    pub(super) async fn list(&self, namespace: &str, kind: &str) -> Result<Vec<Value>> {
        let list = self.kubectl(&["get", kind, "-n", namespace, "-o", "json"]).await?.json()?;
        Ok(list["items"].as_array().context("no items")?.clone())
    }

    /// Runs a script as somebody who may do everything.
    pub(super) async fn sh(&self, dir: &Path, script: &str) -> Result<Output> {
        let shell = Lanectl::with_binary(Path::new("/bin/sh"), dir)
            .env("PATH", &self.programs()?)
            .env("KUBECONFIG", &self.cluster.kubeconfig()?.to_string_lossy());
        shell.ok(["-c", script]).await
    }

    /// Where programs are found: the real `kubectl` and `lanectl`, and what every system has.
    pub(super) fn programs(&self) -> Result<String> {
        let kubernetes = std::env::var(KUBERNETES_VARIABLE).context(KUBERNETES_VARIABLE)?;
        Ok(format!("{}:{kubernetes}:/usr/bin:/bin", self.path("bin").display()))
    }

    /// A file beside the cluster.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// A path in the checkout.
pub(super) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
