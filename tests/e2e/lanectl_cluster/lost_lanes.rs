//! The hops that lose lanes: the controller reads them off the metrics of pods, and `lanectl status` names them.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::wait;

use super::shop::Shop;
use crate::controller::fake_proxies::FakeProxies;

/// Pods have to start first.
const DEADLINE: Duration = Duration::from_secs(60);

/// A statistic of the filter behind an application.
fn restored(lane: &str, reason: &str, requests: u64) -> String {
    let labels = format!("role=\"outbound\",lane=\"{lane}\",reason=\"{reason}\"");
    format!("graylane_restored_total{{{labels}}} {requests}\n")
}

/// The address of an application's pod.
async fn address(shop: &Shop, app: &str, version: &str) -> Result<IpAddr> {
    let labels = format!("app={app},version={version}");
    let path = "jsonpath={.items[0].status.podIP}";
    wait::succeeds(DEADLINE, "a pod with an address", async || {
        let ip = shop.kubectl(&["get", "pods", "-l", &labels, "-o", path]).await?.stdout;
        ip.parse().with_context(|| format!("{labels} has {ip:?}"))
    })
    .await
}

/// Waits until the status says this; each look is followed by a pass, as a change makes one.
async fn status_becomes(shop: &Shop, wanted: &Value) -> Result<()> {
    let mut looks = 0;
    wait::succeeds(DEADLINE, "the status to name who loses lanes", async || {
        looks += 1;
        let touched = format!("touched={looks}");
        shop.kubectl(&["annotate", "--overwrite", "lanegroup", "shop", &touched]).await?;
        let status = shop.ok(&["status", "--group=shop", "-o", "json"]).await?.json()?;
        ensure!(status["lostLanes"] == *wanted, "{} instead of {wanted}", status["lostLanes"]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn status_names_the_hop_that_loses_a_lane_and_what_to_do() -> Result<()> {
    let shop = Shop::initialised().await?;
    let proxies = FakeProxies::start().await?;
    let _controller = shop.controller(&shop.cluster.kubeconfig()?, &proxies.metrics()).await?;
    shop.ok(&["set-lane", "gray", "--header", "x-gray", "--wait", "--timeout=60s"]).await?;
    status_becomes(&shop, &json!([])).await?;
    let text = shop.ok(&["status"]).await?.stdout;
    ensure!(!text.contains("LOSES LANES"), "{text}");

    // b is on the baseline and forwards a trace alone; a's gray version forwards nothing. Baggage carries a lane, and
    // blue is no lane of the group.
    let (a, b) = (address(&shop, "a", "v2").await?, address(&shop, "b", "v1").await?);
    proxies.count(a, &restored("gray", "workload", 3));
    proxies.count(b, &(restored("gray", "trace", 7) + &restored("gray", "baggage", 9)));
    let lost = |name: &str, workload: &str, reason: &str, requests: u64| {
        let service = format!("{}/{name}", shop.namespace);
        json!({ "service": service, "workload": workload, "lane": "gray", "reason": reason, "requests": requests })
    };
    let both = json!([lost("a", "a-v2", "workload", 3), lost("b", "b-v1", "trace", 7)]);
    status_becomes(&shop, &both).await?;
    let text = shop.ok(&["status"]).await?.stdout;
    for (hop, found) in [("a/a-v2", "the workload's own lane"), ("b/b-v1", "the request's trace")] {
        let hop = format!("{}/{hop}", shop.namespace);
        let line = text.lines().find(|line| line.starts_with(&hop)).unwrap_or_default();
        ensure!(line.contains("gray") && line.ends_with(found), "{text}");
    }
    ensure!(text.contains("let them copy the lane header or"), "no remedy in {text}");

    // A number is written anew when it has doubled; who was mended is named no more.
    proxies.count(b, &(restored("gray", "trace", 14) + &restored("blue", "trace", 5)));
    proxies.count(a, "");
    status_becomes(&shop, &json!([lost("b", "b-v1", "trace", 14)])).await
}
