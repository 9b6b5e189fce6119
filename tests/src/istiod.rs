//! A real istiod beside the tests' control plane, and meshes of plain Envoys that it configures.
//!
//! ```text
//! bootstrap.rs  how an Envoy is started as the proxy of a pod
//! pods.rs       what the kubelet would run: the application and the proxy of each pod
//! options.rs    what kind of mesh a test wants
//! objects.rs    its Kubernetes and Istio objects
//! mesh.rs       a whole mesh: objects, pods, controller and `lanectl`
//! ```
//!
//! Pods have the addresses that KWOK gives them. They are reached within a network namespace in which all these
//! addresses are local, which `cargo xtask e2e` makes; nothing leaves it.

mod bootstrap;
mod mesh;
mod objects;
mod options;
mod pods;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

pub use mesh::IstioMesh;
pub use options::IstioOptions;
pub use pods::RunningPod;

use crate::client::{Call, Client};
use crate::cluster::Cluster;
use crate::process::Process;
use crate::{diagnostics, ports, wait};

/// Names the binary.
pub const ISTIOD_VARIABLE: &str = "GRAYLANE_ISTIOD";

/// Its caches have to be filled.
const DEADLINE: Duration = Duration::from_secs(120);

/// Istio's root namespace.
const ROOT: &str = "istio-system";

/// What makes istiod configure Envoys that are not Istio's own build, and do without webhooks.
const ENVIRONMENT: [&str; 7] = [
    "VALIDATION_WEBHOOK_CONFIG_NAME=",
    "INJECTION_WEBHOOK_CONFIG_NAME=",
    "ENABLE_DEBUG_ENDPOINT_AUTH=false",
    "PILOT_ENABLE_GATEWAY_API=false",
    "PILOT_ENABLE_METADATA_EXCHANGE=false",
    "PILOT_ENABLE_ALPN_FILTER=false",
    "POD_NAMESPACE=istio-system",
];

/// The istiod that tests share, for as long as one of them holds it.
static SHARED: Mutex<Weak<Istiod>> = Mutex::const_new(Weak::new());

/// A running istiod; dropping it kills it.
pub struct Istiod {
    cluster: Arc<Cluster>,
    /// Where proxies connect to.
    xds: SocketAddr,
    monitoring: SocketAddr,
    _process: Process,
    dir: TempDir,
}

impl Istiod {
    /// The istiod that all tests of this process share; it ends when no test holds it any more.
    ///
    /// # Errors
    /// When it has to be started, and is not ready in time; the error shows the end of its log.
    pub async fn shared() -> Result<Arc<Self>> {
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let istiod = Arc::new(Self::start(Cluster::shared().await?).await?);
        *shared = Arc::downgrade(&istiod);
        Ok(istiod)
    }

    async fn start(cluster: Arc<Cluster>) -> Result<Self> {
        let binary = std::env::var(ISTIOD_VARIABLE)
            .with_context(|| format!("{ISTIOD_VARIABLE} is not set: run through cargo xtask e2e"))?;
        prepare(&cluster).await?;
        let dir = tempfile::Builder::new().prefix("graylane-istiod-").tempdir()?;
        let mesh = dir.path().join("mesh.yaml");
        // Without an agent there is nobody to hand out certificates.
        std::fs::write(&mesh, "enableAutoMtls: false\naccessLogFile: /dev/stdout\n")?;
        let address = || ports::free().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let (xds, http, monitoring, control) = (address()?, address()?, address()?, address()?);
        let arguments = [
            "discovery".to_owned(),
            format!("--kubeconfig={}", cluster.kubeconfig()?.display()),
            format!("--namespace={ROOT}"),
            format!("--meshConfig={}", mesh.display()),
            format!("--grpcAddr={xds}"),
            format!("--httpAddr={http}"),
            format!("--monitoringAddr={monitoring}"),
            "--httpsAddr=".to_owned(),
            "--secureGRPCAddr=".to_owned(),
            format!("--ctrlz_address={}", control.ip()),
            format!("--ctrlz_port={}", control.port()),
        ];
        let log = dir.path().join("log");
        let words = ENVIRONMENT.map(str::to_owned).into_iter().chain([binary]).chain(arguments);
        let mut process = Process::start("env", words, &log)?;
        let client = Client::h1(http).fresh();
        let ready = wait::succeeds(DEADLINE, "istiod to be ready", async || {
            ensure!(process.ended()?.is_none(), "it has ended");
            let answer = client.send(Call::get("/ready")).await?;
            ensure!(answer.status == 200, "status {}", answer.status);
            Ok(())
        });
        ready.await.with_context(|| diagnostics::log_tail(&log))?;
        Ok(Self { cluster, xds, monitoring, _process: process, dir })
    }

    /// The control plane that it watches.
    #[must_use]
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Resources that proxies have refused, since its start.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn rejects(&self) -> Result<u64> {
        let answer = Client::h1(self.monitoring).fresh().send(Call::get("/metrics")).await?;
        ensure!(answer.status == 200, "status {}", answer.status);
        let text = answer.text();
        let series = text.lines().filter(|line| line.starts_with("pilot_total_xds_rejects"));
        series.map(|line| Ok(line.rsplit(' ').next().context("no value")?.parse::<u64>()?)).sum()
    }

    /// The end of what it has logged.
    pub(crate) fn log_tail(&self) -> String {
        diagnostics::log_tail(&self.dir.path().join("log"))
    }
}

/// The root namespace, and plain text in the whole mesh.
async fn prepare(cluster: &Cluster) -> Result<()> {
    cluster.install_istio_kinds(&["PeerAuthentication"]).await?;
    let client = cluster.client().await?;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": ROOT } });
    let params = PatchParams::apply("tests").force();
    Api::<Namespace>::all(client.clone()).patch(ROOT, &params, &Patch::Apply(namespace)).await?;
    let kind = GroupVersionKind::gvk("security.istio.io", "v1", "PeerAuthentication");
    let spec = json!({ "mtls": { "mode": "DISABLE" } });
    apply(&client, ROOT, &kind, "default", &json!({ "spec": spec })).await
}

/// Writes an object of a kind that has no type here.
async fn apply(
    client: &kube::Client,
    namespace: &str,
    kind: &GroupVersionKind,
    name: &str,
    object: &Value,
) -> Result<()> {
    let resource = ApiResource::from_gvk(kind);
    let mut object = object.clone();
    object["apiVersion"] = json!(resource.api_version);
    object["kind"] = json!(resource.kind);
    object["metadata"] = json!({ "name": name });
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let params = PatchParams::apply("tests").force();
    let written = api.patch(name, &params, &Patch::Apply(&object)).await;
    written.with_context(|| format!("{} {namespace}/{name} is refused", resource.kind))?;
    Ok(())
}
