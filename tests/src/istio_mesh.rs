//! A mesh under Istio without Istio: the recorded configuration of real sidecars, with the objects applied that
//! the generator makes for a lane group, in real Envoys with the shipped module.
//!
//! ```text
//! recorded.rs          the recording, and what is derived from it for other services and the gateway
//! subsets.rs           what istiod makes of DestinationRules
//! virtual_services.rs  what istiod makes of VirtualServices
//! mutual_tls.rs        certificates, and what istiod makes of mutual TLS
//! proxies.rs           the configuration of every proxy; our EnvoyFilters go through istio_patch.rs
//! loopback.rs          the same for real Envoys on loopback
//! control_plane.rs     what they ask for it
//! pods.rs, options.rs  what runs, and what the generator is told
//! processes.rs         applications and Envoys, started and killed
//! ```
//!
//! What is not understood on this way, be it of the user's objects or of ours, is an error.

mod control_plane;
mod loopback;
mod mutual_tls;
pub mod options;
mod pods;
mod processes;
mod proxies;
pub mod recorded;
mod subsets;
#[cfg(test)]
mod tests;
mod virtual_services;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chain::Running;
use envoy_config::istio::Finding;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::control_plane::ControlPlane;
use self::loopback::Site;
use self::mutual_tls::MutualTls;
pub use self::options::{Emitter, IstioOptions, PortProtocol, gateway_service, virtual_service};
use self::pods::Pod;
use self::proxies::{Programmed, World};
use self::recorded::Recorded;
use crate::client::Client;
use crate::diagnostics::Diagnostics;
use crate::envoy::Envoy;
use crate::mesh::MeshOptions;
use crate::{ports, wait};

/// How long a proxy may take to take its configuration, or a request to be answered.
const DEADLINE: Duration = Duration::from_secs(180);

/// A running mesh; everything in it ends when it is dropped.
pub struct IstioMesh {
    options: MeshOptions,
    /// What of it is Istio's; in force with the next change of lanes.
    pub istio: IstioOptions,
    recorded: Recorded,
    pods: Vec<Pod>,
    gateway_port: u16,
    lanes: BTreeMap<String, Value>,
    faults: BTreeMap<String, Value>,
    generation: u64,
    control_plane: ControlPlane,
    tls: Option<MutualTls>,
    apps: BTreeMap<String, Running>,
    envoys: BTreeMap<String, Envoy>,
    diagnostics: Diagnostics,
    dir: TempDir,
}

impl IstioMesh {
    /// Starts a gateway and a call chain without lanes.
    ///
    /// # Errors
    /// What an application or an Envoy says, or what of the configuration is not known here.
    pub async fn start(options: MeshOptions, istio: IstioOptions) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("graylane-istio-").tempdir()?;
        let pods = Pod::all(&options)?;
        let tls = if istio.is_mutual_tls { Some(MutualTls::new(dir.path(), &pods)?) } else { None };
        let mut mesh = Self {
            recorded: Recorded::read()?,
            pods,
            gateway_port: ports::free()?,
            options,
            istio,
            lanes: BTreeMap::new(),
            faults: BTreeMap::new(),
            generation: 1,
            control_plane: ControlPlane::start().await?,
            tls,
            apps: BTreeMap::new(),
            envoys: BTreeMap::new(),
            diagnostics: Diagnostics::new(),
            dir,
        };
        let programmed = mesh.programmed()?;
        let endpoints = programmed.endpoints(&mesh.pods);
        for (name, proxy) in &programmed.proxies {
            let site = mesh.site(name);
            site.write_bootstrap(mesh.dir.path(), proxy)?;
            site.set_clusters(&proxy.clusters, &endpoints)?;
            site.set_traffic(proxy)?;
        }
        for pod in mesh.pods.clone() {
            mesh.start_app(&pod.name).await?;
        }
        mesh.start_envoys(programmed.proxies.keys()).await?;
        mesh.all_have(&programmed, true).await?;
        Ok(mesh)
    }

    /// Sets a lane of this specification, `group` left out, and waits until every proxy has it.
    ///
    /// # Errors
    /// What of it is not known, or what a proxy refuses.
    pub async fn set_lane(&mut self, name: &str, mut spec: Value) -> Result<Vec<Finding>> {
        spec["group"] = json!("shop");
        // The first lane with a share gets the first buckets.
        let buckets =
            spec["share"]["percent"].as_u64().map(|share| json!([{ "from": 0, "to": share * 100 }]));
        let lane = json!({
            "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane", "metadata": { "name": name }, "spec": spec,
            "status": { "buckets": buckets.unwrap_or(json!([])) },
        });
        self.lanes.insert(name.to_owned(), lane);
        self.apply().await
    }

    /// Removes a lane, and waits until no proxy knows it.
    ///
    /// # Errors
    /// What a proxy refuses.
    pub async fn remove_lane(&mut self, name: &str) -> Result<Vec<Finding>> {
        self.lanes.remove(name);
        self.apply().await
    }

    /// Injects a fault of this specification, `group` and `expires` left out, in the place of all others, and waits
    /// until every proxy has it; `None` for no fault any more.
    ///
    /// # Errors
    /// What of it is not known, or what a proxy refuses.
    pub async fn set_fault(&mut self, fault: Option<(&str, Value)>) -> Result<Vec<Finding>> {
        self.faults.clear();
        if let Some((name, mut spec)) = fault {
            spec["group"] = json!("shop");
            spec["expires"] = json!("2100-01-01T00:00:00Z");
            let fault = json!({
                "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneFault",
                "metadata": { "name": name }, "spec": spec,
            });
            self.faults.insert(name.to_owned(), fault);
        }
        self.apply().await
    }

    /// Gives every proxy what follows from lanes and options, clusters first, and waits until all have it.
    ///
    /// # Errors
    /// What of it is not known, or what a proxy refuses.
    pub async fn apply(&mut self) -> Result<Vec<Finding>> {
        self.generation += 1;
        let programmed = self.programmed()?;
        let endpoints = programmed.endpoints(&self.pods);
        for (name, proxy) in &programmed.proxies {
            self.site(name).set_clusters(&proxy.clusters, &endpoints)?;
        }
        self.all_have(&programmed, false).await?;
        for (name, proxy) in &programmed.proxies {
            self.site(name).set_traffic(proxy)?;
        }
        self.all_have(&programmed, true).await?;
        Ok(programmed.findings)
    }

    /// Makes a pod an endpoint of its service, or none, as EDS does.
    ///
    /// # Errors
    /// When there is no such pod.
    pub fn set_ready(&mut self, name: &str, is_ready: bool) -> Result<()> {
        let mut pods = self.pods.iter_mut();
        pods.find(|pod| pod.name == name).with_context(|| format!("there is no {name}"))?.is_ready = is_ready;
        let programmed = self.programmed()?;
        let endpoints = programmed.endpoints(&self.pods);
        for name in programmed.proxies.keys() {
            self.site(name).set_endpoints(&endpoints);
        }
        Ok(())
    }

    /// Where clients call the mesh.
    #[must_use]
    pub fn gateway(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.gateway_port).into()
    }

    /// Where the application of a pod calls other services.
    ///
    /// # Errors
    /// When there is no such pod.
    pub fn outbound(&self, name: &str) -> Result<SocketAddr> {
        Ok(([127, 0, 0, 1], self.pod(name)?.outbound).into())
    }

    /// A client of the gateway over HTTP/1.1.
    #[must_use]
    pub fn h1(&self) -> Client {
        Client::h1(self.gateway()).deadline(DEADLINE)
    }

    /// A client of the gateway over HTTP/2.
    #[must_use]
    pub fn h2(&self) -> Client {
        Client::h2(self.gateway()).deadline(DEADLINE)
    }

    /// The last act of a test that has passed: ends everything and prints nothing.
    pub async fn passed(self) {
        self.diagnostics.passed();
        drop(self.envoys);
        for (_, app) in self.apps {
            app.kill().await;
        }
    }

    fn programmed(&self) -> Result<Programmed> {
        let lanes: Vec<Value> = self.lanes.values().cloned().collect();
        let faults: Vec<Value> = self.faults.values().cloned().collect();
        let objects = (lanes.as_slice(), faults.as_slice());
        let input = self.istio.input(&self.options, &self.pods, objects, self.generation)?;
        let world = World {
            recorded: &self.recorded,
            mesh: &self.options,
            istio: &self.istio,
            pods: &self.pods,
            gateway_port: self.gateway_port,
            tls: self.tls.as_ref(),
        };
        world.program(&input)
    }

    /// Waits until every running proxy has what was written for it: its clusters, or everything.
    async fn all_have(&self, programmed: &Programmed, everything: bool) -> Result<()> {
        for (name, envoy) in &self.envoys {
            let proxy = programmed.proxies.get(name).with_context(|| format!("there is no {name}"))?;
            let site = self.site(name);
            let what = format!("{name} to take its configuration");
            wait::succeeds(DEADLINE, &what, async || {
                site.has_polled(proxy, everything)?;
                let dump = envoy.config_dump().await?;
                if everything { site.check(&dump, proxy) } else { site.check_clusters(&dump) }
            })
            .await?;
        }
        Ok(())
    }

    fn site<'m>(&'m self, name: &'m str) -> Site<'m> {
        Site { control_plane: &self.control_plane, name }
    }

    fn pod(&self, name: &str) -> Result<&Pod> {
        self.pods.iter().find(|pod| pod.name == name).with_context(|| format!("there is no {name}"))
    }
}
