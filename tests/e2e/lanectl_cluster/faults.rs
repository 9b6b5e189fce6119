//! Faults on a cluster: `lanectl fault` writes objects, the controller judges them and gives them to the proxies.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::wait;

use super::shop::Shop;
use crate::controller::fake_proxies::FakeProxies;

/// How long the controller may take.
const DEADLINE: Duration = Duration::from_secs(90);
const WAIT: [&str; 2] = ["--wait", "--timeout=60s"];

/// The configuration of the filter before a workload, as its EnvoyFilter has it.
async fn inbound(shop: &Shop, workload: &str) -> Result<Value> {
    let filters = shop.kubectl(&["get", "envoyfilters", "-o", "json"]).await?.json()?;
    let items = filters["items"].as_array().context("a list")?.iter();
    let patches = items.filter_map(|item| item["spec"]["configPatches"].as_array()).flatten();
    let start = format!("graylane.inbound.{}.{workload}.", shop.namespace);
    let mut resources = patches.map(|patch| &patch["patch"]["value"]);
    let resource = resources.find(|value| {
        let is_it = value["name"].as_str().is_some_and(|name| name.starts_with(&start));
        is_it && value.pointer("/typed_config/config").is_some()
    });
    let text = resource.and_then(|value| value.pointer("/typed_config/config/configuration/value"));
    Ok(serde_json::from_str(text.and_then(Value::as_str).context("no inbound filter")?)?)
}

/// The names of the faults before a workload.
async fn injected(shop: &Shop, workload: &str) -> Result<Vec<String>> {
    let config = inbound(shop, workload).await?;
    let faults = config["faults"].as_array().into_iter().flatten();
    Ok(faults.filter_map(|fault| fault["name"].as_str()).map(str::to_owned).collect())
}

async fn condition(shop: &Shop, fault: &str, kind: &str) -> Result<(String, String)> {
    let fault = shop.kubectl(&["get", "lanefault", fault, "-o", "json"]).await?.json()?;
    let conditions = fault["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.into_iter().find(|condition| condition["type"] == kind).context("no condition")?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Ok((text("status"), text("message")))
}

#[tokio::test]
async fn faults_come_and_go() -> Result<()> {
    let shop = Shop::initialised().await?;
    let proxies = FakeProxies::start().await?;
    let _controller = shop.controller(&shop.cluster.kubeconfig()?, &proxies.metrics()).await?;
    shop.ok(&[&["set-lane", "gray", "--header", "x-gray"][..], &WAIT].concat()).await?;

    let set = |name: &'static str, flags: &[&'static str]| {
        [&["fault", "set", name, "--expires", "1h"][..], flags].concat()
    };
    let slow = set("slow", &["--to", "b", "--lane", "gray", "--percent", "30", "--delay", "5s"]);
    let unarmed = shop.run(&slow).await?.exits(4)?;
    ensure!(unarmed.stderr.contains("have no place for faults"), "{}", unarmed.stderr);
    ensure!(injected(&shop, "b-v1").await.is_err(), "there is an inbound filter without faults");

    shop.kubectl(&["patch", "lanegroup", "shop", "--type=merge", "-p", r#"{"spec":{"faults":{}}}"#]).await?;
    shop.ok(&["wait", "--timeout=60s"]).await?;
    shop.ok(&[&slow[..], &WAIT].concat()).await?;
    ensure!(injected(&shop, "b-v1").await? == ["slow"], "{:?}", injected(&shop, "b-v1").await?);
    ensure!(injected(&shop, "a-v1").await?.is_empty(), "a has a fault that is for b");
    ensure!(condition(&shop, "slow", "Accepted").await?.0 == "True");
    ensure!(condition(&shop, "slow", "Programmed").await?.0 == "True");
    let listed = shop.ok(&["fault", "list"]).await?.stdout;
    ensure!(listed.contains("slow") && listed.contains("delay 5s") && listed.contains("30%"), "{listed}");

    refused(&shop).await?;
    let status = shop.kubectl(&["get", "lanegroup", "shop", "-o", "json"]).await?.json()?;
    ensure!(status["status"]["faults"] == json!(["slow"]), "{}", status["status"]["faults"]);

    shop.ok(&[&set("broken", &["--to", "a", "--abort", "503"])[..], &WAIT].concat()).await?;
    let stopped = shop.ok(&[&["fault", "stop", "--all"][..], &WAIT].concat()).await?;
    ensure!(stopped.stderr.contains("fault broken stopped\nfault slow stopped\n"), "{}", stopped.stderr);
    for workload in ["a-v1", "b-v1"] {
        ensure!(injected(&shop, workload).await?.is_empty(), "{workload} still has a fault");
    }
    let gone = shop.run(&["fault", "stop", "slow"]).await?.exits(1)?;
    ensure!(gone.stderr.contains("slow"), "{}", gone.stderr);
    Ok(())
}

/// What makes no sense is refused by the API server, or said by the controller, and never injected.
async fn refused(shop: &Shop) -> Result<()> {
    let object = |spec: Value| {
        json!({ "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneFault",
            "metadata": { "name": "odd", "namespace": shop.namespace }, "spec": spec })
    };
    let end = "2100-01-01T00:00:00Z";
    for (spec, said) in [
        (json!({"group": "shop", "to": "b", "abort": {"http": 503}}), "expires"),
        (json!({"group": "shop", "to": "b", "expires": end}), "nothing would happen"),
        (json!({"group": "shop", "to": "b", "expires": end, "abort": {"http": 99}}), "abort.http"),
    ] {
        shop.write("odd.json", &object(spec).to_string())?;
        let file = shop.path("odd.json");
        let output = shop.cluster.kubectl()?.run(["apply", "-f", &file]).await?;
        ensure!(output.code != Some(0) && output.stderr.contains(said), "{said}: {}", output.stderr);
    }
    let nowhere = json!({"group": "shop", "to": "nowhere", "expires": end, "abort": {"http": 503}});
    shop.write("odd.json", &object(nowhere).to_string())?;
    shop.kubectl(&["apply", "-f", &shop.path("odd.json")]).await?;
    wait::succeeds(DEADLINE, "the fault to be judged", async || {
        let (status, message) = condition(shop, "odd", "Accepted").await?;
        ensure!(status == "False" && message.contains("nowhere is no service of the group"), "{message}");
        Ok(())
    })
    .await?;
    shop.kubectl(&["delete", "lanefault", "odd"]).await?;
    Ok(())
}
