//! A real Kubernetes control plane as processes of a test, without containers.
//!
//! ```text
//! components.rs  the commands: etcd, API server, controllers, scheduler, and KWOK in place of the kubelet
//! access.rs      users, their tokens and kubeconfig files
//! bootstrap.rs   what a cluster needs before anybody uses it
//! audit.rs       what the API server has written down of requests
//! crds.rs        custom resource definitions, Istio's among them
//! stages.yaml    the life of pods, as KWOK plays it
//! ```
//!
//! Deployments, ReplicaSets, EndpointSlices, rollouts and RBAC are the real thing; pods run, are ready and have
//! addresses, but there is nobody at these addresses. Annotations of a pod change what it does:
//! `test.graylane.dev/ready: never` keeps it from being ready, `test.graylane.dev/ready-with: IMAGE` from being so with
//! another image of its first container, and `test.graylane.dev/ready-after: 5s` delays it.
//! The admission of service accounts is off: pods have no tokens and start without waiting for an account.

mod access;
mod audit;
mod bootstrap;
mod components;
mod crds;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tempfile::TempDir;
use tokio::sync::Mutex;

pub use access::RESTRICTED;
pub use {audit::AuditEvent, crds::GATEWAY_API};

use crate::lanectl::Lanectl;
use access::{ADMIN, Access, COMPONENTS};
use bootstrap::{create_first_pod, create_node, namespaces_are_filled, node_is_ready};
use components::{Command, Component, Layout};

/// Names the directory of the binaries.
pub const KUBERNETES_VARIABLE: &str = "GRAYLANE_KUBERNETES";

/// How long a part of the cluster may take to be ready: machines of tests are busy.
const DEADLINE: Duration = Duration::from_secs(120);

/// The cluster that tests share, for as long as one of them holds it.
static SHARED: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());

/// A running control plane; dropping it kills all its processes.
///
/// Clients belong to the runtime of the test that made them, hence the cluster keeps none.
pub struct Cluster {
    access: Access,
    layout: Layout,
    api_server: Component,
    /// Ended before the rest: whoever speaks to a server goes before it.
    controllers: [Component; 3],
    _store: Component,
    dir: TempDir,
}

impl Cluster {
    /// Starts a cluster of one's own and waits until it works. It takes some seconds and 700 MB of memory.
    ///
    /// # Errors
    /// When `GRAYLANE_KUBERNETES` is not set, or a process ends or is not ready in time; the error shows the end
    /// of its log.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("graylane-cluster-").tempdir()?;
        let layout = Layout::new(dir.path())?;
        let access = Access::new(dir.path(), layout.api_port)?;
        let mut store = Component::start(&layout.etcd(), dir.path())?;
        store.ready(|| layout.etcd_listens()).await?;
        let mut api_server = Component::start(&layout.api_server(&access), dir.path())?;
        api_server.ready(|| is_ready(&access)).await?;
        let [manager, scheduler] = start_controllers(&layout, &access, dir.path())?;
        let mut controllers = [manager, scheduler, start_kubelet(&layout, &access, dir.path())?];
        let client = access.client(ADMIN).await?;
        create_node(&client).await?;
        let [manager, _, kubelet] = &mut controllers;
        kubelet.ready(|| node_is_ready(&client)).await?;
        manager.ready(|| namespaces_are_filled(&client)).await?;
        create_first_pod(&client).await?;
        Ok(Self { access, layout, api_server, controllers, _store: store, dir })
    }

    /// The cluster that all tests of this process share, with Istio's definitions; it ends when no test holds it
    /// any more. A test works in a [`Cluster::namespace`] of its own.
    ///
    /// # Errors
    /// When it has to be started, and [`Cluster::start`] fails.
    pub async fn shared() -> Result<Arc<Self>> {
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let cluster = Arc::new(Self::start().await?);
        cluster.install_istio_crds().await?;
        *shared = Arc::downgrade(&cluster);
        Ok(cluster)
    }

    /// The kubeconfig file of a user who may do everything.
    ///
    /// # Errors
    /// When it cannot be found any more.
    pub fn kubeconfig(&self) -> Result<PathBuf> {
        self.access.file_of(ADMIN)
    }

    /// The kubeconfig file of one of the [`RESTRICTED`] users.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn kubeconfig_for(&self, user: &str) -> Result<PathBuf> {
        self.access.file_of(user)
    }

    /// A client, in the runtime of the caller, that may do everything.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn client(&self) -> Result<Client> {
        self.access.client(ADMIN).await
    }

    /// A client that speaks for one of the [`RESTRICTED`] users.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn client_for(&self, user: &str) -> Result<Client> {
        self.access.client(user).await
    }

    /// Creates a namespace whose name begins as given and is used by nobody else.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn namespace(&self, stem: &str) -> Result<String> {
        let generate_name = Some(format!("{stem}-"));
        let metadata = ObjectMeta { generate_name, ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let api: Api<Namespace> = Api::all(self.client().await?);
        let created = api.create(&PostParams::default(), &namespace).await?;
        created.metadata.name.context("the namespace has no name")
    }

    /// `kubectl` as the user who may do everything.
    ///
    /// # Errors
    /// When the binary cannot be found.
    pub fn kubectl(&self) -> Result<Lanectl> {
        let kubeconfig = self.kubeconfig()?;
        let kubectl = Lanectl::with_binary(&self.layout.binary("kubectl")?, self.dir.path());
        Ok(kubectl
            .env("KUBECONFIG", &kubeconfig.to_string_lossy())
            .env("KUBECACHEDIR", &self.dir.path().join("kubectl").to_string_lossy()))
    }

    /// The file that the API server writes requests to, as JSON lines.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.layout.audit_log()
    }

    /// The requests that have ended so far, but for those of the cluster's own components. An answer is not sent
    /// before its request is written down.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn audit_events(&self) -> Result<Vec<AuditEvent>> {
        self.audit_events_from(0)
    }

    /// Those of [`Cluster::audit_events`] that stand behind so many bytes of the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn audit_events_from(&self, start: u64) -> Result<Vec<AuditEvent>> {
        audit::read(&self.audit_log(), start)
    }

    /// Kills the API server, starts it again after `outage`, and waits until it is ready. The controllers and the
    /// scheduler begin anew then, as they do where they lose their leadership: by themselves they would
    /// wait up to a minute before they ask again. Only the owner of a cluster can do it: others would not expect it.
    ///
    /// # Errors
    /// When it does not come back in time.
    pub async fn restart_api_server(&mut self, outage: Duration) -> Result<()> {
        self.api_server.kill();
        tokio::time::sleep(outage).await;
        self.api_server = Component::start(&self.layout.api_server(&self.access), self.dir.path())?;
        self.api_server.ready(|| is_ready(&self.access)).await?;
        // Not KWOK, which would forget the addresses of the pods that there are, and give them again.
        let [manager, scheduler, _] = &mut self.controllers;
        manager.kill();
        scheduler.kill();
        [*manager, *scheduler] = start_controllers(&self.layout, &self.access, self.dir.path())?;
        Ok(())
    }

    /// Installs custom resource definitions, YAML with one or more documents each, and waits until they serve.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn install_crds(&self, yaml: &[impl AsRef<str>]) -> Result<()> {
        let documents = yaml.iter().flat_map(|text| crds::documents(text.as_ref()));
        crds::install(&self.client().await?, documents).await
    }

    /// Installs those of Istio's definitions that the tests need.
    ///
    /// # Errors
    /// When they cannot be found or are refused.
    pub async fn install_istio_crds(&self) -> Result<()> {
        self.install_istio_kinds(&crds::ISTIO_KINDS).await
    }

    /// Installs Istio's definitions of further kinds.
    ///
    /// # Errors
    /// When they cannot be found or are refused.
    pub async fn install_istio_kinds(&self, kinds: &[&str]) -> Result<()> {
        let path = self.layout.binary("istio-crds.yaml")?;
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        crds::install(&self.client().await?, crds::of_istio(&text, kinds)).await
    }

    /// The directory with the logs of all processes.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// Starts what acts on objects, each as a user of its own.
fn start_controllers(layout: &Layout, access: &Access, dir: &Path) -> Result<[Component; 2]> {
    let [manager, scheduler, _] = COMPONENTS;
    let start = |command: Command| Component::start(&command, dir);
    Ok([
        start(layout.controller_manager(&access.file_of(manager)?))?,
        start(layout.scheduler(&access.file_of(scheduler)?))?,
    ])
}

/// Starts KWOK in place of the kubelet.
fn start_kubelet(layout: &Layout, access: &Access, dir: &Path) -> Result<Component> {
    let [.., kubelet] = COMPONENTS;
    Component::start(&layout.kwok(&access.file_of(kubelet)?), dir)
}

/// Asks the API server whether it is ready; the certificate that clients trust is there by then.
async fn is_ready(access: &Access) -> Result<()> {
    let request = http::Request::get("/readyz").body(Vec::new())?;
    let said = access.client(ADMIN).await?.request_text(request).await?;
    ensure!(said == "ok", "it says {said}");
    Ok(())
}
