//! Promotion and rollback, as the controller carries them out on workloads that really roll out.

use anyhow::{Context as _, Result, ensure};
use controller::cluster::crd::Lane;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use lane::model::{Change, ReleasePhase, ReleaseStatus};
use serde_json::{Value, json};
use tests::wait;

use super::DEADLINE;
use super::demo::Demo;

const OLD: &str = "example.com/app:1";
const NEW: &str = "example.com/app:2";

/// What a workload runs, how many pods are ready, and how many are wanted.
#[derive(Debug, PartialEq, Eq)]
struct Runs {
    image: String,
    ready: i32,
    wanted: i32,
}

async fn runs(demo: &Demo, name: &str) -> Result<Runs> {
    let Deployment { spec, status, .. } = demo.deployments().get(name).await?;
    let spec = spec.context("no spec")?;
    let containers = spec.template.spec.context("no pod spec")?.containers;
    Ok(Runs {
        image: containers.into_iter().next().and_then(|app| app.image).unwrap_or_default(),
        ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
        wanted: spec.replicas.unwrap_or(1),
    })
}

fn running(image: &str, pods: i32) -> Runs {
    Runs { image: image.to_owned(), ready: pods, wanted: pods }
}

/// The lane gray admits requests.
async fn admitted(demo: &Demo) -> Result<()> {
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }, { "name": "b" }] })).await?;
    let rules = json!([{ "name": "testers", "match": { "header": { "name": "x-gray" } } }]);
    demo.set_lane("gray", json!({ "group": "shop", "rules": rules })).await?;
    wait::succeeds(DEADLINE, "the lane admits requests", async || {
        ensure!(demo.at_the_gateway().await?.contains("testers"), "nobody is admitted");
        Ok(())
    })
    .await
}

pub(super) async fn ask(demo: &Demo, release: Value) -> Result<()> {
    let patch = Patch::Merge(json!({ "spec": { "release": release } }));
    demo.lanes().patch("gray", &PatchParams::default(), &patch).await?;
    Ok(())
}

async fn release(demo: &Demo) -> Result<ReleaseStatus> {
    let lane: Lane = demo.lanes().get("gray").await?;
    lane.status.and_then(|status| status.release).context("the controller says nothing of a release")
}

/// Waits until the release with this request has ended; returns its phase and message.
pub(super) async fn ended(demo: &Demo, request: &str) -> Result<(ReleasePhase, String)> {
    let found = wait::succeeds(DEADLINE, "the release to end", async || {
        let release = release(demo).await?;
        ensure!(release.request == request && release.phase.is_final(), "{release:?}");
        Ok((release.phase, release.message))
    });
    demo.controller.explains(found.await)
}

async fn annotate_baseline(demo: &Demo, patch: Value) -> Result<()> {
    demo.deployments().patch("a-v1", &PatchParams::default(), &Patch::Merge(patch)).await?;
    wait::succeeds(DEADLINE, "the baseline to run again", async || {
        let status = demo.deployments().get("a-v1").await?.status.context("no status")?;
        ensure!(status.updated_replicas == Some(1) && status.ready_replicas == Some(1), "{status:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_baseline_takes_the_lanes_version_and_gives_it_back() -> Result<()> {
    let demo = Demo::start().await?;
    admitted(&demo).await?;
    ask(&demo, json!({ "action": "Promote", "request": "one", "by": "jane" })).await?;
    ensure!(ended(&demo, "one").await? == (ReleasePhase::Promoted, String::new()));
    ensure!(runs(&demo, "a-v1").await? == running(NEW, 1), "{:?}", runs(&demo, "a-v1").await?);
    ensure!(runs(&demo, "b-v1").await? == running(OLD, 1), "a service without a gray version has changed");
    ensure!(!demo.at_the_gateway().await?.contains("testers"), "the lane admits requests");
    wait::succeeds(DEADLINE, "the lane's pods to go", async || {
        let found = runs(&demo, "a-v2").await?;
        ensure!(found == running(NEW, 0), "{found:?}");
        Ok(())
    })
    .await?;

    ask(&demo, json!({ "action": "Rollback", "request": "two" })).await?;
    ensure!(ended(&demo, "two").await? == (ReleasePhase::RolledBack, String::new()));
    ensure!(runs(&demo, "a-v1").await? == running(OLD, 1), "{:?}", runs(&demo, "a-v1").await?);

    let group = demo.groups().get("shop").await?;
    let history = group.status.map(|status| status.history).unwrap_or_default();
    let seen: Vec<_> = history.iter().map(|entry| (entry.change, entry.result.as_str())).collect();
    let wanted = [(Change::Set, "Admitted"), (Change::Promote, "Promoted"), (Change::Rollback, "RolledBack")];
    ensure!(seen == wanted, "{history:?}");
    ensure!(history[1].by.as_deref() == Some("jane"), "{history:?}");
    Ok(())
}

/// A lane's name comes again with every release, so that what an earlier one has promoted is none of its business.
#[tokio::test]
async fn a_rollback_leaves_alone_what_an_earlier_release_has_promoted() -> Result<()> {
    let demo = Demo::start().await?;
    admitted(&demo).await?;
    ask(&demo, json!({ "action": "Promote", "request": "one", "workloads": "Keep" })).await?;
    ensure!(ended(&demo, "one").await?.0 == ReleasePhase::Promoted);
    ask(&demo, Value::Null).await?;
    admitted(&demo).await?;
    ask(&demo, json!({ "action": "Rollback", "request": "two", "workloads": "Delete" })).await?;
    ensure!(ended(&demo, "two").await?.0 == ReleasePhase::RolledBack);
    ensure!(runs(&demo, "a-v1").await? == running(NEW, 1), "{:?}", runs(&demo, "a-v1").await?);
    ensure!(demo.deployments().get_opt("a-v2").await?.is_none(), "the lane's workload is still there");
    Ok(())
}

#[tokio::test]
async fn what_somebody_else_manages_is_refused_by_name_and_overwritten_only_on_demand() -> Result<()> {
    let demo = Demo::start().await?;
    admitted(&demo).await?;
    let theirs = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a-v1" },
        "spec": { "template": { "spec": { "containers": [
            { "name": "app", "image": OLD, "env": [{ "name": "MODE", "value": "old" }] } ] } } },
    });
    let params = PatchParams::apply("argocd-controller").force();
    demo.deployments().patch("a-v1", &params, &Patch::Apply(theirs)).await?;
    let before = demo.deployments().get("a-v1").await?.metadata.generation;

    ask(&demo, json!({ "action": "Promote", "request": "one" })).await?;
    let (phase, message) = ended(&demo, "one").await?;
    ensure!(phase == ReleasePhase::Refused, "{phase:?}: {message}");
    ensure!(
        message.contains("argocd-controller") && message.contains("--force-conflicts"),
        "the message names neither owner nor remedy: {message}"
    );
    let after = demo.deployments().get("a-v1").await?.metadata.generation;
    ensure!(before == after, "the workload was changed");
    ensure!(demo.at_the_gateway().await?.contains("testers"), "the lane has ended");

    ask(&demo, json!({ "action": "Promote", "request": "two", "forceConflicts": true })).await?;
    ensure!(ended(&demo, "two").await?.0 == ReleasePhase::Promoted);
    let found = demo.deployments().get("a-v1").await?;
    let containers = found.spec.and_then(|spec| spec.template.spec).context("no pod spec")?.containers;
    ensure!(containers[0].image.as_deref() == Some(NEW), "{containers:?}");
    ensure!(containers[0].env.is_none(), "what the lane's version does not have is still there");
    Ok(())
}

#[tokio::test]
async fn a_version_that_does_not_become_ready_is_taken_back_while_the_lane_serves() -> Result<()> {
    let demo = Demo::start().await?;
    admitted(&demo).await?;
    annotate_baseline(
        &demo,
        json!({ "spec": { "template": { "metadata": { "annotations": { "test.graylane.dev/ready-with": OLD } } } } }),
    )
    .await?;
    ask(&demo, json!({ "action": "Promote", "request": "one", "deadlineSeconds": 3 })).await?;
    let (phase, message) = ended(&demo, "one").await?;
    ensure!(phase == ReleasePhase::Failed, "{phase:?}: {message}");
    ensure!(message.contains("a-v1: 1 of 1 pods have the new version"), "{message}");
    ensure!(message.ends_with("the baseline runs what it ran before, and the lane serves"), "{message}");
    ensure!(runs(&demo, "a-v1").await? == running(OLD, 1), "{:?}", runs(&demo, "a-v1").await?);
    ensure!(runs(&demo, "a-v2").await? == running(NEW, 1), "{:?}", runs(&demo, "a-v2").await?);
    ensure!(demo.at_the_gateway().await?.contains("testers"), "the lane has ended");
    Ok(())
}
