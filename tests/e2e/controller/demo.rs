//! The demo mesh as objects: a gateway and two services, of which one has a gray version.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use controller::cluster::crd::{Lane, LaneFault, LaneGroup};
use controller::cluster::world::{gateway_api, istio};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::controller::{Controller, ControllerOptions};
use tests::wait;

use super::DEADLINE;
use super::fake_proxies::FakeProxies;

/// Who writes what a user writes.
const USER: &str = "kubectl";

pub(super) struct Demo {
    pub(super) namespace: String,
    pub(super) controller: Controller,
    pub(super) proxies: FakeProxies,
    pub(super) cluster: Arc<Cluster>,
    client: Client,
}

impl Demo {
    /// A namespace with the mesh in it, and a controller that sees nothing else.
    pub(super) async fn start() -> Result<Self> {
        let cluster = Self::cluster().await?;
        let kubeconfig = cluster.kubeconfig()?;
        Self::on(cluster, &kubeconfig).await
    }

    /// The cluster that tests share, with our definitions.
    pub(super) async fn cluster() -> Result<Arc<Cluster>> {
        let cluster = Cluster::shared().await?;
        install_definitions(&cluster).await?;
        Ok(cluster)
    }

    /// As [`Self::start`], on a cluster with our definitions, for a controller with this kubeconfig.
    pub(super) async fn on(cluster: Arc<Cluster>, kubeconfig: &Path) -> Result<Self> {
        let namespace = cluster.namespace("demo").await?;
        let proxies = FakeProxies::start().await?;
        let controller = controller(kubeconfig, &namespace, &proxies).await?;
        Self::with(cluster, namespace, controller, proxies).await
    }

    /// The mesh in a namespace, for a controller that runs already.
    pub(super) async fn with(
        cluster: Arc<Cluster>,
        namespace: String,
        controller: Controller,
        proxies: FakeProxies,
    ) -> Result<Self> {
        let client = cluster.client().await?;
        let demo = Self { namespace, controller, proxies, cluster, client };
        demo.deploy("gateway", "gateway", "v1", None).await?;
        demo.deploy_versions().await?;
        for name in ["a", "b"] {
            demo.serve(name).await?;
        }
        Ok(demo)
    }

    async fn deploy_versions(&self) -> Result<()> {
        for (name, version, lane) in [("a", "v1", None), ("a", "v2", Some("gray")), ("b", "v1", None)] {
            self.deploy(&format!("{name}-{version}"), name, version, lane).await?;
        }
        Ok(())
    }

    /// Makes the versions of the service with a gray one as they were before anything was released.
    pub(super) async fn deploy_anew(&self) -> Result<()> {
        for name in ["a-v1", "a-v2"] {
            self.deployments().delete(name, &DeleteParams::foreground()).await?;
            wait::succeeds(DEADLINE, "a deployment to go", async || {
                ensure!(self.deployments().get_opt(name).await?.is_none(), "{name} is there");
                Ok(())
            })
            .await?;
        }
        self.deploy_versions().await
    }

    /// A service whose versions are `StatefulSets`, of which one is gray.
    pub(super) async fn add_stateful(&self, name: &str) -> Result<()> {
        for (version, lane) in [("v1", None), ("v2", Some("gray"))] {
            let set = workload("StatefulSet", &format!("{name}-{version}"), name, version, lane);
            self.put::<StatefulSet>(&format!("{name}-{version}"), set).await?;
        }
        self.serve(name).await
    }

    async fn serve(&self, name: &str) -> Result<()> {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
            "spec": { "selector": { "app": name }, "ports": [{ "name": "http", "port": 8080 }] },
        });
        self.put::<Service>(name, service).await
    }

    /// A second controller that sees what the first one sees.
    pub(super) async fn another_controller(&self) -> Result<Controller> {
        self.controller_through(&self.cluster.kubeconfig()?).await
    }

    /// A further controller, with this kubeconfig.
    pub(super) async fn controller_through(&self, kubeconfig: &Path) -> Result<Controller> {
        controller(kubeconfig, &self.namespace, &self.proxies).await
    }

    async fn deploy(&self, name: &str, app: &str, version: &str, lane: Option<&str>) -> Result<()> {
        self.put::<Deployment>(name, workload("Deployment", name, app, version, lane)).await
    }

    pub(super) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A gateway in another namespace.
    pub(super) async fn deploy_gateway(&self, namespace: &str) -> Result<()> {
        self.put_in::<Deployment>(
            namespace,
            "gateway",
            workload("Deployment", "gateway", "gateway", "v1", None),
        )
        .await
    }

    pub(super) fn groups(&self) -> Api<LaneGroup> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(super) fn lanes(&self) -> Api<Lane> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(super) fn istio(&self, kind: &str) -> Api<DynamicObject> {
        self.istio_in(&self.namespace, kind)
    }

    pub(super) fn istio_in(&self, namespace: &str, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &istio(kind))
    }

    pub(super) async fn put_http_route(&self, name: &str, spec: Value) -> Result<()> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &gateway_api("HTTPRoute"));
        let object = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": { "name": name }, "spec": spec,
        });
        api.patch(name, &PatchParams::apply(USER), &Patch::Apply(object)).await?;
        Ok(())
    }

    pub(super) fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }

    /// Objects of any kind in the namespace.
    pub(super) fn api(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, resource)
    }

    /// Selects what the controller has written.
    pub(super) fn ours(&self) -> ListParams {
        ListParams::default().labels("app.kubernetes.io/managed-by=graylane")
    }

    /// What the gateway's filter is configured with.
    pub(super) async fn at_the_gateway(&self) -> Result<String> {
        let object = self.istio("EnvoyFilter").get("graylane.entry.gateway").await?;
        Ok(object.data.to_string())
    }

    /// The objects of the controller with their resource versions, and that of the group.
    pub(super) async fn versions(&self) -> Result<BTreeMap<String, String>> {
        let mut versions = BTreeMap::new();
        for kind in ["EnvoyFilter", "DestinationRule"] {
            for object in self.istio(kind).list(&self.ours()).await? {
                versions.insert(object.name_any(), object.resource_version().context("no version")?);
            }
        }
        Ok(versions)
    }

    pub(super) async fn set_group(&self, spec: Value) -> Result<()> {
        self.set_named_group("shop", spec).await
    }

    pub(super) async fn set_named_group(&self, name: &str, spec: Value) -> Result<()> {
        self.put::<LaneGroup>(name, object("LaneGroup", name, spec)).await
    }

    pub(super) async fn set_lane(&self, name: &str, spec: Value) -> Result<()> {
        self.put::<Lane>(name, object("Lane", name, spec)).await
    }

    pub(super) async fn set_fault(&self, name: &str, spec: Value) -> Result<()> {
        self.put::<LaneFault>(name, object("LaneFault", name, spec)).await
    }

    async fn put<K>(&self, name: &str, object: Value) -> Result<()>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Serialize
            + std::fmt::Debug,
    {
        self.put_in::<K>(&self.namespace, name, object).await
    }

    async fn put_in<K>(&self, namespace: &str, name: &str, object: Value) -> Result<()>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Serialize
            + std::fmt::Debug,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        api.patch(name, &PatchParams::apply(USER), &Patch::Apply(object)).await?;
        Ok(())
    }
}

/// The definitions of lane groups and lanes.
pub(super) async fn install_definitions(cluster: &Cluster) -> Result<()> {
    let definitions = controller::cluster::crd::definitions();
    let definitions: Vec<String> = definitions.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    cluster.install_crds(&definitions).await
}

/// A controller of one namespace.
async fn controller(kubeconfig: &Path, namespace: &str, proxies: &FakeProxies) -> Result<Controller> {
    Controller::start(&ControllerOptions {
        kubeconfig,
        namespace: Some(namespace),
        lease_namespace: namespace,
        proxy_metrics: &proxies.metrics(),
    })
    .await
}

fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "graylane.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// A workload of one version; the gray version has an image of its own.
fn workload(kind: &str, name: &str, app: &str, version: &str, lane: Option<&str>) -> Value {
    let mut labels = BTreeMap::from([("app", app), ("version", version)]);
    labels.extend(lane.map(|lane| ("graylane.dev/lane", lane)));
    let gateway = (app == "gateway").then_some(("inject.istio.io/templates", "gateway"));
    let annotations: BTreeMap<_, _> = gateway.into_iter().collect();
    let image = if lane.is_some() { "example.com/app:2" } else { "example.com/app:1" };
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels, "annotations": annotations },
                "spec": { "containers": [
                    { "name": "app", "image": image },
                    { "name": "istio-proxy", "image": "example.com/istio/proxyv2:1.30.3" },
                ] },
            },
        },
    })
}
