//! What a node does for the controller that `lanectl install` brings: it pulls the image that the Deployment
//! names, and runs it with the Deployment's arguments, as the Deployment's service account. KWOK, which stands in
//! for nodes otherwise, only says that pods run.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt as _};
use tempfile::TempDir;
use tests::cluster::Cluster;
use tests::controller::Controller;
use tests::registry::{Registry, unpack};
use tokio::time::sleep;

/// Name of the Deployment, and of the account.
const NAME: &str = "lane-controller";
/// Pause between two looks at the API server.
const POLL: Duration = Duration::from_millis(200);

/// What is to run.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    namespace: String,
    image: String,
    args: Vec<String>,
}

/// The nodes of a cluster, which run its controller.
pub(super) struct Nodes {
    /// Where the images are.
    pub(super) registry: Registry,
    proxy_metrics: String,
    running: Option<(Wanted, Controller, TempDir)>,
}

impl Nodes {
    /// Nodes that pull from this registry; the controller finds the metrics of proxies as said.
    pub(super) fn new(registry: Registry, proxy_metrics: String) -> Self {
        Self { registry, proxy_metrics, running: None }
    }

    /// What the controller has logged.
    pub(super) fn log(&self) -> String {
        self.running.as_ref().map_or_else(|| "no controller runs".to_owned(), |(_, running, _)| running.log())
    }

    /// Runs what the cluster asks for, until something goes wrong.
    pub(super) async fn play(&mut self, cluster: &Cluster) -> Result<Infallible> {
        loop {
            self.follow(cluster).await?;
            sleep(POLL).await;
        }
    }

    /// Brings what runs in line with the cluster.
    pub(super) async fn follow(&mut self, cluster: &Cluster) -> Result<()> {
        let deployments: Api<Deployment> = Api::all(cluster.client().await?);
        let all = deployments.list(&Default::default()).await?.items;
        let mut ours = all.iter().filter(|deployment| deployment.name_any() == NAME);
        let wanted = ours.next().map(wanted).transpose()?;
        ensure!(ours.next().is_none(), "two controllers, each with a lease of its own");
        if self.running.as_ref().map(|(running, ..)| running) == wanted.as_ref() {
            return Ok(());
        }
        if let Some((_, controller, _)) = self.running.take() {
            controller.stop().await?;
        }
        if let Some(wanted) = wanted {
            let (controller, root) = self.start(cluster, &wanted).await?;
            self.running = Some((wanted, controller, root));
        }
        Ok(())
    }

    async fn start(&self, cluster: &Cluster, wanted: &Wanted) -> Result<(Controller, TempDir)> {
        let root = tempfile::tempdir()?;
        unpack(&self.registry.crane(&["export", &wanted.image, "-"])?, root.path())?;
        let mut args: Vec<String> = wanted.args.iter().filter_map(|arg| argument(arg, root.path())).collect();
        args.extend([
            format!("--kubeconfig={}", account(cluster, wanted, root.path()).await?.display()),
            // What the Deployment passes on by the environment.
            format!("--lease-namespace={}", wanted.namespace),
            format!("--identity={}", root.path().display()),
            format!("--proxy-metrics={}", self.proxy_metrics),
        ]);
        let controller = Controller::with_binary(&root.path().join(NAME), args).await?;
        Ok((controller, root))
    }
}

fn wanted(deployment: &Deployment) -> Result<Wanted> {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).context("no pod")?;
    let container = pod.containers.first().context("no container")?;
    Ok(Wanted {
        namespace: deployment.namespace().unwrap_or_default(),
        image: container.image.clone().unwrap_or_default(),
        args: container.args.clone().unwrap_or_default(),
    })
}

/// An argument as it is outside of a container: files are under the image's root, and the port is another one.
fn argument(arg: &str, root: &Path) -> Option<String> {
    match arg.split_once('=') {
        Some(("--listen", _)) => None,
        Some(("--module", path)) => {
            Some(format!("--module={}", root.join(path.trim_start_matches('/')).display()))
        }
        _ => Some(arg.to_owned()),
    }
}

/// A kubeconfig with a token of the Deployment's account, which may do what the installation lets it do.
async fn account(cluster: &Cluster, wanted: &Wanted, dir: &Path) -> Result<PathBuf> {
    let kubectl = cluster.kubectl()?;
    let token = kubectl.ok(["create", "token", NAME, "--namespace", &wanted.namespace]).await?.stdout;
    let path = dir.join("kubeconfig");
    std::fs::copy(cluster.kubeconfig()?, &path)?;
    let file = format!("--kubeconfig={}", path.display());
    let token = format!("--token={}", token.trim());
    kubectl.ok(["config", "set-credentials", NAME, &token, &file]).await?;
    kubectl.ok(["config", "set-context", "--current", "--user", NAME, &file]).await?;
    Ok(path)
}
