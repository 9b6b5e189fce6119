//! With a controller: when a change counts as done, and what is said until then.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tests::controller::Controller;
use tests::wait;

use super::shop::Shop;

/// Pods have to start first.
const DEADLINE: Duration = Duration::from_secs(60);

/// A controller of the shop's namespace whose proxies nobody can ask: its pods have no processes.
async fn controller(shop: &Shop) -> Result<Controller> {
    shop.controller(&shop.cluster.kubeconfig()?, "http://127.0.0.1:1/{ip}").await
}

#[tokio::test]
async fn without_a_controller_a_wait_ends_in_time_and_names_what_lags() -> Result<()> {
    let shop = Shop::initialised().await?;
    let args = ["set-lane", "gray", "--header", "x", "--wait", "--timeout", "1s"];
    let late = shop.run(&args).await?.exits(3)?;
    ensure!(
        late.stderr.contains("error: lane gray: the controller has not looked at generation 1 yet\n"),
        "{late:?}"
    );
    ensure!(late.stderr.contains("hint: `lanectl status` shows each service"), "{}", late.stderr);
    shop.run(&["wait", "--timeout=0s"]).await?.exits(3)?;
    shop.ok(&["get", "lane", "gray"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_wait_ends_when_the_lane_admits_and_again_when_it_is_gone() -> Result<()> {
    let shop = Shop::initialised().await?;
    let _controller = controller(&shop).await?;
    let args = ["set-lane", "gray", "--header", "x", "--wait"];
    let unverified = shop.run(&[&args[..], &["--timeout=5s"]].concat()).await?.exits(3)?;
    ensure!(unverified.stderr.contains("could not be asked"), "{}", unverified.stderr);
    let done = shop.ok(&[&args[..], &["--allow-unverified"]].concat()).await?;
    ensure!(done.stderr.contains("proxies run group shop\nwarning: "), "{}", done.stderr);
    shop.ok(&["wait", "gray", "--allow-unverified"]).await?;

    wait::succeeds(DEADLINE, "the pods to be ready", async || {
        let status = shop.ok(&["status", "--group=shop", "-o", "json"]).await?.json()?;
        ensure!(status["observed"] == true && status["proxies"]["total"] == 4, "{status}");
        ensure!(status["lanes"][0]["phase"] == "Admitted", "{status}");
        ensure!(
            status["services"][0]["workloads"]
                == json!([
                    { "name": "a-v1", "lane": "baseline", "ready": 1, "total": 1 },
                    { "name": "a-v2", "lane": "gray", "ready": 1, "total": 1 },
                ]),
            "{status}"
        );
        Ok(())
    })
    .await?;
    let text = shop.ok(&["status"]).await?.stdout;
    ensure!(text.contains("Programmed is False, ProxiesUnverified: "), "{text}");
    ensure!(text.contains("gray   Admitted   -      -         True"), "{text}");

    shop.ok(&["remove-lane", "gray", "--wait", "--allow-unverified"]).await?;
    let group = shop.ok(&["get", "group", "shop", "-o", "json"]).await?.json()?;
    ensure!(group["status"].get("lanes").is_none(), "{group}");
    Ok(())
}

#[tokio::test]
async fn a_lane_that_the_controller_refuses_is_not_waited_for() -> Result<()> {
    let shop = Shop::initialised().await?;
    let _controller = controller(&shop).await?;
    // Past this program, as `kubectl apply` would bring it.
    let rule = json!([{ "name": "bad", "match": { "path": { "regex": "(" } } }]);
    let lane = json!({ "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane", "metadata": { "name": "gray" },
                       "spec": { "group": "shop", "rules": rule } });
    shop.write("lane.json", &lane.to_string())?;
    shop.kubectl(&["apply", "-f", &shop.path("lane.json")]).await?;
    let refused = shop.run(&["wait", "gray", "--timeout=60s"]).await?.exits(4)?;
    ensure!(refused.stderr.contains("error: lane gray: spec.rules[0]"), "{}", refused.stderr);
    let said = shop.run(&["validate"]).await?.exits(4)?;
    ensure!(said.stderr.contains("spec.rules[0]"), "{}", said.stderr);
    Ok(())
}
