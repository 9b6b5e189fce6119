//! Several groups at one gateway, and several groups with one service.

use anyhow::{Context as _, Result, ensure};
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tests::wait;

use super::demo::Demo;
use super::{DEADLINE, condition_of};

async fn programmed(demo: &Demo, group: &str) -> Result<()> {
    wait::succeeds(DEADLINE, "the group is programmed", async || {
        let programmed = condition_of(demo, group, "Programmed").await?;
        ensure!(programmed.0 == "True", "{group}: {programmed:?}");
        Ok(())
    })
    .await
}

/// A lane that admits requests with a header of its own name.
async fn set_lane(demo: &Demo, name: &str, group: &str) -> Result<()> {
    let rule =
        json!({ "name": format!("by-{name}"), "match": { "header": { "name": format!("x-{name}") } } });
    demo.set_lane(name, json!({ "group": group, "rules": [rule] })).await?;
    wait::succeeds(DEADLINE, "the lane admits requests", async || {
        let found = demo.at_the_gateway().await?;
        ensure!(found.contains(&format!("by-{name}")), "{found}");
        Ok(())
    })
    .await
}

/// What the gateway has of one group: its filter and the configuration of it.
async fn of_group(demo: &Demo, group: &str) -> Result<Vec<Value>> {
    let object = demo.istio("EnvoyFilter").get("graylane.entry.gateway").await?;
    let patches =
        object.data.pointer("/spec/configPatches").and_then(Value::as_array).context("no patches")?;
    let suffix = format!(".{}.{group}", demo.namespace);
    let is_of_group = |patch: &&Value| {
        patch.pointer("/patch/value/name").and_then(Value::as_str).is_some_and(|name| name.ends_with(&suffix))
    };
    Ok(patches.iter().filter(is_of_group).cloned().collect())
}

#[tokio::test]
async fn a_gateway_serves_several_groups_and_keeps_what_the_others_have() -> Result<()> {
    let demo = Demo::start().await?;
    for (group, service) in [("shop", "a"), ("books", "b")] {
        demo.set_named_group(group, json!({ "entries": ["gateway"], "services": [{ "name": service }] }))
            .await?;
    }
    set_lane(&demo, "gray", "shop").await?;
    set_lane(&demo, "blue", "books").await?;
    for group in ["shop", "books"] {
        programmed(&demo, group).await?;
    }
    let before = of_group(&demo, "books").await?;
    ensure!(before.len() == 2, "not a filter and its configuration: {before:?}");

    demo.groups().delete("shop", &DeleteParams::default()).await?;
    wait::succeeds(DEADLINE, "the group is gone", async || {
        ensure!(demo.groups().get_opt("shop").await?.is_none(), "it is still there");
        let rest = of_group(&demo, "shop").await?;
        ensure!(rest.is_empty(), "{rest:?}");
        Ok(())
    })
    .await?;
    ensure!(of_group(&demo, "books").await? == before, "the other group has changed");
    programmed(&demo, "books").await
}

#[tokio::test]
async fn of_two_groups_that_disagree_on_a_service_the_younger_waits_until_the_elder_is_gone() -> Result<()> {
    let demo = Demo::start().await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }] })).await?;
    programmed(&demo, "shop").await?;
    let other = json!({ "entries": ["gateway"], "services": [{ "name": "a" }], "laneHeader": "x-other" });
    // Objects of one second are told apart by name, and this one comes after the other.
    demo.set_named_group("toys", other).await?;
    wait::succeeds(DEADLINE, "the younger group is refused", async || {
        let (status, reason, message) = condition_of(&demo, "toys", "Accepted").await?;
        ensure!((status.as_str(), reason.as_str()) == ("False", "ConflictingGroup"), "{reason}: {message}");
        let elder = format!("LaneGroup {}/shop", demo.namespace);
        ensure!(message.contains(&elder) && message.contains("x-other"), "{message}");
        Ok(())
    })
    .await?;
    ensure!(of_group(&demo, "toys").await?.is_empty(), "the younger group is in force");
    programmed(&demo, "shop").await?;

    demo.groups().delete("shop", &DeleteParams::default()).await?;
    programmed(&demo, "toys").await?;
    ensure!(!of_group(&demo, "toys").await?.is_empty(), "nothing of it is in force");
    Ok(())
}

#[tokio::test]
async fn groups_that_share_a_service_know_the_lanes_of_each_other_there() -> Result<()> {
    let demo = Demo::start().await?;
    for (group, services) in
        [("shop", json!([{ "name": "a" }])), ("books", json!([{ "name": "a" }, { "name": "b" }]))]
    {
        demo.set_named_group(group, json!({ "entries": ["gateway"], "services": services })).await?;
    }
    // The only workload of a lane is one of gray, of a.
    set_lane(&demo, "gray", "shop").await?;
    let host = format!("a.{}.svc.cluster.local:8080", demo.namespace);
    wait::succeeds(DEADLINE, "both groups route the lane", async || {
        let mut seen = Vec::new();
        for group in ["shop", "books"] {
            let name = format!("graylane.{}.{group}.routes", demo.namespace);
            let object = demo.istio("EnvoyFilter").get(&name).await?;
            let patches = object.data.pointer("/spec/configPatches").and_then(Value::as_array).cloned();
            let here = patches.into_iter().flatten().find(|patch| patch.to_string().contains(&host));
            seen.push(here.context("no route of the service")?);
        }
        ensure!(seen.iter().all(|patch| patch.to_string().contains("gray")), "{seen:?}");
        ensure!(seen.first() == seen.last(), "they differ: {seen:?}");
        Ok(())
    })
    .await
}
