//! A group whose gateway is in another namespace, and a caller in a third one: what is written there with and without
//! their consent, and how all of it goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, ensure};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use tests::cluster::Cluster;
use tests::controller::{Controller, ControllerOptions};
use tests::wait;

use super::demo::Demo;
use super::fake_proxies::FakeProxies;
use super::{DEADLINE, condition};

/// The demo with the two other namespaces.
struct Places {
    demo: Demo,
    edge: String,
    batch: String,
}

impl Places {
    /// In a cluster of its own, since the controller sees all namespaces.
    async fn start() -> Result<Self> {
        let cluster = Arc::new(Cluster::start().await?);
        cluster.install_istio_crds().await?;
        let definitions = controller::cluster::crd::definitions();
        let definitions: Vec<String> =
            definitions.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        cluster.install_crds(&definitions).await?;
        let namespace = cluster.namespace("demo").await?;
        let (edge, batch) = (cluster.namespace("edge").await?, cluster.namespace("batch").await?);
        let proxies = FakeProxies::start().await?;
        let controller = Controller::start(&ControllerOptions {
            kubeconfig: &cluster.kubeconfig()?,
            namespace: None,
            lease_namespace: &namespace,
            proxy_metrics: &proxies.metrics(),
        })
        .await?;
        let demo = Demo::with(cluster, namespace, controller, proxies).await?;
        demo.deploy_gateway(&edge).await?;
        Ok(Self { demo, edge, batch })
    }

    /// Gives or, with nothing, withdraws the consent of a namespace.
    async fn consent(&self, namespace: &str, to: Option<&str>) -> Result<()> {
        let patch = json!({ "metadata": { "annotations": { "graylane.dev/accept-from": to } } });
        self.demo.namespaces().patch(namespace, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// The objects of ours in a namespace, without what says whose they are.
    async fn objects(&self, namespace: &str) -> Result<BTreeSet<String>> {
        let prefix = format!("graylane.{}.shop.", self.demo.namespace);
        let mut found = BTreeSet::new();
        for kind in ["EnvoyFilter", "DestinationRule"] {
            for object in self.demo.istio_in(namespace, kind).list(&self.demo.ours()).await? {
                let name = object.name_any();
                found.insert(name.strip_prefix(&prefix).unwrap_or(&name).to_owned());
            }
        }
        Ok(found)
    }

    async fn become_these(&self, namespace: &str, wanted: &[&str]) -> Result<()> {
        wait::succeeds(DEADLINE, "the objects of a namespace", async || {
            let found = self.objects(namespace).await?;
            let wanted: BTreeSet<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            ensure!(found == wanted, "{namespace} has {found:?} and not {wanted:?}");
            Ok(())
        })
        .await
    }

    async fn lacks_consent_of(&self, namespaces: &[&str]) -> Result<()> {
        wait::succeeds(DEADLINE, "the missing consent to be said", async || {
            let (status, reason, message) = condition(&self.demo, "Programmed").await?;
            ensure!(
                (status.as_str(), reason.as_str()) == ("False", "NamespaceNotGranted"),
                "{reason}: {message}"
            );
            for namespace in [self.edge.as_str(), self.batch.as_str()] {
                let remedy = format!(
                    "kubectl annotate namespace {namespace} graylane.dev/accept-from={}",
                    self.demo.namespace
                );
                ensure!(message.contains(&remedy) == namespaces.contains(&namespace), "{message}");
            }
            Ok(())
        })
        .await
    }
}

/// What a namespace gets that only calls.
const OF_CALLERS: [&str; 2] = ["clusters", "routes"];

#[tokio::test]
async fn other_namespaces_are_written_to_with_their_consent_and_cleaned_up_without() -> Result<()> {
    let places = Places::start().await?;
    let Places { demo, edge, batch } = &places;
    demo.set_group(json!({
        "entries": [format!("{edge}/gateway")], "services": [{ "name": "a" }], "callers": [batch],
    }))
    .await?;
    let rules = json!([{ "name": "testers", "match": { "header": { "name": "x-gray" } } }]);
    demo.set_lane("gray", json!({ "group": "shop", "rules": rules })).await?;
    places.lacks_consent_of(&[edge, batch]).await?;
    ensure!(places.objects(edge).await?.is_empty() && places.objects(batch).await?.is_empty(), "written");

    places.consent(edge, Some(&demo.namespace)).await?;
    // Nothing binds a route to the gateway.
    let at_the_edge = [OF_CALLERS[0], "graylane.entry.gateway"];
    places.become_these(edge, &at_the_edge).await?;
    places.lacks_consent_of(&[batch]).await?;
    places.consent(batch, Some("*")).await?;
    places.become_these(batch, &OF_CALLERS).await?;
    wait::succeeds(DEADLINE, "the group is programmed", async || {
        let programmed = condition(demo, "Programmed").await?;
        ensure!(programmed.0 == "True", "{programmed:?}");
        Ok(())
    })
    .await?;

    places.consent(edge, None).await?;
    places.become_these(edge, &[]).await?;
    places.lacks_consent_of(&[edge]).await?;
    ensure!(
        places.objects(batch).await? == OF_CALLERS.map(str::to_owned).into(),
        "the other one has changed"
    );
    places.consent(edge, Some(&demo.namespace)).await?;
    places.become_these(edge, &at_the_edge).await?;
    goes_when_forced(&places).await
}

/// An object that somebody else holds keeps the group, which is let go when it is told to.
async fn goes_when_forced(places: &Places) -> Result<()> {
    let Places { demo, edge, batch } = places;
    let held = format!("graylane.{}.shop.routes", demo.namespace);
    let hold =
        |finalizers: serde_json::Value| Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
    let filters = demo.istio_in(batch, "EnvoyFilter");
    filters.patch(&held, &PatchParams::default(), &hold(json!(["example.com/held"]))).await?;
    demo.groups().delete("shop", &DeleteParams::default()).await?;
    wait::succeeds(DEADLINE, "what is held to be named", async || {
        let (_, reason, message) = condition(demo, "Programmed").await?;
        let remedy = "annotate lanegroup shop graylane.dev/force-removal=true";
        ensure!(
            reason == "Removing" && message.contains(&held) && message.contains(remedy),
            "{reason}: {message}"
        );
        Ok(())
    })
    .await?;
    places.become_these(edge, &OF_CALLERS[..1]).await?;

    let force = json!({ "metadata": { "annotations": { "graylane.dev/force-removal": "true" } } });
    demo.groups().patch("shop", &PatchParams::default(), &Patch::Merge(force)).await?;
    wait::succeeds(DEADLINE, "the group to be let go", async || {
        ensure!(demo.groups().get_opt("shop").await?.is_none(), "it is still there");
        Ok(())
    })
    .await?;
    places.become_these(edge, &[]).await?;
    // It goes as soon as nobody holds it.
    filters.patch(&held, &PatchParams::default(), &hold(json!([]))).await?;
    places.become_these(batch, &[]).await
}
