//! A shop in a mesh of its own, and the doctor beside it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::cluster::KUBERNETES_VARIABLE;
use tests::lanectl::{Lanectl, Output};
use tests::wait;

use crate::lanectl_cluster::Shop;

/// What stands for Istio; its namespace and revision are filled in.
const OBJECTS: &str = include_str!("mesh.yaml");
/// How long pods may take to be replaced.
const DEADLINE: Duration = Duration::from_secs(120);

/// The shop of the other tests of `lanectl`, with istiod in a namespace of its own.
pub(super) struct Mesh {
    pub(super) shop: Shop,
    pub(super) istio: String,
}

impl Mesh {
    /// With a lane group, and a namespace that asks for proxies.
    pub(super) async fn start() -> Result<Self> {
        let shop = Shop::initialised().await?;
        let istio = shop.cluster.namespace("istio").await?;
        let mesh = Self { shop, istio };
        let objects = OBJECTS.replace("ISTIO", &mesh.istio).replace("REVISION", &mesh.revision());
        mesh.apply_in(&mesh.istio, &objects).await?;
        let (namespace, label) = (mesh.shop.namespace.clone(), format!("istio.io/rev={}", mesh.revision()));
        mesh.sh(&format!("kubectl label namespace {namespace} {label}")).await?;
        for deployment in ["gateway", "a-v1", "a-v2", "b-v1"] {
            mesh.shop
                .kubectl(&["rollout", "status", &format!("deployment/{deployment}"), "--timeout=120s"])
                .await?;
        }
        let istiod =
            format!("kubectl rollout status deployment/istiod --namespace={} --timeout=120s", mesh.istio);
        mesh.sh(&istiod).await?;
        Ok(mesh)
    }

    /// The revision of this mesh.
    pub(super) fn revision(&self) -> String {
        self.istio.clone()
    }

    /// Runs the doctor, as the user of a kubeconfig if one is given.
    pub(super) async fn doctor(&self, flags: &[&str]) -> Result<Output> {
        let istio = format!("--istio-namespace={}", self.istio);
        let controller = format!("--controller-namespace={}", self.istio);
        self.shop.run(&[&["doctor", "--group=shop", &istio, &controller], flags].concat()).await
    }

    /// What the doctor says of a check, without what passes.
    pub(super) async fn findings(&self, check: &str, flags: &[&str]) -> Result<Vec<Value>> {
        let report = self.doctor(&[&["--output=json"], flags].concat()).await?.json()?;
        let all = report["findings"].as_array().context("there are no findings")?;
        let is_meant = |finding: &&Value| finding["check"] == check && finding["severity"] != "pass";
        Ok(all.iter().filter(is_meant).cloned().collect())
    }

    /// Applies objects to the shop's namespace.
    pub(super) async fn apply(&self, objects: &str) -> Result<()> {
        self.apply_in(&self.shop.namespace, objects).await
    }

    async fn apply_in(&self, namespace: &str, objects: &str) -> Result<()> {
        self.shop.write("objects.yaml", objects)?;
        let file = self.shop.path("objects.yaml");
        self.sh(&format!("kubectl apply --namespace={namespace} --filename={file}")).await?;
        Ok(())
    }

    /// Runs a command as it is printed, with this cluster's `kubectl`.
    pub(super) async fn sh(&self, command: &str) -> Result<Output> {
        let kubernetes = std::env::var(KUBERNETES_VARIABLE).context(KUBERNETES_VARIABLE)?;
        let shell = Lanectl::with_binary("/bin/sh".as_ref(), self.shop.dir())
            .env("PATH", &format!("{kubernetes}:{}", std::env::var("PATH")?))
            .env("KUBECONFIG", &self.shop.cluster.kubeconfig()?.to_string_lossy());
        shell.ok(["-c", command]).await
    }

    /// The check finds one thing, whose remedy, run as it is printed, takes the finding away.
    pub(super) async fn mended(&self, check: &str, severity: &str, message: &str) -> Result<()> {
        let remedy = self.found(check, severity, message).await?;
        self.sh(&remedy).await.with_context(|| format!("the remedy of {check}"))?;
        self.gone(check, message).await
    }

    /// The remedy of what a check finds, which may take a moment to show.
    pub(super) async fn found(&self, check: &str, severity: &str, message: &str) -> Result<String> {
        wait::succeeds(DEADLINE, &format!("a finding of {check}"), async || {
            let findings = self.findings(check, &[]).await?;
            let is_meant =
                |finding: &&Value| finding["message"].as_str().is_some_and(|text| text.contains(message));
            let found = findings.iter().find(is_meant);
            let found = found.with_context(|| format!("{message:?} is not among {findings:#?}"))?;
            ensure!(found["severity"] == severity, "{found:#}");
            Ok(found["remedy"].as_str().context("there is no remedy")?.to_owned())
        })
        .await
    }

    /// The check does not say it any more.
    pub(super) async fn gone(&self, check: &str, message: &str) -> Result<()> {
        wait::succeeds(DEADLINE, &format!("the end of a finding of {check}"), async || {
            let findings = self.findings(check, &[]).await?;
            let is_meant =
                |finding: &Value| finding["message"].as_str().is_some_and(|text| text.contains(message));
            ensure!(!findings.iter().any(is_meant), "{findings:#?}");
            Ok(())
        })
        .await
    }
}
