//! The controller on a real API server: from lane groups and lanes to Istio's objects, and back to nothing.

mod bad_edits;
mod clocks;
mod demo;
mod endings;
pub(super) use tests::fake_proxies;
mod faults;
mod http_routes;
mod namespaces;
mod releases;
mod rights;
mod several_groups;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use controller::cluster::crd::{Lane, LaneGroup};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::json;
use tests::wait;

use demo::Demo;
use fake_proxies::FakeProxies;

/// Pods have to start first.
const DEADLINE: Duration = Duration::from_secs(60);

/// Kind and name, without the prefix of the group.
type Found = BTreeSet<String>;

async fn objects(demo: &Demo) -> Result<Found> {
    let mut found = Found::new();
    for kind in ["EnvoyFilter", "DestinationRule"] {
        let objects: Vec<DynamicObject> = demo.istio(kind).list(&demo.ours()).await?.items;
        found.extend(objects.into_iter().filter_map(|object| {
            let name = object.metadata.name?;
            let prefix = format!("graylane.{}.shop.", demo.namespace);
            Some(format!("{kind} {}", name.strip_prefix(&prefix).unwrap_or(&name)))
        }));
    }
    Ok(found)
}

async fn condition(demo: &Demo, kind: &str) -> Result<(String, String, String)> {
    condition_of(demo, "shop", kind).await
}

async fn condition_of(demo: &Demo, group: &str, kind: &str) -> Result<(String, String, String)> {
    let group: LaneGroup = demo.groups().get(group).await?;
    let conditions = group.status.map(|status| status.conditions).unwrap_or_default();
    let found = conditions.into_iter().find(|condition| condition.kind == kind);
    Ok(found.map(|found| (found.status, found.reason, found.message)).unwrap_or_default())
}

#[tokio::test]
async fn a_group_and_its_lane_become_istios_objects_and_go_without_a_trace() -> Result<()> {
    let demo = Demo::start().await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }, { "name": "b" }] })).await?;
    wait::succeeds(DEADLINE, "the group is programmed", async || {
        let programmed = condition(&demo, "Programmed").await?;
        ensure!(programmed.0 == "True", "{programmed:?}");
        Ok(())
    })
    .await?;
    // Before any lane there is a baseline, and a filter where one will be needed.
    let without_lanes = objects(&demo).await?;
    ensure!(
        without_lanes.iter().any(|name| name.starts_with("DestinationRule subsets.a.")),
        "{without_lanes:?}"
    );
    ensure!(without_lanes.contains("EnvoyFilter routes"), "{without_lanes:?}");

    // Proxies that have not followed: the lane is routed, and admits nobody.
    demo.proxies.run(1);
    let rules = json!([{ "name": "testers", "match": { "header": { "name": "x-gray" } } }]);
    demo.set_lane("gray", json!({ "group": "shop", "rules": rules })).await?;
    wait::succeeds(DEADLINE, "the lane is routed", async || {
        let found = objects(&demo).await?;
        ensure!(found.contains("EnvoyFilter clusters"), "{found:?}");
        let (status, reason, message) = condition(&demo, "Programmed").await?;
        ensure!((status.as_str(), reason.as_str()) == ("False", "ProxiesBehind"), "{reason}: {message}");
        Ok(())
    })
    .await?;
    ensure!(
        !demo.at_the_gateway().await?.contains("testers"),
        "requests are admitted before they are routed"
    );

    demo.proxies.run(FakeProxies::NEWEST);
    wait::succeeds(DEADLINE, "the lane admits requests", async || {
        ensure!(demo.at_the_gateway().await?.contains("testers"), "nobody is admitted");
        let lane: Lane = demo.lanes().get("gray").await?;
        let conditions = lane.status.map(|status| status.conditions).unwrap_or_default();
        let good = |kind: &str| conditions.iter().any(|c| c.kind == kind && c.status == "True");
        ensure!(good("Accepted") && good("Programmed"), "{conditions:?}");
        Ok(())
    })
    .await?;

    demo.groups().delete("shop", &DeleteParams::default()).await?;
    wait::succeeds(DEADLINE, "everything is gone", async || {
        let found = objects(&demo).await?;
        ensure!(found.is_empty(), "{found:?}");
        ensure!(demo.groups().get_opt("shop").await?.is_none(), "the group is still there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_the_api_server_or_said_in_a_condition() -> Result<()> {
    let demo = Demo::start().await?;
    let refused = demo.set_group(json!({ "entries": [], "services": [{ "name": "a" }] })).await;
    let said = format!("{:#}", refused.expect_err("a group without an entry was accepted"));
    ensure!(said.contains("there is no entry; name the gateway that requests come through"), "{said}");

    demo.set_group(json!({
        "entries": ["gateway", "istio-system/ingress"],
        "services": [{ "name": "a" }, { "name": "nowhere" }],
    }))
    .await?;
    wait::succeeds(DEADLINE, "the conditions say what is missing", async || {
        let (status, reason, message) = condition(&demo, "ResolvedRefs").await?;
        ensure!((status.as_str(), reason.as_str()) == ("False", "ServiceNotFound"), "{reason}: {message}");
        let (status, reason, message) = condition(&demo, "Programmed").await?;
        ensure!(
            (status.as_str(), reason.as_str()) == ("False", "NamespaceNotGranted"),
            "{reason}: {message}"
        );
        ensure!(
            message.contains("kubectl annotate namespace istio-system graylane.dev/accept-from="),
            "{message}"
        );
        Ok(())
    })
    .await?;

    demo.set_lane(
        "gray",
        json!({ "group": "shop", "rules": [
        { "name": "bad", "match": { "header": { "name": "x-gray", "value": { "regex": "(" } } } }] }),
    )
    .await?;
    wait::succeeds(DEADLINE, "the lane is not accepted", async || {
        let lane: Lane = demo.lanes().get("gray").await?;
        let conditions = lane.status.map(|status| status.conditions).unwrap_or_default();
        let accepted = conditions.into_iter().find(|condition| condition.kind == "Accepted");
        let message = accepted.filter(|accepted| accepted.status == "False").map(|accepted| accepted.message);
        ensure!(message.as_ref().is_some_and(|text| text.contains("spec.rules[0]")), "{message:?}");
        Ok(())
    })
    .await
}

/// The first one is killed as `kill -9` does, so that its lease has to run out.
#[tokio::test]
async fn of_two_controllers_one_acts_and_the_other_takes_over() -> Result<()> {
    let mut demo = Demo::start().await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }] })).await?;
    wait::succeeds(DEADLINE, "the group is programmed", async || {
        let programmed = condition(&demo, "Programmed").await?;
        ensure!(programmed.0 == "True", "{programmed:?}");
        Ok(())
    })
    .await?;
    let second = demo.another_controller().await?;
    let rules = json!([{ "name": "testers", "match": { "header": { "name": "x-gray" } } }]);
    demo.set_lane("gray", json!({ "group": "shop", "rules": rules })).await?;
    wait::succeeds(DEADLINE, "the lane admits requests", async || {
        ensure!(demo.at_the_gateway().await?.contains("testers"), "nobody is admitted");
        Ok(())
    })
    .await?;
    ensure!(second.passes().await? == 0, "both act");

    drop(std::mem::replace(&mut demo.controller, second));
    demo.lanes().delete("gray", &DeleteParams::default()).await?;
    wait::succeeds(DEADLINE, "the lane is gone", async || {
        ensure!(!demo.at_the_gateway().await?.contains("testers"), "requests are admitted");
        let found = objects(&demo).await?;
        ensure!(!found.contains("EnvoyFilter clusters"), "{found:?}");
        Ok(())
    })
    .await?;
    ensure!(demo.controller.passes().await? > 0, "the second one has done nothing");
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changes() -> Result<()> {
    let demo = Demo::start().await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }] })).await?;
    wait::succeeds(DEADLINE, "the group is programmed", async || {
        let programmed = condition(&demo, "Programmed").await?;
        ensure!(programmed.0 == "True", "{programmed:?}");
        // These proxies say that they run what the gateway has not even been told.
        let status = demo.groups().get("shop").await?.status.context("no status")?;
        let newest = format!("generation\\\":{},", status.rules_generation);
        let gateway = demo.at_the_gateway().await?;
        ensure!(gateway.contains(&newest), "{newest} is not in {gateway}");
        Ok(())
    })
    .await?;
    let before = demo.versions().await?;
    // A change that says nothing new, which every watch sees.
    let annotated = json!({ "metadata": { "annotations": { "touched": "1" } } });
    let api: Api<LaneGroup> = demo.groups();
    api.patch("shop", &PatchParams::default(), &Patch::Merge(annotated)).await?;
    let passes = demo.controller.passes().await?;
    wait::succeeds(DEADLINE, "another pass", async || {
        let now = demo.controller.passes().await?;
        ensure!(now > passes, "{now} passes");
        Ok(())
    })
    .await?;
    ensure!(demo.versions().await? == before, "{before:?} became {:?}", demo.versions().await?);
    Ok(())
}
