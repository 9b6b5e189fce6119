//! What the cluster holds: namespaces with a gateway each, services with a group each, and one group with many
//! proxies.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use controller::cluster::crd::{self, LaneGroup};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, ListParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::wait;

use super::{Options, calls};

/// Namespace, group and service with many proxies.
pub(super) const WIDE: &str = "wide";

/// How many objects are created at once.
const AT_ONCE: usize = 16;

/// How long a thousand pods may take to be ready.
const DEADLINE: Duration = Duration::from_secs(1200);

/// Which groups there are.
pub(super) struct Contents {
    /// Namespace and name of those with a gray workload, one per turn.
    turns: Vec<(String, String)>,
}

/// One service with its group.
struct Shop {
    namespace: String,
    name: String,
    has_gray: bool,
}

impl Contents {
    /// Creates everything and waits until all pods are ready.
    pub(super) async fn create(cluster: &Cluster, options: Options) -> Result<Self> {
        let client = cluster.client().await?;
        cluster.install_istio_crds().await?;
        let definitions: Result<Vec<String>, _> =
            crd::definitions().iter().map(serde_json::to_string).collect();
        cluster.install_crds(&definitions?).await?;
        grant(&client).await?;
        let shops = shops(options);
        let mut namespaces: Vec<&str> = shops.iter().map(|shop| shop.namespace.as_str()).collect();
        namespaces.dedup();
        namespaces.push(WIDE);
        for namespace in namespaces {
            create_namespace(&client, namespace).await?;
        }
        let created = stream::iter(&shops).map(|shop| shop.create(&client)).buffer_unordered(AT_ONCE);
        created.try_collect::<Vec<()>>().await?;
        create_wide(&client, options.proxies).await?;
        ready(&client).await?;
        let turns = shops.into_iter().filter(|shop| shop.has_gray).map(|shop| (shop.namespace, shop.name));
        Ok(Self { turns: turns.collect() })
    }

    /// Namespace and name of the group whose turn it is.
    pub(super) fn turn(&self, turn: usize) -> (&str, &str) {
        let (namespace, group) = &self.turns[turn % self.turns.len()];
        (namespace, group)
    }
}

/// The lane of a group; a namespace has a name only once.
pub(super) fn lane_of(group: &str) -> String {
    format!("gray-{group}")
}

/// As many services as there are groups; those whose turn comes, spread over all namespaces, have a gray version.
fn shops(options: Options) -> Vec<Shop> {
    let every = (options.groups / options.changes.max(1)).max(1);
    let shop = |index: usize| Shop {
        namespace: format!("shop-{}", index / options.groups_per_namespace),
        name: format!("s{index}"),
        has_gray: index.is_multiple_of(every),
    };
    (0..options.groups).map(shop).collect()
}

impl Shop {
    async fn create(&self, client: &Client) -> Result<()> {
        let (namespace, name) = (self.namespace.as_str(), self.name.as_str());
        create::<Service>(client, namespace, service(name)).await?;
        create::<Deployment>(client, namespace, deployment(name, "v1", None, 1)).await?;
        if self.has_gray {
            create::<Deployment>(client, namespace, deployment(name, "v2", Some(&lane_of(name)), 1)).await?;
        }
        create::<LaneGroup>(client, namespace, group(name)).await
    }
}

async fn create_namespace(client: &Client, name: &str) -> Result<()> {
    let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    create::<Deployment>(client, name, deployment("gateway", "v1", None, 1)).await
}

/// A group of which the gateway and the pods of one service are the proxies.
async fn create_wide(client: &Client, proxies: usize) -> Result<()> {
    let replicas = proxies.saturating_sub(2);
    create::<Service>(client, WIDE, service(WIDE)).await?;
    create::<Deployment>(client, WIDE, deployment(WIDE, "v1", None, replicas)).await?;
    create::<Deployment>(client, WIDE, deployment(WIDE, "v2", Some(&lane_of(WIDE)), 1)).await?;
    create::<LaneGroup>(client, WIDE, group(WIDE)).await
}

/// The controller may do everything: least privilege is what the tests look at.
async fn grant(client: &Client) -> Result<()> {
    let binding: ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": { "name": "bench" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": calls::USER }],
    }))?;
    Api::all(client.clone()).create(&PostParams::default(), &binding).await?;
    Ok(())
}

async fn create<K>(client: &Client, namespace: &str, object: Value) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize,
{
    let object: K = serde_json::from_value(object)?;
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let created = api.create(&PostParams::default(), &object).await;
    created.map(drop).with_context(|| format!("{namespace}/{:?}", object.meta().name))
}

/// Waits until every Deployment has all its pods.
async fn ready(client: &Client) -> Result<()> {
    let api: Api<Deployment> = Api::all(client.clone());
    wait::succeeds(DEADLINE, "all pods to be ready", async || {
        let listed = api.list(&ListParams::default()).await?;
        let is_ready = |deployment: &&Deployment| {
            let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0) >= wanted
        };
        let (done, all) = (listed.iter().filter(is_ready).count(), listed.items.len());
        tokio::time::sleep(Duration::from_secs(1)).await;
        ensure!(done == all, "{done} of {all} Deployments are ready");
        Ok(())
    })
    .await
}

fn group(service: &str) -> Value {
    json!({
        "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneGroup", "metadata": { "name": service },
        "spec": { "entries": ["gateway"], "services": [{ "name": service }] },
    })
}

fn service(name: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": { "selector": { "app": name }, "ports": [{ "name": "http", "port": 8080 }] },
    })
}

fn deployment(app: &str, version: &str, lane: Option<&str>, replicas: usize) -> Value {
    let mut labels = json!({ "app": app, "version": version });
    if let (Some(lane), Some(labels)) = (lane, labels.as_object_mut()) {
        labels.insert("graylane.dev/lane".to_owned(), lane.into());
    }
    let (name, annotations) = if app == "gateway" {
        (app.to_owned(), json!({ "inject.istio.io/templates": "gateway" }))
    } else {
        (format!("{app}-{version}"), json!({}))
    };
    json!({
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels, "annotations": annotations },
                "spec": { "containers": [
                    { "name": "app", "image": "example.com/app:1" },
                    { "name": "istio-proxy", "image": "example.com/istio/proxyv2:1.30.3" },
                ] },
            },
        },
    })
}
