//! The pipeline's own shell steps, unchanged, against a real API server, with a controller that does what they ask for.

use anyhow::{Context as _, Result, ensure};
use lane::head::MemoryHead;
use tests::controller::{Controller, ControllerOptions};
use tests::lanectl::Output;

use super::agent::Agent;
use super::gateway::{StandInGateway, answer};
use super::site::Site;
use super::steps::{Step, labels, recorded};
use crate::controller::fake_proxies::FakeProxies;

/// What every build does first.
const TO_THE_GATE: [&str; 5] = ["test", "image", "push", "lane: deploy", "lane: verify"];

/// A cluster in which builds can release.
struct Release {
    site: Site,
    agent: Agent,
    controller: Controller,
    _gateway: StandInGateway,
    _proxies: FakeProxies,
}

impl Release {
    async fn start() -> Result<Self> {
        let site = Site::start().await?;
        site.apply_example().await?;
        let proxies = FakeProxies::start().await?;
        let controller = Controller::start(&ControllerOptions {
            kubeconfig: &site.cluster.kubeconfig()?,
            namespace: None,
            lease_namespace: "default",
            proxy_metrics: &proxies.metrics(),
        })
        .await?;
        let gateway = StandInGateway::start(&site).await?;
        let agent = Agent::new(&site, &gateway).await?;
        // As the guide begins.
        let init = "lanectl init shop --entry gateway --service a,b,c --namespace shop && \
                    lanectl wait --namespace shop --timeout 100s";
        controller.explains(site.sh(&site.path(""), init).await)?;
        Ok(Self { site, agent, controller, _gateway: gateway, _proxies: proxies })
    }

    /// Runs a step that has to succeed.
    async fn ok(&self, step: &Step) -> Result<Output> {
        let ended = self.agent.run(step).await?.exits(0);
        self.controller.explains(ended.with_context(|| format!("step `{}`", step.label)))
    }

    /// Runs the steps of a build up to the gate.
    async fn to_the_gate(&self, steps: &[Step]) -> Result<()> {
        ensure!(labels(steps)[..5] == TO_THE_GATE, "{:?}", labels(steps));
        let mut last = String::new();
        for step in &steps[..5] {
            last = self.ok(step).await?.stdout;
        }
        ensure!(last.contains("20 requests without the header stayed on the baseline"), "{last}");
        // The policy that keeps agents from passing the gateway by is about these pods too.
        let guarded = "--selector=graylane.dev/lane=gray,graylane.example/member=true";
        let guarded = self.site.kubectl(&["get", "pods", "-n", "shop", guarded, "-o", "name"]).await?;
        ensure!(guarded.stdout.starts_with("pod/a-gray-"), "{guarded:?}");
        self.answers("a:41", "a:42").await
    }

    /// What is answered without the header, and with it.
    async fn answers(&self, without: &str, with: &str) -> Result<()> {
        let client = self.site.cluster.client().await?;
        let gray =
            MemoryHead { headers: vec![("x-gray".to_owned(), b"1".to_vec())], ..MemoryHead::default() };
        for (head, wanted) in [(MemoryHead::default(), without), (gray, with)] {
            let found = answer(&client, &head).await?;
            ensure!(found.as_deref() == Some(wanted), "{head:?}: {found:?} instead of {wanted}");
        }
        Ok(())
    }

    /// The image of the baseline, and how many gray pods are wanted.
    async fn runs(&self) -> Result<(String, u64)> {
        let baseline = self.site.get("shop", "deployment", "a-v1").await?;
        let image = &baseline["spec"]["template"]["spec"]["containers"][0]["image"];
        let gray = self.site.get("shop", "deployment", "a-gray").await?;
        let replicas = gray["spec"]["replicas"].as_u64().context("no replicas")?;
        Ok((image.as_str().context("no image")?.to_owned(), replicas))
    }
}

const OLD: &str = "registry.example.com/shop/a:41";
const NEW: &str = "registry.example.com/shop/a:42";

#[tokio::test]
async fn builds_are_aborted_at_the_gate_and_later_and_at_last_released() -> Result<()> {
    let release = Release::start().await?;
    at_the_gate(&release).await.context("aborted at the gate")?;
    // The same lane again, as the next build does.
    after_the_promotion(&release).await.context("aborted after the promotion")?;
    released(&release).await.context("released")
}

async fn at_the_gate(release: &Release) -> Result<()> {
    let steps = recorded("aborted-at-the-gate")?;
    ensure!(labels(&steps)[5..] == ["lane: rollback"], "{:?}", labels(&steps));
    let verify = &steps[4];
    // Before anything is deployed a verification has nothing to see.
    let early = release.agent.run(verify).await?.exits(1)?;
    ensure!(early.stderr.contains("with the header did not reach the lane"), "{}", early.stderr);

    release.to_the_gate(&steps).await?;
    ensure!(
        release.agent.built()?
            == format!("make test\nbuildah build --isolation=chroot --tag={NEW} .\nbuildah push {NEW}\n"),
        "{}",
        release.agent.built()?
    );
    release.ok(&steps[5]).await?;
    release.answers("a:41", "a:41").await?;
    ensure!(release.runs().await? == (OLD.to_owned(), 0), "{:?}", release.runs().await?);
    // Whoever takes a lane back twice has taken it back.
    release.ok(&steps[5]).await?;
    release.agent.run(verify).await?.exits(1)?;
    Ok(())
}

async fn after_the_promotion(release: &Release) -> Result<()> {
    let steps = recorded("aborted-after-the-promotion")?;
    ensure!(labels(&steps)[5..] == ["lane: promote", "lane: rollback"], "{:?}", labels(&steps));
    release.to_the_gate(&steps).await?;
    release.ok(&steps[5]).await?;
    release.answers("a:42", "a:42").await?;
    release.ok(&steps[6]).await?;
    release.answers("a:41", "a:41").await?;
    ensure!(release.runs().await? == (OLD.to_owned(), 0), "{:?}", release.runs().await?);
    Ok(())
}

async fn released(release: &Release) -> Result<()> {
    let steps = recorded("released")?;
    ensure!(labels(&steps)[5..] == ["lane: promote"], "{:?}", labels(&steps));
    release.to_the_gate(&steps).await?;

    // Somebody else manages the baseline: nothing is changed until the pipeline says so.
    let theirs = "kubectl apply --server-side --force-conflicts --field-manager=argocd-controller --namespace=shop \
                  --filename=- <<'END'\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: a-v1}, spec: {template: \
                  {spec: {containers: [{name: a, image: \"registry.example.com/shop/a:41\"}]}}}}\nEND";
    release.site.sh(&release.site.path(""), theirs).await?;
    let refused = release.agent.run(&steps[5]).await?.exits(4)?;
    ensure!(
        refused.stderr.contains("argocd-controller") && refused.stderr.contains("--force-conflicts"),
        "{}",
        refused.stderr
    );
    release.answers("a:41", "a:42").await?;
    let mut forced = steps[5].clone();
    forced.env.insert("GRAYLANE_FORCE_CONFLICTS".to_owned(), "true".to_owned());
    release.ok(&forced).await?;
    release.answers("a:42", "a:42").await?;
    ensure!(release.runs().await?.0 == NEW, "{:?}", release.runs().await?);
    let shown = release.site.sh(&release.site.path(""), "lanectl history --namespace shop").await?.stdout;
    let of_agent =
        shown.lines().filter(|line| line.contains("system:serviceaccount:jenkins-agents:lane-agent"));
    let changes: Vec<&str> = of_agent.filter_map(|line| line.split_whitespace().nth(2)).collect();
    let wanted = ["Set", "Rollback", "Set", "Promote", "Rollback", "Set", "Promote", "Promote"];
    ensure!(changes == wanted, "{shown}");
    Ok(())
}
