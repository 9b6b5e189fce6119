//! The controller is killed when it has announced the end of a lane, and before it has said so in the lane's status.

use anyhow::{Context as _, Result, ensure};
use controller::ending::NOTICE;
use serde_json::json;
use tests::api_proxy::Moment;
use tests::wait;

use super::super::demo::Demo;
use super::super::endings::{LIFETIME, key};
use super::stage::{DEADLINE, Stage};

#[tokio::test]
async fn an_announcement_is_not_repeated_by_the_successor_of_whoever_made_it() -> Result<()> {
    let mut stage = Stage::set(Demo::cluster().await?).await?;
    let services = json!([{ "name": "a" }, { "name": "b" }]);
    stage.demo.set_group(json!({ "entries": ["gateway"], "services": services })).await?;
    stage.demo.set_lane("gray", json!({ "group": "shop" })).await?;
    stage.settled().await?;
    let end = stage.demo.end_in("gray", NOTICE + LIFETIME).await?;
    wait::succeeds(DEADLINE, "the end to be everywhere", async || {
        let lane = stage.demo.lanes().get("gray").await?;
        let observed = lane.status.and_then(|status| status.observed_generation);
        ensure!(observed == lane.metadata.generation, "the lane: {observed:?}");
        let at_the_gateway = stage.demo.at_the_gateway().await?;
        ensure!(at_the_gateway.contains(&end.as_millisecond().to_string()), "{at_the_gateway}");
        Ok(())
    })
    .await?;
    stage.settled().await?;
    ensure!(stage.demo.announced("gray").await?.is_empty(), "its end is far");

    // Nothing is written until it is time.
    stage.proxy.count_from_here(Some((1, Moment::After)));
    let held = wait::succeeds(DEADLINE, "the announcement", async || stage.proxy.held().context("nothing"));
    let held = stage.demo.controller.explains(held.await)?;
    ensure!(held.starts_with("POST ") && held.ends_with("/events"), "{held}");
    ensure!(stage.demo.ending("gray").await?.is_none(), "the status was written first");
    let announced = stage.demo.announced("gray").await?;
    ensure!(announced.keys().eq([&key("EndsSoon", end)]), "{announced:?}");

    stage.proxy.count_from_here(None);
    stage.kill_and_replace().await?;
    stage.demo.until_it_says("gray", "EndsSoon", end).await?;
    ensure!(stage.demo.announced("gray").await? == announced, "it was announced anew");
    Ok(())
}
