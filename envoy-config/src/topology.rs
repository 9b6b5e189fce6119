//! Where the gateways and workloads of a mesh without Kubernetes are: the object `Topology`.

pub mod access_log;
mod validate;

use std::net::SocketAddr;

use lane::model::Object;
use lane::name::{GroupName, LaneName, ServiceName, WorkloadName};
use serde::{Deserialize, Serialize};

pub use access_log::AccessLog;
pub use validate::validate;

/// The `kind` of a [`Topology`].
pub const TOPOLOGY: &str = "Topology";

/// A topology as an object; by convention it has the name of its lane group.
pub type Topology = Object<GroupName, TopologySpec>;

/// The places of a mesh: one Envoy for each gateway and each workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopologySpec {
    /// Proxies at the edge.
    #[serde(default)]
    pub gateways: Vec<Gateway>,
    /// Applications, each with an Envoy of its own beside it.
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// Where the proxies write a line for each request; nowhere where nothing is said.
    #[serde(default)]
    pub access_log: AccessLog,
}

/// A proxy at the edge of the mesh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Name, unique among gateways and workloads; what a lane group's `entries` refer to.
    pub name: WorkloadName,
    /// Address that clients call.
    pub listen: SocketAddr,
    /// Envoy's admin address; on loopback only, since it has no access control.
    pub admin: SocketAddr,
    /// Service that gets the requests which no prefix of `routes` takes.
    pub service: ServiceName,
    /// Services by the path's prefix; the longest prefix wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<PrefixRoute>,
    /// Proxies in front of this one whose `x-forwarded-for` entries are believed.
    #[serde(default)]
    pub trusted_hops: u32,
    /// Ends TLS where it is given; plain text otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Worker threads; Envoy's own default where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

/// A gateway's route by path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixRoute {
    /// Prefix of the path, byte by byte, starting with `/`.
    pub prefix: String,
    /// Service that gets the requests.
    pub service: ServiceName,
}

/// Files, in PEM, with which a gateway ends TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Certificate chain of the gateway.
    pub certificate: String,
    /// Private key of the certificate.
    pub private_key: String,
    /// Authorities whose client certificates are accepted. A client may then present one, and a rule may
    /// match its URI (`source`); a client without one is served all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<String>,
}

/// An application with its Envoy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Name, unique among gateways and workloads.
    pub name: WorkloadName,
    /// Service that the application implements.
    pub service: ServiceName,
    /// Lane that it belongs to; the baseline where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneName>,
    /// Address on which the application listens; it speaks the protocol that its callers speak.
    pub app: SocketAddr,
    /// Address that callers reach the workload at: its Envoy's inbound listener.
    pub inbound: SocketAddr,
    /// Address to which the application sends its own calls, with the service's name as `Host`.
    pub outbound: SocketAddr,
    /// Envoy's admin address; on loopback only, since it has no access control.
    pub admin: SocketAddr,
    /// Worker threads; Envoy's own default where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Services that the application calls; every service of the group where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callees: Option<Vec<ServiceName>>,
    /// Where the workload is an entry of its group: proxies in front of it whose `x-forwarded-for` entries
    /// are believed.
    #[serde(default)]
    pub trusted_hops: u32,
}

impl TopologySpec {
    /// The workloads of a service that belong to `lane`, or to the baseline for `None`.
    pub fn workloads_of<'a>(
        &'a self,
        service: &'a ServiceName,
        lane: Option<&'a LaneName>,
    ) -> impl Iterator<Item = &'a Workload> {
        self.workloads.iter().filter(move |w| w.service == *service && w.lane.as_ref() == lane)
    }
}
