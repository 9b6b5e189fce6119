//! The harness itself: a real control plane runs workloads, keeps accounts of requests, refuses and recovers.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tests::cluster::{AuditEvent, Cluster};
use tests::wait;

const DEADLINE: Duration = Duration::from_secs(180);

/// The pods that one of our tests works with, two of them.
fn deployment(annotations: &Value) -> Result<Deployment> {
    let labels = json!({ "app": "shop" });
    Ok(serde_json::from_value(json!({
        "metadata": { "name": "shop" },
        "spec": { "replicas": 2, "selector": { "matchLabels": labels }, "template": {
            "metadata": { "labels": labels, "annotations": annotations },
            "spec": { "containers": [{ "name": "app", "image": "shop:1" }] },
        } },
    }))?)
}

fn service() -> Result<Service> {
    Ok(serde_json::from_value(json!({
        "metadata": { "name": "shop" },
        "spec": { "selector": { "app": "shop" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    }))?)
}

/// The addresses of the pods that run with an image.
async fn pods_with(client: &Client, namespace: &str, image: &str) -> Result<BTreeSet<String>> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace).list(&ListParams::default()).await?;
    let runs = |pod: &&Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let images = pod.spec.iter().flat_map(|spec| &spec.containers);
        phase == Some("Running") && images.filter_map(|app| app.image.as_deref()).eq([image])
    };
    Ok(pods.items.iter().filter(runs).filter_map(|pod| pod.status.clone()?.pod_ip).collect())
}

/// The addresses that clients of the service are sent to.
async fn endpoints(client: &Client, namespace: &str) -> Result<BTreeSet<String>> {
    let slices =
        Api::<EndpointSlice>::namespaced(client.clone(), namespace).list(&ListParams::default()).await?;
    let endpoints = slices.items.into_iter().flat_map(|slice| slice.endpoints.unwrap_or_default());
    let ready = endpoints.filter(|endpoint| {
        endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true))
    });
    Ok(ready.flat_map(|endpoint| endpoint.addresses).collect())
}

/// Waits until two pods run with an image, and the service leads to just these.
async fn serves(client: &Client, namespace: &str, image: &str) -> Result<()> {
    wait::succeeds(DEADLINE, &format!("two pods of {image} behind the service"), async || {
        let pods = pods_with(client, namespace, image).await?;
        let endpoints = endpoints(client, namespace).await?;
        ensure!(pods.len() == 2 && pods == endpoints, "pods {pods:?}, endpoints {endpoints:?}");
        Ok(())
    })
    .await
}

/// Creates the deployment and its service.
async fn create(client: &Client, namespace: &str, annotations: &Value) -> Result<Api<Deployment>> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    deployments.create(&PostParams::default(), &deployment(annotations)?).await?;
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    services.create(&PostParams::default(), &service()?).await?;
    Ok(deployments)
}

fn new_image(image: &str) -> Patch<Value> {
    Patch::Strategic(json!({ "spec": { "template": { "spec": {
        "containers": [{ "name": "app", "image": image }] } } } }))
}

#[tokio::test]
async fn a_deployment_runs_and_rolls_out() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("rollout").await?;
    let begun = Instant::now();
    let deployments = create(&client, &namespace, &json!({})).await?;
    serves(&client, &namespace, "shop:1").await?;
    println!("two pods behind a service after {:.1?}", begun.elapsed());

    let begun = Instant::now();
    deployments.patch("shop", &PatchParams::default(), &new_image("shop:2")).await?;
    let status = ["rollout", "status", "deployment/shop", "--timeout", "60s", "--namespace", &namespace];
    let said = cluster.kubectl()?.run(status).await?;
    ensure!(said.code == Some(0), "{said:?}");
    serves(&client, &namespace, "shop:2").await?;
    println!("rolled out after {:.1?}", begun.elapsed());

    let events = cluster.audit_events()?;
    let of_deployment = |event: &&AuditEvent| event.namespace == namespace && event.resource == "deployments";
    let writes = events.iter().filter(of_deployment).filter(|event| event.is_write());
    let verbs: Vec<_> = writes.map(|event| (event.verb.as_str(), event.code)).collect();
    assert_eq!(verbs, [("create", 201), ("patch", 200)]);
    let patch = events.iter().filter(of_deployment).find(|event| event.verb == "patch");
    let body = &patch.context("there is no patch")?.event["requestObject"];
    assert_eq!(body["spec"]["template"]["spec"]["containers"][0]["image"], "shop:2");
    let read_by_kubectl = |event: &AuditEvent| {
        event.namespace == namespace && !event.is_write() && event.user_agent.starts_with("kubectl")
    };
    assert!(events.iter().any(read_by_kubectl), "kubectl has not been seen");
    Ok(())
}

#[tokio::test]
async fn a_rollout_hangs_when_new_pods_are_not_ready() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("hangs").await?;
    let deployments = create(&client, &namespace, &json!({})).await?;
    serves(&client, &namespace, "shop:1").await?;
    let never = json!({ "spec": { "template": {
        "metadata": { "annotations": { "test.graylane.dev/ready": "never" } },
        "spec": { "containers": [{ "name": "app", "image": "shop:2" }] } } } });
    deployments.patch("shop", &PatchParams::default(), &Patch::Strategic(never)).await?;
    wait::succeeds(DEADLINE, "a new pod", async || {
        let pods = pods_with(&client, &namespace, "shop:2").await?;
        ensure!(pods.len() == 1, "{pods:?}");
        Ok(())
    })
    .await?;
    serves(&client, &namespace, "shop:1").await?;
    wait::succeeds(DEADLINE, "the rollout to hang", async || {
        let status = deployments.get("shop").await?.status.context("no status")?;
        let seen = (status.updated_replicas, status.ready_replicas);
        ensure!(seen == (Some(1), Some(2)), "{seen:?}");
        Ok(())
    })
    .await?;

    let later = json!({ "spec": { "template": { "metadata": { "annotations": {
        "test.graylane.dev/ready": null, "test.graylane.dev/ready-after": "300ms" } } } } });
    deployments.patch("shop", &PatchParams::default(), &Patch::Strategic(later)).await?;
    serves(&client, &namespace, "shop:2").await
}

#[tokio::test]
async fn a_user_without_rights_is_refused() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let namespace = cluster.namespace("rights").await?;
    let kubeconfig = cluster.kubeconfig_for("viewer")?;
    assert!(cluster.kubeconfig_for("nobody").is_err());
    let kubectl = cluster.kubectl()?.env("KUBECONFIG", &kubeconfig.to_string_lossy());
    let asked = ["auth", "can-i", "list", "pods", "--namespace", &namespace];
    assert_eq!(kubectl.run(asked).await?.stdout.trim(), "no");

    let admin = cluster.kubectl()?;
    let bind =
        ["create", "rolebinding", "viewer", "--clusterrole=view", "--user=viewer", "--namespace", &namespace];
    let bound = admin.run(bind).await?;
    ensure!(bound.code == Some(0), "{bound:?}");
    let client = cluster.client_for("viewer").await?;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    wait::succeeds(DEADLINE, "the right to list", async || Ok(maps.list(&ListParams::default()).await?))
        .await?;
    let metadata = kube::api::ObjectMeta { name: Some("a".to_owned()), ..Default::default() };
    let map = ConfigMap { metadata, ..ConfigMap::default() };
    let refused = maps.create(&PostParams::default(), &map).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{refused}");

    let events = cluster.audit_events()?;
    let is_refusal = |event: &AuditEvent| {
        event.user == "viewer"
            && event.namespace == namespace
            && (event.verb.as_str(), event.code) == ("create", 403)
    };
    assert!(events.iter().any(is_refusal), "the refusal is not in the audit log");
    Ok(())
}

#[tokio::test]
async fn istio_objects_are_checked_against_istio_definitions() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let namespace = cluster.namespace("istio").await?;
    let kind = GroupVersionKind::gvk("networking.istio.io", "v1alpha3", "EnvoyFilter");
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client().await?, &namespace, &resource);
    let filter = |name: &str, place: &str| -> Result<DynamicObject> {
        Ok(serde_json::from_value(json!({
            "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": { "name": name },
            "spec": { "configPatches": [{ "applyTo": place, "match": { "context": "SIDECAR_INBOUND" },
                "patch": { "operation": "INSERT_BEFORE", "value": { "name": "graylane" } } }] },
        }))?)
    };
    let created = api.create(&PostParams::default(), &filter("good", "HTTP_FILTER")?).await?;
    assert_eq!(created.data["spec"]["configPatches"][0]["patch"]["value"]["name"], "graylane");
    let refused = api.create(&PostParams::default(), &filter("bad", "NOWHERE")?).await.unwrap_err();
    assert!(refused.to_string().contains("applyTo"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn the_api_server_comes_back_with_everything() -> Result<()> {
    let begun = Instant::now();
    let mut cluster = Cluster::start().await?;
    println!("a cluster after {:.1?}", begun.elapsed());
    let client = cluster.client().await?;
    let namespace = cluster.namespace("restart").await?;
    let deployments = create(&client, &namespace, &json!({})).await?;
    serves(&client, &namespace, "shop:1").await?;
    let before = pods_with(&client, &namespace, "shop:1").await?;
    let requests = cluster.audit_events()?.len();

    let begun = Instant::now();
    cluster.restart_api_server(Duration::from_secs(1)).await?;
    println!("the API server was away for {:.1?}", begun.elapsed());
    assert_eq!(pods_with(&client, &namespace, "shop:1").await?, before);
    assert!(cluster.audit_events()?.len() > requests, "the audit log has begun anew");
    deployments.patch("shop", &PatchParams::default(), &new_image("shop:2")).await?;
    serves(&client, &namespace, "shop:2").await
}
