//! A proxy whose clock is not the controller's: group, `lanectl` and doctor name it, and nothing is written again and
//! again because time goes on.

use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;
use tests::lanectl::Lanectl;
use tests::wait;

use super::demo::Demo;
use super::{DEADLINE, condition};

/// Passes after which a status that is written again and again would have been written.
const PASSES: u64 = 4;

impl Demo {
    /// The gateway's pod, once it has an address.
    async fn gateway_pod(&self) -> Result<(String, IpAddr)> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client().await?, &self.namespace);
        wait::succeeds(DEADLINE, "the gateway's pod", async || {
            let found = pods.list(&ListParams::default().labels("app=gateway")).await?;
            let pod = found.items.first().context("no pod")?;
            let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_ref());
            Ok((format!("{}/{}", self.namespace, pod.name_any()), address.context("no address")?.parse()?))
        })
        .await
    }

    /// Gives the controller a reason to look at the group now.
    pub(super) async fn touch(&self) -> Result<()> {
        let annotations = json!({ "touched": Timestamp::now().to_string() });
        let patch = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
        self.groups().patch("shop", &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Waits until the condition about clocks has this status; returns reason and message.
    async fn clocks(&self, wanted: &str) -> Result<(String, String)> {
        let found = wait::succeeds(DEADLINE, "what is said of clocks", async || {
            self.touch().await?;
            let (status, reason, message) = condition(self, "ClocksAgree").await?;
            ensure!(status == wanted, "{status}, {reason}: {message}");
            Ok((reason, message))
        });
        self.controller.explains(found.await)
    }

    /// What `lanectl` prints of the namespace, whatever it exits with.
    pub(super) async fn lanectl(&self, args: &[&str]) -> Result<String> {
        let kubeconfig = self.cluster.kubeconfig()?;
        let lanectl = Lanectl::new(self.cluster.dir())?.env("KUBECONFIG", &kubeconfig.to_string_lossy());
        let output = lanectl.run(args.iter().copied().chain(["-n", &self.namespace])).await?;
        Ok(output.stdout + &output.stderr)
    }
}

#[tokio::test]
async fn a_proxy_whose_clock_is_an_hour_ahead_is_named() -> Result<()> {
    let demo = Demo::start().await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }, { "name": "b" }] })).await?;
    demo.clocks("True").await?;
    let quiet = demo.lanectl(&["status"]).await?;
    ensure!(!quiet.contains("Clocks"), "{quiet}");

    let (pod, address) = demo.gateway_pod().await?;
    demo.proxies.set_clock(address, SignedDuration::from_hours(1));
    let (reason, message) = demo.clocks("False").await?;
    ensure!(reason == "ClocksApart", "{reason}");
    ensure!(message.contains(&format!("pod {pod} is 1h ahead; ")), "{message}");
    let status = demo.groups().get("shop").await?.status.context("no status")?;
    ensure!(status.clocks_apart.iter().map(|clock| &clock.pod).eq([&pod]), "{:?}", status.clocks_apart);
    let told = demo.lanectl(&["status"]).await?;
    ensure!(told.contains(&format!("ClocksAgree is False, ClocksApart: {message}")), "{told}");
    let told = demo.lanectl(&["doctor"]).await?;
    ensure!(told.contains("warn    clocks-agree") && told.contains(&message), "{told}");
    let events: Api<Event> = Api::namespaced(demo.cluster.client().await?, &demo.namespace);
    let events = events.list(&ListParams::default()).await?.items;
    let is_told = |event: &&Event| event.reason.as_deref() == Some("ClocksApart");
    ensure!(events.iter().filter(is_told).count() == 1, "{events:#?}");

    // Time goes on, and so does what the proxy says.
    let versions = async || -> Result<_> {
        let group = demo.groups().get("shop").await?;
        let times = group.managed_fields().iter().filter(|fields| fields.subresource.is_some());
        Ok(times.map(|fields| fields.time.clone()).collect::<Vec<_>>())
    };
    let before = versions().await?;
    let passes = demo.controller.passes().await?;
    wait::succeeds(DEADLINE, "further passes", async || {
        demo.touch().await?;
        let now = demo.controller.passes().await?;
        ensure!(now >= passes + PASSES, "{now} passes");
        Ok(())
    })
    .await?;
    ensure!(versions().await? == before, "the status was written though nothing was new");

    demo.proxies.set_clock(address, SignedDuration::ZERO);
    demo.clocks("True").await?;
    let status = demo.groups().get("shop").await?.status.context("no status")?;
    ensure!(status.clocks_apart.is_empty(), "{:?}", status.clocks_apart);
    Ok(())
}
