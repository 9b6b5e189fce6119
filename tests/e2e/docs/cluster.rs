//! What the documents say of a cluster, followed on a real API server: their commands are run as they stand there,
//! with images out of a real registry. Nodes and proxies are played: no container runs.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tests::cluster::{Cluster, KUBERNETES_VARIABLE};
use tests::registry::{REGISTRY_VARIABLE, Registry};

use super::nodes::Nodes;
use super::{GUIDES, Reader, commands, named_by};
use crate::controller::fake_proxies::FakeProxies;

/// The registry of the documents.
const REGISTRY: &str = "registry.example.com";
/// What the documents' readers have in their cluster.
const SHOP: &str = include_str!("../lanectl_cluster/shop.yaml");
/// The version that the gray workload runs.
const NEW: &str = "example.com/app:2";
/// The version of the baseline.
const OLD: &str = "example.com/app:1";
/// The heading of the section for newcomers in the README.
const NEWCOMERS: &str = "\n## On Kubernetes with Istio\n";

/// Somebody with a cluster, who follows a document.
pub(super) struct Site {
    cluster: Cluster,
    reader: Reader,
    nodes: Nodes,
    _proxies: FakeProxies,
}

impl Site {
    /// A cluster with Istio's definitions and without Graylane.
    pub(super) async fn start() -> Result<Self> {
        let cluster = Cluster::start().await?;
        cluster.install_istio_crds().await?;
        let proxies = FakeProxies::start().await?;
        let mut reader = Reader::new()?;
        let tools = [(KUBERNETES_VARIABLE, "kubectl"), (REGISTRY_VARIABLE, "crane")];
        for (variable, tool) in tools {
            std::os::unix::fs::symlink(named_by(variable)?.join(tool), reader.bin.path().join(tool))?;
        }
        let kubeconfig = reader.dir.path().join("kubeconfig");
        std::fs::copy(cluster.kubeconfig()?, &kubeconfig)?;
        reader.env.push(("KUBECONFIG", kubeconfig.to_string_lossy().into_owned()));
        let nodes = Nodes::new(Registry::start().await?, proxies.metrics());
        Ok(Self { cluster, reader, nodes, _proxies: proxies })
    }

    /// Runs a block to its end, while the nodes do what it asks for.
    pub(super) async fn run(&mut self, block: &str) -> Result<String> {
        let printed = tokio::select! {
            printed = self.reader.run(block) => printed,
            failed = self.nodes.play(&self.cluster) => failed.map(|never| match never {}),
        };
        let printed = printed.with_context(|| self.nodes.log())?;
        // What has been cut off with the command's end is made up for.
        self.nodes.follow(&self.cluster).await.with_context(|| format!("after\n{block}"))?;
        Ok(printed)
    }

    /// Workloads in a namespace of their own, which the reader's context is about from now on.
    async fn shop(&mut self, namespace: &str) -> Result<()> {
        self.write("shop.yaml", SHOP)?;
        self.run(&format!(
            "kubectl create namespace {namespace}
             kubectl config set-context --current --namespace={namespace}
             kubectl apply -f shop.yaml
             kubectl set image deployment/a-v2 app={NEW}
             kubectl rollout status deployment/a-v2 --timeout=60s"
        ))
        .await
        .map(drop)
    }

    /// Writes a file to where the commands are run.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.reader.dir.path().join(name), text)?)
    }

    /// Puts a folder of the checkout there.
    pub(super) fn link(&self, folder: &str) -> Result<()> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
        Ok(std::os::unix::fs::symlink(checkout, self.reader.dir.path().join(folder))?)
    }

    /// The blocks of a document, once the images that they name are in the registry.
    pub(super) fn prepared(&self, document: &str) -> Result<Vec<String>> {
        self.push_images(document)?;
        let blocks = commands(
            &document.replace(&format!("{REGISTRY}/graylane/"), &self.nodes.registry.reference("graylane/")),
        )?;
        ensure!(!blocks.is_empty(), "it has no commands");
        Ok(blocks)
    }

    /// Brings the images that a document names into the registry, as `cargo xtask image --push` does.
    fn push_images(&self, document: &str) -> Result<()> {
        for named in document.split(&format!("{REGISTRY}/graylane/")).skip(1) {
            let end = named.find(|c: char| c.is_whitespace() || "`\"'|)".contains(c)).unwrap_or(named.len());
            let image = &named[..end];
            let Some((name, _)) = image.split_once(':') else { continue };
            let layout = named_by(crate::images::IMAGES)?.join(name);
            let reference = self.nodes.registry.reference(&format!("graylane/{image}"));
            self.nodes.registry.crane(&["push", &layout.to_string_lossy(), &reference])?;
        }
        Ok(())
    }

    /// Runs the blocks of a document; after each, `check` sees the block and what it has printed.
    async fn follow(
        &mut self,
        document: &str,
        mut check: impl AsyncFnMut(&mut Self, &str, &str) -> Result<()>,
    ) -> Result<()> {
        for block in &self.prepared(document)? {
            let printed = self.run(block).await?;
            check(self, block, &printed).await.with_context(|| format!("after\n{block}\n{printed}"))?;
        }
        Ok(())
    }

    /// The baseline of a runs this image.
    async fn baseline_runs(&mut self, image: &str) -> Result<()> {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        let found = self.run(&format!("kubectl get deployment a-v1 -o '{path}'")).await?;
        ensure!(found == image, "{found}, and not {image}");
        Ok(())
    }
}

pub(super) fn guide(name: &str) -> Result<String> {
    Ok(std::fs::read_to_string(format!("{GUIDES}/{name}"))?)
}

async fn follow_newcomers(site: &mut Site) -> Result<()> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))?;
    let section = readme.split(NEWCOMERS).nth(1).context("no such section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let count = commands(section)?.iter().flat_map(|block| block.lines()).count();
    ensure!((1..=5).contains(&count), "{count} commands");
    site.shop("shop").await?;
    site.follow(section, async |_, _, _| Ok(())).await?;
    site.baseline_runs(NEW).await
}

async fn follow_promotion(site: &mut Site) -> Result<()> {
    site.shop("released").await?;
    site.run("lanectl init shop --entry gateway --service a,b\nlanectl set-lane gray --header x-gray --wait")
        .await?;
    site.follow(&guide("promotion.md")?, async |site, block, printed| {
        if block.contains("lanectl history") {
            ensure!(printed.contains("RolledBack"), "no rollback in the history");
        }
        if block.contains("promote gray --wait") || block.contains("=Promoted") {
            site.baseline_runs(NEW).await?;
        } else if block.contains("lanectl rollback") {
            site.baseline_runs(OLD).await?;
        }
        Ok(())
    })
    .await
}

/// Everything is taken away before and after.
async fn follow_installation(site: &mut Site) -> Result<()> {
    site.run("kubectl delete lanegroups --all --all-namespaces --timeout=90s\nlanectl uninstall").await?;
    // It takes a while, as everywhere.
    site.run("kubectl wait --for=delete namespace/graylane-system --timeout=90s").await?;
    site.follow(&guide("install.md")?, async |site, block, _| {
        if let Some(source) = block.split("--module-").nth(1) {
            let (flag, _) = source.split_once(' ').context("a flag without a value")?;
            let args = "kubectl get deployment lane-controller -n graylane-system -o jsonpath='{..args}'";
            let args = site.run(args).await?;
            ensure!(args.contains(&format!("--module-{flag}=")), "{args}");
        }
        Ok(())
    })
    .await?;
    let left =
        site.run("kubectl get deployments,clusterroles,roles -A -o name | grep lane-controller || true");
    let left = left.await?;
    ensure!(left.is_empty(), "left over: {left}");
    Ok(())
}

#[tokio::test]
async fn what_is_written_of_a_cluster_can_be_followed() -> Result<()> {
    let mut site = Site::start().await?;
    follow_newcomers(&mut site).await.context("README.md")?;
    follow_promotion(&mut site).await.context("promotion.md")?;
    follow_installation(&mut site).await.context("install.md")
}
