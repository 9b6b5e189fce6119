//! The configuration of every proxy of a mesh, before and after our objects are applied.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use envoy_config::istio::{self, Finding, Input};
use serde_json::{Value, json};

use super::mutual_tls::MutualTls;
use super::options::IstioOptions;
use super::pods::{GATEWAY_NAMESPACE, Pod, endpoints};
use super::recorded::{NAMESPACE, PORT, Recorded, host};
use super::subsets::{self, subset_clusters};
use super::virtual_services::routes;
use crate::istio_patch::Proxy;
use crate::mesh::{GATEWAY, MeshOptions};

/// What is in force in a mesh.
pub(super) struct Programmed {
    /// By name of pod or gateway.
    pub(super) proxies: BTreeMap<String, Proxy>,
    /// What an EDS cluster of that name selects.
    pub(super) selections: BTreeMap<String, Selection>,
    /// What the generator has told.
    pub(super) findings: Vec<Finding>,
}

/// The pods that are the endpoints of a cluster.
#[derive(Clone)]
pub(super) struct Selection {
    service: String,
    labels: BTreeMap<String, String>,
}

/// What proxies are made of.
pub(super) struct World<'m> {
    pub(super) recorded: &'m Recorded,
    pub(super) mesh: &'m MeshOptions,
    pub(super) istio: &'m IstioOptions,
    pub(super) pods: &'m [Pod],
    pub(super) gateway_port: u16,
    pub(super) tls: Option<&'m MutualTls>,
}

impl World<'_> {
    /// Generates our objects, and applies them to every proxy.
    pub(super) fn program(&self, input: &Input) -> Result<Programmed> {
        let generated = istio::generate(input)?;
        let entry = input.entries.first().context("no entry")?;
        let of_gateway = istio::gateway::filters(entry, &[input])?;
        let objects: Vec<Value> =
            generated.objects.iter().chain(&of_gateway).map(istio::IstioObject::manifest).collect();
        let (clusters, selections) = self.service_clusters(&objects)?;
        let mut proxies = BTreeMap::new();
        for pod in self.pods {
            proxies.insert(pod.name.clone(), self.sidecar(pod, &clusters)?);
        }
        proxies.insert(GATEWAY.to_owned(), self.gateway(&clusters)?);
        if let Some(tls) = self.tls {
            tls.secure(&mut proxies, self.pods)?;
        }
        for (name, proxy) in &mut proxies {
            proxy.apply(&objects).with_context(|| format!("patches of {name}"))?;
        }
        Ok(Programmed { proxies, selections, findings: generated.findings })
    }

    /// The clusters of services and of all subsets, those of the user's rules and those of ours.
    fn service_clusters(&self, objects: &[Value]) -> Result<(Vec<Value>, BTreeMap<String, Selection>)> {
        let rules: Vec<Value> = self.istio.destination_rules.iter().chain(objects).cloned().collect();
        let (mut clusters, mut selections) = (Vec::new(), BTreeMap::new());
        let mut keep = |cluster: Value, service: &str, labels| -> Result<()> {
            let name = cluster["name"].as_str().context("a cluster has no name")?.to_owned();
            let selection = Selection { service: service.to_owned(), labels };
            ensure!(selections.insert(name.clone(), selection).is_none(), "two subsets make {name}");
            clusters.push(cluster);
            Ok(())
        };
        for service in &self.mesh.services {
            let base = self.recorded.service_cluster(&service.name, self.istio.protocol)?;
            for selected in subset_clusters(&base, &service.name, &rules)? {
                keep(selected.cluster, &service.name, selected.labels)?;
            }
            let mut whole = base;
            subsets::apply_policy(&mut whole, &subsets::policy(&service.name, &rules))?;
            keep(whole, &service.name, BTreeMap::new())?;
        }
        Ok((clusters, selections))
    }

    fn sidecar(&self, pod: &Pod, of_services: &[Value]) -> Result<Proxy> {
        let mut clusters = self.recorded.common_clusters()?;
        clusters.push(self.recorded.inbound_cluster(&pod.service, self.istio.protocol, pod.app)?);
        clusters.extend(of_services.iter().cloned());
        let hosts = self.mesh.services.iter().map(|service| self.service_host(&service.name));
        Ok(Proxy {
            namespace: NAMESPACE.to_owned(),
            labels: pod.labels(),
            is_gateway: false,
            listeners: self.recorded.sidecar_listeners(pod.inbound, pod.outbound)?,
            routes: vec![self.recorded.sidecar_routes(hosts.collect::<Result<_>>()?)?],
            clusters,
            extension_configs: Vec::new(),
        })
    }

    /// The virtual host of a service, with the routes of the user's VirtualService if there is one.
    fn service_host(&self, service: &str) -> Result<Value> {
        let mut recorded = self.recorded.service_host(service)?;
        let named = |object: &&Value| {
            let hosts = object["spec"]["hosts"].as_array().into_iter().flatten();
            hosts.into_iter().any(|name| *name == service || *name == host(service))
        };
        if let Some(object) = self.istio.virtual_services.iter().find(named) {
            recorded["routes"] = json!(of_virtual_service(object)?);
        }
        for route in recorded["routes"].as_array_mut().into_iter().flatten() {
            self.hash(route);
        }
        Ok(recorded)
    }

    /// What a route says of hashing, by the user's rule for the service that it leads to.
    fn hash(&self, route: &mut Value) {
        let cluster = route["route"]["cluster"].as_str().unwrap_or_default();
        let service =
            self.mesh.services.iter().find(|service| cluster.ends_with(&format!("|{}", host(&service.name))));
        let Some(service) = service else { return };
        let policy = subsets::policy(&service.name, &self.istio.destination_rules);
        if let Some(header) = subsets::hash_header(&policy) {
            route["route"]["hash_policy"] = json!([{ "header": { "header_name": header } }]);
        }
    }

    fn gateway(&self, of_services: &[Value]) -> Result<Proxy> {
        let mut clusters = vec![self.recorded.cluster("BlackHoleCluster")?];
        clusters.extend(of_services.iter().cloned());
        let service = &self.istio.gateway_service;
        let hosts = service["spec"]["hosts"].as_array().context("the gateway serves no host")?;
        let mut virtual_hosts = Vec::new();
        let mut routes = of_virtual_service(service)?;
        routes.iter_mut().for_each(|route| self.hash(route));
        for host in hosts {
            let host = host.as_str().context("a host that is no text")?;
            virtual_hosts.push(json!({
                "name": format!("{host}:{PORT}"), "domains": [host],
                "include_request_attempt_count": true, "routes": routes,
            }));
        }
        Ok(Proxy {
            namespace: GATEWAY_NAMESPACE.to_owned(),
            labels: [("istio".to_owned(), GATEWAY.to_owned())].into(),
            is_gateway: true,
            listeners: self.recorded.gateway_listeners(self.gateway_port)?,
            routes: vec![self.recorded.gateway_routes(&virtual_hosts)],
            clusters,
            extension_configs: Vec::new(),
        })
    }
}

impl Programmed {
    /// The resources of EDS.
    pub(super) fn endpoints(&self, pods: &[Pod]) -> BTreeMap<String, Value> {
        let of = |(name, selection): (&String, &Selection)| {
            let resource = endpoints(&json!(name), pods, &selection.service, &selection.labels);
            (name.clone(), resource)
        };
        self.selections.iter().map(of).collect()
    }
}

fn of_virtual_service(object: &Value) -> Result<Vec<Value>> {
    let name = object["metadata"]["name"].as_str().context("a VirtualService has no name")?;
    // A destination without a namespace is one of the VirtualService's own.
    ensure!(
        object["metadata"]["namespace"] == NAMESPACE,
        "VirtualServices of other namespaces are not known"
    );
    routes(name, &object["spec"])
}
