//! What kind of mesh a test wants.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use chain::{Forward, Witness};
use envoy_config::topology::{AccessLog, Gateway, TOPOLOGY, Tls, Topology, TopologySpec, Workload};
use lane::model::Object;

use super::{GATEWAY, WASM_VARIABLE};
use crate::ports;

/// Options of [`super::Mesh::start`]: by default the chain a → b → c with a gray version of a and c, a
/// trail, permissive, one worker per Envoy.
#[derive(Clone, Debug)]
pub struct MeshOptions {
    /// Services in the order of calls.
    pub services: Vec<ServiceOptions>,
    /// Workers of each Envoy.
    pub concurrency: u32,
    /// Whether the filter writes a trail.
    pub trail: bool,
    /// Whether the group is strict.
    pub strict: bool,
    /// Further arguments of `lanectl init`.
    pub init: Vec<String>,
    /// What applications forward where it is not everything, by workload.
    pub forward: Vec<(String, Forward)>,
    /// TLS of the gateway.
    pub tls: Option<Tls>,
    /// Proxies in front of the gateway whose `x-forwarded-for` is believed.
    pub trusted_hops: u32,
    /// Where the access log goes.
    pub access_log: AccessLog,
    /// Another module than the one that the environment names.
    pub module: Option<PathBuf>,
    /// Who is told of each request that reaches an application.
    pub witness: Option<Witness>,
}

/// A service of the chain.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Its name.
    pub name: String,
    /// Its workloads, each with its lane.
    pub workloads: Vec<(String, Option<String>)>,
}

impl Default for MeshOptions {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            concurrency: 1,
            trail: true,
            strict: false,
            init: Vec::new(),
            forward: Vec::new(),
            tls: None,
            trusted_hops: 0,
            access_log: AccessLog::Off,
            module: None,
            witness: None,
        }
        .service("a", &[None, Some("gray")])
        .service("b", &[None])
        .service("c", &[None, Some("gray")])
    }
}

impl MeshOptions {
    /// A mesh without services yet.
    #[must_use]
    pub fn empty() -> Self {
        Self { services: Vec::new(), ..Self::default() }
    }

    /// One more service at the end of the chain, with a workload per lane; `None` is the baseline.
    /// Workloads are called `SERVICE-v1` and `SERVICE-LANE`, a second one of the same lane `…-2` and so on.
    #[must_use]
    pub fn service(mut self, name: &str, lanes: &[Option<&str>]) -> Self {
        let mut workloads: Vec<(String, Option<String>)> = Vec::new();
        for lane in lanes {
            let lane = lane.map(str::to_owned);
            let base = format!("{name}-{}", lane.as_deref().unwrap_or("v1"));
            let same = workloads.iter().filter(|(_, other)| *other == lane).count();
            let workload = if same == 0 { base } else { format!("{base}-{}", same + 1) };
            workloads.push((workload, lane));
        }
        self.services.push(ServiceOptions { name: name.to_owned(), workloads });
        self
    }

    /// What one workload's application forwards.
    #[must_use]
    pub fn forwards(mut self, workload: &str, forward: Forward) -> Self {
        self.forward.push((workload.to_owned(), forward));
        self
    }

    /// A strict group.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { strict: true, ..self }
    }

    /// Without a trail, so that hops without a decision run no filter.
    #[must_use]
    pub fn no_trail(self) -> Self {
        Self { trail: false, ..self }
    }

    /// Another number of workers per Envoy.
    #[must_use]
    pub fn concurrency(self, concurrency: u32) -> Self {
        Self { concurrency, ..self }
    }

    /// Tells `witness` of each request that reaches an application.
    #[must_use]
    pub fn witness(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The Wasm module: that of the options, else the one that the environment names.
    pub(crate) fn module(&self) -> Result<PathBuf> {
        if let Some(module) = &self.module {
            return Ok(module.clone());
        }
        let module = std::env::var(WASM_VARIABLE)
            .with_context(|| format!("{WASM_VARIABLE} is not set: run through cargo xtask test"))?;
        Ok(PathBuf::from(module))
    }

    /// The topology, on free ports.
    pub(super) fn topology(&self) -> Result<Topology> {
        let gateway = Gateway {
            name: GATEWAY.parse()?,
            listen: address()?,
            admin: address()?,
            service: self.services.first().map_or("a", |service| &service.name).parse()?,
            routes: Vec::new(),
            trusted_hops: self.trusted_hops,
            tls: self.tls.clone(),
            concurrency: Some(self.concurrency),
        };
        let mut workloads = Vec::new();
        for ServiceOptions { name: service, workloads: members } in &self.services {
            for (name, lane) in members {
                workloads.push(Workload {
                    name: name.parse()?,
                    service: service.parse()?,
                    lane: lane.as_deref().map(str::parse).transpose()?,
                    app: address()?,
                    inbound: address()?,
                    outbound: address()?,
                    admin: address()?,
                    concurrency: Some(self.concurrency),
                    callees: None,
                    trusted_hops: 0,
                });
            }
        }
        let spec = TopologySpec { gateways: vec![gateway], workloads, access_log: self.access_log.clone() };
        Ok(Object::new(TOPOLOGY, "shop".parse()?, spec))
    }

    /// The arguments of `lanectl init`.
    pub(super) fn init_arguments(&self, topology: &Path, module: &Path) -> Vec<OsString> {
        let services: Vec<&str> = self.services.iter().map(|service| service.name.as_str()).collect();
        let mut args: Vec<OsString> =
            ["init", "shop", "--entry", GATEWAY, "--service", &services.join(",")].map(OsString::from).into();
        args.extend(["--topology".into(), topology.into(), "--module".into(), module.into()]);
        args.extend(self.trail.then(|| "--trail".into()));
        args.extend(self.strict.then(|| "--strict".into()));
        args.extend(self.init.iter().map(OsString::from));
        args
    }

    /// The version that an application reports: its lane, or `v1`.
    pub(super) fn version<'w>(&self, workload: &'w Workload) -> &'w str {
        workload.lane.as_ref().map_or("v1", |lane| lane.as_str())
    }

    pub(crate) fn forward_of(&self, workload: &str) -> Forward {
        self.forward.iter().find(|(name, _)| name == workload).map(|(_, f)| *f).unwrap_or_default()
    }

    /// The service that is called after `service`.
    pub(crate) fn next_service(&self, service: &str) -> Option<&str> {
        let names = self.services.iter().map(|service| service.name.as_str());
        names.skip_while(|name| *name != service).nth(1)
    }
}

fn address() -> Result<SocketAddr> {
    Ok(([127, 0, 0, 1], ports::free()?).into())
}
