//! What generation needs to know: what the controller has read from the cluster, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use lane::model::{Fallback, Lane, LaneFault, LaneGroup};
use lane::name::{LaneName, NamespaceName, ServiceName, WorkloadName};
use serde::Deserialize;
use serde_json::Value;

use super::module::Module;
use super::protocol::Protocol;
use super::version::Emission;

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// Lanes of other groups by the host of a service, each with what happens where it has no endpoint.
pub type SharedLanes = BTreeMap<String, BTreeMap<LaneName, Fallback>>;

/// One lane group with its surroundings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The group.
    pub group: LaneGroup,
    /// The namespace of the group.
    pub namespace: NamespaceName,
    /// Clusters that there are to be without a route that leads there: not yet, or not any more.
    #[serde(default)]
    pub unrouted: BTreeSet<ClusterKey>,
    /// Number of this generation, which the filters report.
    pub generation: u64,
    /// The lanes of the group, with the buckets of their shares in `status`.
    #[serde(default)]
    pub lanes: Vec<Lane>,
    /// The faults of the group that make sense.
    #[serde(default)]
    pub faults: Vec<LaneFault>,
    /// The services of the group that were found and that the group may use.
    pub services: Vec<Service>,
    /// The entries of the group that were found and that the group may use.
    pub entries: Vec<Entry>,
    /// The namespaces whose proxies get routes. The caller of [`super::generate`] has their consent.
    pub callers: Vec<Caller>,
    /// The user's VirtualServices that name a service of the group, as a host or as a destination. Never ours.
    #[serde(default)]
    pub virtual_services: Vec<VirtualService>,
    /// The user's HTTPRoutes of the Gateway API that name a service of the group, as a parent or as a backend.
    #[serde(default)]
    pub http_routes: Vec<HttpRoute>,
    /// The user's DestinationRules in the namespaces of callers and services and in the root namespace. Never
    /// ours.
    #[serde(default)]
    pub destination_rules: Vec<DestinationRule>,
    /// HTTP ports of the services outside the group that are hosts of `virtual_services`, by full host name.
    #[serde(default)]
    pub other_hosts: BTreeMap<String, BTreeSet<u16>>,
    /// Lanes of other groups that have a service in common with this one, by its full host name, with what happens
    /// there without an endpoint. Whichever group's patch comes last, a route must know the lanes of all.
    #[serde(default)]
    pub shared_lanes: SharedLanes,
    /// Where the proxies get the module from.
    pub module: Module,
    /// How routes are written; see [`super::emission`].
    pub emission: Emission,
    /// Istio's root namespace, `istio-system` as a rule.
    pub root_namespace: NamespaceName,
    /// The cluster's DNS domain, `cluster.local` as a rule.
    pub cluster_domain: String,
}

/// The clusters of a service for one lane or for the baseline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct ClusterKey {
    /// `NAMESPACE/NAME` of the service.
    pub service: String,
    /// The lane; none for the baseline.
    #[serde(default)]
    pub lane: Option<LaneName>,
}

/// A service of the group.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its namespace.
    pub namespace: NamespaceName,
    /// Its name.
    pub name: ServiceName,
    /// The full name, `b.demo.svc.cluster.local`.
    pub host: String,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Labels that every pod of the baseline has and no pod of a lane; empty where there are none.
    #[serde(default)]
    pub baseline: Labels,
    /// What runs behind it.
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// Why Istio cannot give it subsets: headless, ExternalName, ambient.
    #[serde(default)]
    pub unsupported: Option<String>,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Port {
    /// The number that callers use.
    pub number: u16,
    /// Its name; empty where the only port has none.
    #[serde(default)]
    pub name: String,
    /// What it speaks; see [`Protocol::of`].
    pub protocol: Protocol,
}

/// A Deployment, or the like, behind a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its name.
    pub name: WorkloadName,
    /// The labels by which it selects its pods.
    pub selector: Labels,
    /// The labels of its pods.
    pub labels: Labels,
    /// The lane that its pods belong to; the baseline where nothing is said.
    #[serde(default)]
    pub lane: Option<LaneName>,
}

/// A gateway or workload where requests enter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its namespace.
    pub namespace: NamespaceName,
    /// Its name.
    pub name: WorkloadName,
    /// The labels by which it selects its pods.
    pub selector: Labels,
    /// What it is.
    pub kind: EntryKind,
}

/// What kind of proxy an [`Entry`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum EntryKind {
    /// A gateway of Istio, a proxy without an application.
    Gateway,
    /// A workload with a sidecar.
    Sidecar,
}

/// A namespace whose proxies get routes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The namespace.
    pub namespace: NamespaceName,
    /// Which proxies are there.
    pub proxies: BTreeSet<ProxyKind>,
}

/// A kind of proxy, as EnvoyFilters tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum ProxyKind {
    /// Beside an application.
    Sidecar,
    /// At the edge.
    Gateway,
}

/// A VirtualService of the user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualService {
    /// Its namespace.
    pub namespace: NamespaceName,
    /// Its name.
    pub name: String,
    /// Its `spec`.
    pub spec: Value,
    /// The server ports of the Gateways that it is bound to; none where it is for sidecars only.
    #[serde(default)]
    pub gateway_ports: BTreeSet<u16>,
}

/// An HTTPRoute of the user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRoute {
    /// Its namespace.
    pub namespace: NamespaceName,
    /// Its name.
    pub name: String,
    /// Its `spec`.
    pub spec: Value,
    /// The listeners of the Gateways that it is bound to.
    #[serde(default)]
    pub listeners: Vec<Listener>,
}

/// A listener of a Gateway of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// `NAMESPACE/NAME` of the Gateway.
    pub gateway: String,
    /// Its own name.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// The host that it is for, perhaps a wildcard; all where nothing is said.
    #[serde(default)]
    pub hostname: Option<String>,
}

/// A DestinationRule of the user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationRule {
    /// Its namespace.
    pub namespace: NamespaceName,
    /// Its name.
    pub name: String,
    /// Its `spec`.
    pub spec: Value,
}
