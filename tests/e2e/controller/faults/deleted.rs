//! Objects are deleted half-way: ours by hand, and what ours are made from.

use std::fmt::Debug;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams};
use kube::{Resource, ResourceExt as _};
use lane::model::LanePhase;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tests::wait;

use super::super::condition;
use super::super::demo::Demo;
use super::changes::Change;
use super::stage::{DEADLINE, Stage};

#[tokio::test]
async fn an_object_of_ours_that_is_deleted_comes_back() -> Result<()> {
    let stage = Stage::set(Demo::cluster().await?).await?;
    Change::MakeAll.ask(&stage.demo).await?;
    let end = stage.settled().await?;
    let mut deleted = 0;
    for kind in ["EnvoyFilter", "DestinationRule"] {
        let api = stage.demo.istio(kind);
        for object in api.list(&stage.demo.ours()).await? {
            api.delete(&object.name_any(), &DeleteParams::default()).await?;
            stage.converged(&end).await.with_context(|| format!("{kind} {}", object.name_any()))?;
            deleted += 1;
        }
        api.delete_collection(&DeleteParams::default(), &stage.demo.ours()).await?;
        stage.converged(&end).await.with_context(|| format!("every {kind}"))?;
    }
    ensure!(deleted > 5, "only {deleted} objects");
    Ok(())
}

#[tokio::test]
async fn a_lane_that_is_deleted_while_it_comes_leaves_nothing() -> Result<()> {
    let mut stage = Stage::set(Demo::cluster().await?).await?;
    Change::MakeAll.ask(&stage.demo).await?;
    stage.settled().await?;
    Change::RemoveLane.ask(&stage.demo).await?;
    let without = stage.settled().await?;
    // The proxies do not follow, so that the lane stays where it is.
    stage.history.let_proxies_run(Some(1));
    Change::SetLane.ask(&stage.demo).await?;
    wait::succeeds(DEADLINE, "the lane to be routed", async || {
        let status = stage.demo.groups().get("shop").await?.status.context("no status")?;
        ensure!(status.lanes.iter().any(|lane| lane.phase == LanePhase::Routed), "{:?}", status.lanes);
        Ok(())
    })
    .await?;
    Change::RemoveLane.ask(&stage.demo).await?;
    stage.history.let_proxies_run(None);
    stage.converged(&without).await?;
    stage.history.judge().await.map(drop)
}

#[tokio::test]
async fn what_a_lane_is_made_from_goes_and_comes_back() -> Result<()> {
    let stage = Stage::set(Demo::cluster().await?).await?;
    Change::MakeAll.ask(&stage.demo).await?;
    let end = stage.settled().await?;
    let client = stage.demo.cluster.client().await?;
    let services: Api<Service> = Api::namespaced(client.clone(), &stage.demo.namespace);
    let mut service = take(&services, "a").await?;
    wait::succeeds(DEADLINE, "the service to be missed", async || {
        let resolved = condition(&stage.demo, "ResolvedRefs").await?;
        ensure!(resolved.1 == "ServiceNotFound", "{resolved:?}");
        Ok(())
    })
    .await?;
    let spec = service.spec.get_or_insert_default();
    (spec.cluster_ip, spec.cluster_ips) = (None, None);
    services.create(&PostParams::default(), &service).await?;
    stage.converged(&end).await.context("the service")?;

    let deployments: Api<Deployment> = Api::namespaced(client, &stage.demo.namespace);
    let deployment = take(&deployments, "a-v2").await?;
    wait::succeeds(DEADLINE, "the lane's clusters to go", async || {
        let filters = stage.demo.istio("EnvoyFilter").list(&ListParams::default()).await?;
        let clusters = filters.iter().any(|filter| filter.name_any().ends_with(".clusters"));
        ensure!(!clusters, "they are there");
        Ok(())
    })
    .await?;
    deployments.create(&PostParams::default(), &deployment).await?;
    stage.converged(&end).await.context("the deployment")
}

#[tokio::test]
async fn a_namespace_that_is_deleted_goes_with_everything() -> Result<()> {
    let stage = Stage::set(Demo::cluster().await?).await?;
    Change::MakeAll.ask(&stage.demo).await?;
    stage.settled().await?;
    let namespaces: Api<Namespace> = Api::all(stage.demo.cluster.client().await?);
    namespaces.delete(&stage.demo.namespace, &DeleteParams::default()).await?;
    let gone = wait::succeeds(DEADLINE, "the namespace to go", async || {
        let left = namespaces.get_opt(&stage.demo.namespace).await?;
        ensure!(left.is_none(), "{:?}", left.map(|left| left.status));
        Ok(())
    });
    stage.demo.controller.explains(gone.await)
}

/// Deletes an object, and returns it as it was made.
async fn take<K>(api: &Api<K>, name: &str) -> Result<K>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Serialize + Debug,
{
    let mut object = api.get(name).await?;
    api.delete(name, &DeleteParams::foreground()).await?;
    wait::succeeds(DEADLINE, "the object to go", async || {
        ensure!(api.get_opt(name).await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let former = std::mem::take(object.meta_mut());
    *object.meta_mut() = ObjectMeta { name: former.name, labels: former.labels, ..ObjectMeta::default() };
    Ok(object)
}
