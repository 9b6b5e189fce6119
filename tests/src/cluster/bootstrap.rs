//! What a cluster needs before anybody uses it: a node, its first pod, and controllers that run.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::json;

use super::DEADLINE;
use crate::wait;

/// The only node; all pods go there.
const NODE: &str = "node";

/// The node, which KWOK makes ready.
pub(super) async fn create_node(client: &Client) -> Result<()> {
    let metadata = ObjectMeta { name: Some(NODE.to_owned()), ..ObjectMeta::default() };
    let node = Node { metadata, ..Node::default() };
    Api::all(client.clone())
        .create(&PostParams::default(), &node)
        .await
        .context("failed to create the node")?;
    Ok(())
}

/// The node has a kubelet, and the controllers have seen that.
pub(super) async fn node_is_ready(client: &Client) -> Result<()> {
    let node = Api::<Node>::all(client.clone()).get(NODE).await?;
    let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
    let is_ready =
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ensure!(is_ready, "the node is not ready: {conditions:?}");
    let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
    ensure!(taints.is_empty(), "the node has taints: {taints:?}");
    Ok(())
}

/// Runs the cluster's first pod by itself: KWOK begins to count addresses with the first pod that asks for one, and
/// two that are the first at the same time are given the same address.
pub(super) async fn create_first_pod(client: &Client) -> Result<()> {
    let pod = json!({
        "metadata": { "name": "first" },
        "spec": { "nodeName": NODE, "containers": [{ "name": "app", "image": "first" }] },
    });
    let api: Api<Pod> = Api::namespaced(client.clone(), "default");
    api.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
    wait::succeeds(DEADLINE, "the first pod's address", async || {
        let status = api.get("first").await?.status;
        status.and_then(|status| status.pod_ip).context("it has none").map(drop)
    })
    .await
}

/// The controllers run: they give every namespace its account.
pub(super) async fn namespaces_are_filled(client: &Client) -> Result<()> {
    Api::<ServiceAccount>::namespaced(client.clone(), "default").get("default").await?;
    Ok(())
}
