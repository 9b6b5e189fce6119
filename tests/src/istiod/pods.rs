//! What the kubelet would run: for each pod of a namespace its application and its proxy.
//!
//! A pod is ready once its proxy is, and what it runs ends some seconds after it is gone, as with a kubelet and
//! Istio's agent. Its outbound listener, which iptables would lead to, has a loopback address that follows from
//! the pod's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chain::{App, Config, NextHop};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use super::bootstrap::{Identity, bootstrap};
use super::objects::{self, APP_PORT, SERVICE_PORT};
use crate::cluster::Cluster;
use crate::diagnostics::Diagnostics;
use crate::envoy::{Envoy, EnvoyOptions};
use crate::{ports, wait};

/// Label of a pod by which its `Sidecar` finds it.
const POD_LABEL: &str = "test.graylane.dev/pod";
/// Annotation that keeps a pod from being ready.
const READY: &str = "test.graylane.dev/ready";
/// Between two looks at the pods.
const POLL: Duration = Duration::from_millis(100);
/// How long a pod that is gone goes on: the drain duration of Istio's agent.
const TERMINATION: Duration = Duration::from_secs(5);
/// How long istiod may take to see the `Sidecar` of a pod.
const SIDECAR_WITHIN: Duration = Duration::from_secs(60);
/// How Istio's agent starts Envoy.
const ARGUMENTS: [&str; 4] = ["--drain-time-s", "45", "--drain-strategy", "immediate"];

/// The application and the proxy of a pod.
pub struct RunningPod {
    /// Its address.
    pub ip: IpAddr,
    /// Its proxy.
    pub envoy: Envoy,
    app: Option<chain::Running>,
}

/// Runs the pods of one namespace; dropping it ends them all.
pub(super) struct Pods {
    node: Arc<Node>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What the loop works with. It runs in a thread of its own, as a kubelet does in a process.
struct Node {
    cluster: Arc<Cluster>,
    namespace: String,
    istiod: SocketAddr,
    /// The services in the order of calls.
    chain: Vec<String>,
    diagnostics: Diagnostics,
    dir: TempDir,
    running: Mutex<BTreeMap<String, Arc<RunningPod>>>,
    faults: Mutex<Vec<String>>,
}

impl Pods {
    /// Begins to run what there is and what comes.
    pub(super) fn run(
        cluster: &Arc<Cluster>,
        namespace: &str,
        istiod: SocketAddr,
        chain: Vec<String>,
        diagnostics: &Diagnostics,
    ) -> Result<Self> {
        let node = Arc::new(Node {
            cluster: Arc::clone(cluster),
            namespace: namespace.to_owned(),
            istiod,
            chain,
            diagnostics: diagnostics.clone(),
            dir: tempfile::Builder::new().prefix("graylane-pods-").tempdir()?,
            running: Mutex::default(),
            faults: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let (stopped, of_thread) = (stop.clone(), Arc::clone(&node));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            let run = async {
                let worked = stopped.run_until_cancelled(Arc::clone(&of_thread).run()).await;
                if let Some(Err(error)) = worked {
                    lock(&of_thread.faults).push(format!("the node: {error:#}"));
                }
            };
            runtime.block_on(LocalSet::new().run_until(run));
        });
        Ok(Self { node, stop, thread: Some(thread) })
    }

    /// What runs now, by the names of the pods.
    pub(super) fn running(&self) -> BTreeMap<String, Arc<RunningPod>> {
        lock(&self.node.running).clone()
    }

    /// Why pods could not be started.
    pub(super) fn faults(&self) -> Vec<String> {
        lock(&self.node.faults).clone()
    }
}

impl Node {
    async fn run(self: Arc<Self>) -> Result<()> {
        let client = self.cluster.client().await?;
        let pods: Api<Pod> = Api::namespaced(client.clone(), &self.namespace);
        let (mut known, mut tasks) = (BTreeSet::new(), JoinSet::new());
        loop {
            // An API server that does not answer is asked again.
            if let Ok(list) = pods.list(&ListParams::default()).await {
                let names: BTreeSet<String> = list.iter().map(ResourceExt::name_any).collect();
                for identity in list.iter().filter_map(identity) {
                    if known.insert(identity.name.clone()) {
                        tasks.spawn_local(Arc::clone(&self).start(client.clone(), identity));
                    }
                }
                let gone: Vec<String> = known.difference(&names).cloned().collect();
                for name in gone {
                    known.remove(&name);
                    tasks.spawn_local(Arc::clone(&self).end(client.clone(), name));
                }
            }
            while tasks.try_join_next().is_some() {}
            tokio::time::sleep(POLL).await;
        }
    }

    async fn start(self: Arc<Self>, client: Client, identity: Identity) {
        let name = identity.name.clone();
        match self.try_start(&client, identity).await {
            Ok(pod) => {
                lock(&self.running).insert(name, Arc::new(pod));
            }
            Err(error) => lock(&self.faults).push(format!("pod {name}: {error:#}")),
        }
    }

    async fn try_start(&self, client: &Client, mut identity: Identity) -> Result<RunningPod> {
        let name = identity.name.clone();
        // KWOK gives an address again as soon as its pod is gone, which is before what ran there has ended.
        wait::until(2 * TERMINATION, "the address", async || {
            lock(&self.running).values().all(|pod| pod.ip != identity.ip).then_some(())
        })
        .await?;
        identity.labels.insert(POD_LABEL.to_owned(), name.clone());
        self.patch(client, &name, &json!({ "metadata": { "labels": { POD_LABEL: name } } })).await?;
        let app = if identity.is_gateway {
            None
        } else {
            let sidecar = objects::sidecar(POD_LABEL, &name, outbound(identity.ip));
            super::apply(client, &self.namespace, &objects::kind("Sidecar"), &name, &sidecar).await?;
            Some(self.app(&identity)?.start().await?)
        };
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let file: PathBuf = self.dir.path().join(format!("{name}.json"));
        std::fs::write(&file, bootstrap(&identity, self.istiod, admin).to_string())?;
        let options = EnvoyOptions::new(&self.diagnostics).concurrency(2).extra_args(ARGUMENTS);
        let envoy = Envoy::start(&file, options).await?;
        if !identity.is_gateway {
            // istiod may have sent it something before it knew its `Sidecar`. What it sends would go to the gateway,
            // which listens on all addresses.
            let own = SocketAddr::new(outbound(identity.ip), SERVICE_PORT).to_string();
            wait::succeeds(SIDECAR_WITHIN, "its own outbound listener", async || {
                let listeners = envoy.admin_get("/listeners").await?;
                ensure!(listeners.contains(&own), "{own} is not among {listeners}");
                Ok(())
            })
            .await?;
        }
        self.patch(client, &name, &json!({ "metadata": { "annotations": { READY: "now" } } })).await?;
        Ok(RunningPod { ip: identity.ip, envoy, app })
    }

    /// The application of a pod: its labels say which one.
    fn app(&self, identity: &Identity) -> Result<App> {
        let label = |key: &str| {
            identity.labels.get(key).with_context(|| format!("pod {} has no label {key}", identity.name))
        };
        let (service, version) = (label("app")?, label("version")?);
        let mut config = Config::new(service, version).listen(SocketAddr::new(identity.ip, APP_PORT));
        let next = self.chain.iter().skip_while(|name| *name != service).nth(1);
        if let Some(next) = next {
            let host = format!("{next}:{SERVICE_PORT}");
            config = config.next(NextHop::new(SocketAddr::new(outbound(identity.ip), SERVICE_PORT), &host)?);
        }
        Ok(App { config })
    }

    async fn end(self: Arc<Self>, client: Client, name: String) {
        tokio::time::sleep(TERMINATION).await;
        lock(&self.running).remove(&name);
        let sidecars: Api<DynamicObject> =
            Api::namespaced_with(client, &self.namespace, &objects::resource("Sidecar"));
        // A gateway has none.
        let _ = sidecars.delete(&name, &DeleteParams::default()).await;
    }

    async fn patch(&self, client: &Client, pod: &str, change: &Value) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), &self.namespace);
        pods.patch(pod, &PatchParams::default(), &Patch::Merge(change)).await?;
        Ok(())
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        self.stop.cancel();
        // A panic there has been printed.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl RunningPod {
    /// Whether an application stands behind the proxy.
    #[must_use]
    pub fn has_app(&self) -> bool {
        self.app.is_some()
    }
}

/// A pod that has an address.
fn identity(pod: &Pod) -> Option<Identity> {
    let ip = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let labels = pod.labels().clone();
    let is_gateway = pod.annotations().contains_key(objects::INJECT_TEMPLATES);
    Some(Identity { namespace: pod.namespace()?, name: pod.name_any(), labels, ip, is_gateway })
}

/// Where the application of a pod sends what it sends.
fn outbound(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let [_, b, c, d] = ip.octets();
            Ipv4Addr::new(127, b, c, d).into()
        }
        IpAddr::V6(_) => ip,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
