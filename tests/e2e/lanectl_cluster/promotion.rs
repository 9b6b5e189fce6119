//! `lanectl promote`, `rollback` and `history`, with a controller that carries them out.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use controller::cluster::client::{Access, Cluster, Error};
use tests::controller::Controller;

use super::shop::Shop;
use crate::controller::fake_proxies::FakeProxies;

/// The image of a's baseline.
async fn image(shop: &Shop) -> Result<String> {
    let path = "jsonpath={.spec.template.spec.containers[0].image}";
    Ok(shop.kubectl(&["get", "deployment", "a-v1", "-o", path]).await?.stdout)
}

/// The shop with a controller, and a lane that serves a new version.
async fn with_lane() -> Result<(Shop, Controller, FakeProxies)> {
    let shop = Shop::initialised().await?;
    let proxies = FakeProxies::start().await?;
    let controller = controller(&shop, &proxies, &shop.cluster.kubeconfig()?).await?;
    shop.kubectl(&["set", "image", "deployment/a-v2", "app=example.com/app:2"]).await?;
    shop.kubectl(&["rollout", "status", "deployment/a-v2", "--timeout=60s"]).await?;
    set(&shop).await?;
    Ok((shop, controller, proxies))
}

async fn controller(shop: &Shop, proxies: &FakeProxies, kubeconfig: &Path) -> Result<Controller> {
    shop.controller(kubeconfig, &proxies.metrics()).await
}

async fn set(shop: &Shop) -> Result<()> {
    shop.ok(&["set-lane", "gray", "--header", "x-gray", "--wait", "--timeout=60s"]).await.map(drop)
}

#[tokio::test]
async fn a_lane_is_promoted_and_rolled_back_from_the_command_line() -> Result<()> {
    let (shop, controller, _proxies) = with_lane().await?;
    let preview = shop.ok(&["promote", "gray", "--dry-run=server"]).await?;
    let row: Vec<&str> = preview.stdout.lines().nth(1).context("no row")?.split_whitespace().collect();
    ensure!(row[1] == format!("{}/a-v1", shop.namespace), "{}", preview.stdout);
    ensure!(row.contains(&"example.com/app:2,"), "{}", preview.stdout);
    ensure!(image(&shop).await? == "example.com/app:1", "a dry run has changed the baseline");

    let promote = ["promote", "gray", "--group=shop", "--wait", "--timeout=60s"];
    let promoted = controller.explains(shop.ok(&promote).await)?;
    ensure!(promoted.stderr.contains("lane gray: Promoted\n"), "{}", promoted.stderr);
    ensure!(image(&shop).await? == "example.com/app:2", "{}", image(&shop).await?);
    // A pipeline whose agent was lost runs it again.
    let again = shop.ok(&promote).await?;
    ensure!(again.stderr == "lane gray is Promoted already\n", "{}", again.stderr);
    shop.ok(&["wait", "--timeout=60s"]).await?;
    let status = shop.ok(&["status"]).await?.stdout;
    ensure!(status.contains("Promoted"), "{status}");

    let rollback = ["rollback", "gray", "--wait", "--timeout=60s"];
    let rolled_back = shop.ok(&rollback).await?;
    ensure!(rolled_back.stderr.contains("lane gray: RolledBack\n"), "{}", rolled_back.stderr);
    ensure!(image(&shop).await? == "example.com/app:1", "{}", image(&shop).await?);

    // The same name again, for the next version.
    shop.kubectl(&["scale", "deployment/a-v2", "--replicas=1"]).await?;
    set(&shop).await?;
    let history = shop.ok(&["history", "gray"]).await?.stdout;
    let rows: Vec<Vec<&str>> =
        history.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    ensure!(
        rows == [
            ["LANE", "CHANGE", "BY", "RESULT"],
            ["gray", "Set", "admin", "Admitted"],
            ["gray", "Promote", "admin", "Promoted"],
            ["gray", "Rollback", "admin", "RolledBack"],
            ["gray", "Set", "admin", "Admitted"],
        ],
        "{history}"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_promoted_is_said_with_a_code_of_its_own() -> Result<()> {
    let (shop, _controller, _proxies) = with_lane().await?;
    let missing = shop.run(&["rollback", "blue"]).await?.exits(1)?;
    ensure!(missing.stderr.starts_with("error: there is no lane blue\n"), "{}", missing.stderr);
    shop.ok(&["rollback", "blue", "--ignore-not-found"]).await?;

    shop.kubectl(&["rollout", "pause", "deployment/a-v1"]).await?;
    let preview = shop.run(&["promote", "gray", "--dry-run=server"]).await?.exits(4)?;
    ensure!(preview.stderr.contains("its rollouts are paused; run `kubectl rollout resume`"), "{preview:?}");
    let refused = shop.run(&["promote", "gray", "--wait", "--timeout=60s"]).await?.exits(4)?;
    ensure!(refused.stderr.contains("error: lane gray: Deployment "), "{}", refused.stderr);
    ensure!(refused.stderr.ends_with("hint: nothing was changed\n"), "{}", refused.stderr);

    // What came to nothing can be tried again.
    shop.kubectl(&["rollout", "resume", "deployment/a-v1"]).await?;
    shop.ok(&["promote", "gray", "--wait", "--timeout=60s", "--keep"]).await?;
    ensure!(image(&shop).await? == "example.com/app:2", "{}", image(&shop).await?);
    Ok(())
}

#[tokio::test]
async fn what_the_controller_notes_meanwhile_does_not_stop_a_request() -> Result<()> {
    let shop = Shop::initialised().await?;
    shop.ok(&["set-lane", "gray", "--header", "x"]).await?;
    let access = Access {
        kubeconfig: Some(shop.cluster.kubeconfig()?),
        context: None,
        namespace: Some(shop.namespace.clone()),
    };
    let cluster = Cluster::connect(&access).await?;
    let lane = cluster.lane(&"gray".parse()?).await?.context("no lane")?;
    // Another version of the object that asks for the same, as the controller's status makes one.
    shop.kubectl(&["annotate", "lane", "gray", "example.com/note=1"]).await?;
    cluster.ask(&lane, None).await?;
    shop.ok(&["set-lane", "gray", "--header", "y"]).await?;
    let overtaken = cluster.ask(&lane, None).await;
    ensure!(matches!(overtaken, Err(Error::Overtaken(_))), "{overtaken:?}");
    Ok(())
}
