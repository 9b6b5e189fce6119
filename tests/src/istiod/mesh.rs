//! A whole mesh for one test: a namespace with a gateway and a call chain, whose proxies a real istiod
//! configures, the controller, and `lanectl`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use serde_json::Value;
use tempfile::TempDir;

use super::objects::{self, GATEWAY, SERVICE_PORT};
use super::pods::Pods;
use super::{IstioOptions, Istiod, RunningPod};
use crate::client::Client;
use crate::controller::{Controller, ControllerOptions};
use crate::diagnostics::Diagnostics;
use crate::lanectl::{Lanectl, Output};
use crate::mesh::WASM_VARIABLE;
use crate::wait;

/// How long pods may take to be ready: istiod is asked by many.
const DEADLINE: Duration = Duration::from_secs(180);

/// A running mesh; everything in it ends when it is dropped.
pub struct IstioMesh {
    /// Its namespace.
    pub namespace: String,
    /// The controller of this namespace.
    pub controller: Controller,
    istiod: Arc<Istiod>,
    pods: Pods,
    rejects: u64,
    diagnostics: Diagnostics,
    dir: TempDir,
}

impl IstioMesh {
    /// Starts a mesh with the lane group `shop` and waits until every proxy has followed.
    ///
    /// # Errors
    /// What a part of it says, or a variable that is not set.
    pub async fn start(options: &IstioOptions) -> Result<Self> {
        let mesh = Self::without_group(options).await?;
        mesh.init(options).await?;
        Ok(mesh)
    }

    /// Starts a mesh whose pods are all ready, without a lane group.
    ///
    /// # Errors
    /// What a part of it says, or a variable that is not set.
    pub async fn without_group(options: &IstioOptions) -> Result<Self> {
        let istiod = Istiod::shared().await?;
        let cluster = istiod.cluster();
        let definitions = controller::cluster::crd::definitions();
        let definitions: Vec<String> =
            definitions.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        cluster.install_crds(&definitions).await?;
        let namespace = cluster.namespace("mesh").await?;
        let module = std::env::var(WASM_VARIABLE)
            .with_context(|| format!("{WASM_VARIABLE} is not set: run through cargo xtask e2e"))?;
        let options_of_controller = ControllerOptions {
            kubeconfig: &cluster.kubeconfig()?,
            namespace: Some(&namespace),
            lease_namespace: &namespace,
            // What the controller does by default.
            proxy_metrics: "http://{ip}:15090/stats/prometheus",
        };
        let controller = Controller::with_module(&options_of_controller, &module).await?;
        let diagnostics = Diagnostics::new();
        let chain = options.services.iter().map(|(name, _)| name.clone()).collect();
        let pods = Pods::run(cluster, &namespace, istiod.xds, chain, &diagnostics)?;
        let rejects = istiod.rejects().await?;
        let dir = tempfile::tempdir()?;
        let mesh = Self { namespace, controller, istiod, pods, rejects, diagnostics, dir };
        mesh.write("objects.yaml", &options.objects)?;
        mesh.kubectl(&["apply", "-f", &mesh.path("objects.yaml")]).await?;
        mesh.apply(&objects::workloads(options)).await?;
        mesh.ready().await?;
        Ok(mesh)
    }

    /// Makes the lane group and waits until every proxy has followed.
    ///
    /// # Errors
    /// What `lanectl` says.
    pub async fn init(&self, options: &IstioOptions) -> Result<()> {
        let services: Vec<&str> = options.services.iter().map(|(name, _)| name.as_str()).collect();
        let services = services.join(",");
        let words = ["init", "shop", "--entry", GATEWAY, "--service", &services];
        let further = options.init.iter().map(String::as_str);
        self.lanectl(&words.into_iter().chain(further).collect::<Vec<_>>()).await?;
        self.followed().await
    }

    /// Waits until every proxy runs the newest rules.
    ///
    /// # Errors
    /// What `lanectl wait` says.
    pub async fn followed(&self) -> Result<()> {
        let waited = self.lanectl(&["wait", "--timeout", "120s"]).await;
        self.controller.explains(waited.map(drop))
    }

    /// Waits until all pods that there are to be are ready.
    ///
    /// # Errors
    /// When they are not in time.
    pub async fn ready(&self) -> Result<()> {
        let client = self.istiod.cluster().client().await?;
        let pods: Api<Pod> = Api::namespaced(client, &self.namespace);
        wait::succeeds(DEADLINE, "all pods to be ready", async || {
            let faults = self.pods.faults();
            ensure!(faults.is_empty(), "{}", faults.join("\n"));
            let wanted: i64 = self.replicas().await?;
            let list = pods.list(&ListParams::default()).await?;
            let ready = list.iter().filter(|pod| is_ready(pod)).count();
            ensure!(i64::try_from(ready)? == wanted && list.items.len() == ready, "{ready} of {wanted} are");
            Ok(())
        })
        .await
        .with_context(|| self.istiod.log_tail())
    }

    async fn replicas(&self) -> Result<i64> {
        let found = self.kubectl(&["get", "deployments", "-o", "json"]).await?.json()?;
        let items = found["items"].as_array().context("no list")?;
        Ok(items.iter().filter_map(|item| item["spec"]["replicas"].as_i64()).sum())
    }

    /// Where clients call the mesh.
    ///
    /// # Errors
    /// When the gateway does not run.
    pub fn gateway(&self) -> Result<SocketAddr> {
        Ok(SocketAddr::new(self.pod(GATEWAY)?.ip, SERVICE_PORT))
    }

    /// A client of the gateway over HTTP/1.1.
    ///
    /// # Errors
    /// When the gateway does not run.
    pub fn h1(&self) -> Result<Client> {
        Ok(Client::h1(self.gateway()?))
    }

    /// A client of the gateway over HTTP/2.
    ///
    /// # Errors
    /// When the gateway does not run.
    pub fn h2(&self) -> Result<Client> {
        Ok(Client::h2(self.gateway()?))
    }

    /// The pod of a workload that has one.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pod(&self, workload: &str) -> Result<Arc<RunningPod>> {
        let of_workload = |(name, _): &(String, Arc<RunningPod>)| {
            // After the name come the ReplicaSet's and the pod's part.
            name.strip_prefix(workload).is_some_and(|rest| rest.split('-').count() == 3)
        };
        let found = self.pods().into_iter().find(of_workload);
        found.map(|(_, pod)| pod).with_context(|| format!("no pod of {workload} runs"))
    }

    /// All pods that run.
    #[must_use]
    pub fn pods(&self) -> BTreeMap<String, Arc<RunningPod>> {
        self.pods.running()
    }

    /// `lanectl` in the namespace, which has to succeed.
    ///
    /// # Errors
    /// Another exit code, with what it printed.
    pub async fn lanectl(&self, args: &[&str]) -> Result<Output> {
        self.lanectl_any(args).await?.exits(0)
    }

    /// `lanectl` in the namespace, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn lanectl_any(&self, args: &[&str]) -> Result<Output> {
        let kubeconfig = self.istiod.cluster().kubeconfig()?;
        let lanectl = Lanectl::new(self.dir.path())?.env("KUBECONFIG", &kubeconfig.to_string_lossy());
        lanectl.run(args.iter().copied().chain(["-n", &self.namespace])).await
    }

    /// `kubectl` in the namespace, which has to succeed.
    ///
    /// # Errors
    /// Another exit code, with what it printed.
    pub async fn kubectl(&self, args: &[&str]) -> Result<Output> {
        self.istiod.cluster().kubectl()?.ok(args.iter().copied().chain(["-n", &self.namespace])).await
    }

    /// Applies objects as a user does.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn apply(&self, objects: &Value) -> Result<()> {
        self.write("applied.json", &objects.to_string())?;
        self.kubectl(&["apply", "-f", &self.path("applied.json")]).await?;
        Ok(())
    }

    /// One more Deployment of a version of a service.
    ///
    /// # Errors
    /// When it is refused or its pod is not ready in time.
    pub async fn deploy(&self, service: &str, lane: &str) -> Result<()> {
        self.apply(&objects::deployment(&format!("{service}-{lane}"), service, lane, Some(lane))).await?;
        self.ready().await
    }

    /// Another number of pods of a workload, and waits until there are so many.
    ///
    /// # Errors
    /// When there are not in time.
    pub async fn scale(&self, workload: &str, replicas: u32) -> Result<()> {
        self.kubectl(&["scale", "deployment", workload, &format!("--replicas={replicas}")]).await?;
        self.ready().await
    }

    /// Fails if a proxy has refused anything that istiod has sent since the mesh was started.
    ///
    /// # Errors
    /// What was refused.
    pub async fn nothing_is_refused(&self) -> Result<()> {
        for (name, pod) in self.pods() {
            let stats = pod.envoy.stats().await?;
            let refused: Vec<_> = stats
                .iter()
                .filter(|(stat, count)| stat.ends_with("update_rejected") && **count > 0)
                .collect();
            if !refused.is_empty() {
                let log = crate::diagnostics::log_tail(pod.envoy.log());
                bail!("{name} has refused {refused:?}\n{log}");
            }
        }
        let rejects = self.istiod.rejects().await? - self.rejects;
        ensure!(rejects == 0, "istiod counts {rejects} rejects");
        Ok(())
    }

    /// The last act of a test that has passed: ends everything and prints nothing.
    pub async fn passed(self) {
        self.diagnostics.passed();
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_string_lossy().into_owned()
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.dir.path().join(name), text)?)
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = |condition: &k8s_openapi::api::core::v1::PodCondition| {
        condition.type_ == "Ready" && condition.status == "True"
    };
    pod.metadata.deletion_timestamp.is_none() && conditions.into_iter().flatten().any(ready)
}
