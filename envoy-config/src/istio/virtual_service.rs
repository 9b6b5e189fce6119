//! The user's VirtualServices: what we read of them, and what becomes of each of their routes.

use std::collections::BTreeSet;

use lane::name::NamespaceName;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::finding::{Finding, Reason};
use super::input::{self, Input};
use super::mesh::Mesh;
use super::rules::full_host;

/// The `spec` of a VirtualService.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    hosts: Vec<String>,
    gateways: Vec<String>,
    export_to: Vec<String>,
    http: Vec<HttpRoute>,
}

/// One of the routes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HttpRoute {
    pub(super) name: String,
    #[serde(rename = "match")]
    pub(super) matches: Vec<Map<String, Value>>,
    route: Vec<Weighted>,
    redirect: Option<Value>,
    direct_response: Option<Value>,
    delegate: Option<Value>,
    /// Everything else that the route says.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Weighted {
    destination: Destination,
    /// Headers to change for this destination.
    headers: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Destination {
    host: String,
    subset: String,
    port: Option<DestinationPort>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct DestinationPort {
    number: u16,
}

/// What the user has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A VirtualService.
    VirtualService,
    /// An HTTPRoute of the Gateway API, of which istiod makes VirtualServices.
    HttpRoute,
}

/// A VirtualService of the user, read.
pub(super) struct Routing<'a> {
    kind: Kind,
    pub(super) namespace: &'a NamespaceName,
    pub(super) name: &'a str,
    pub(super) hosts: Vec<String>,
    pub(super) gateway_ports: BTreeSet<u16>,
    pub(super) is_for_sidecars: bool,
    export_to: Vec<String>,
    pub(super) routes: Vec<HttpRoute>,
}

/// Where a route leads: a port of a service that can have lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
}

/// What becomes of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is routed by lane.
    Laned(Target),
    /// It forwards, but is left alone.
    Left(Reason, String),
    /// It forwards nothing.
    Answers(Reason),
}

impl<'a> Routing<'a> {
    /// Reads a VirtualService.
    pub(super) fn read(service: &'a input::VirtualService, input: &Input) -> Result<Self, Finding> {
        let ports = service.gateway_ports.clone();
        let id = (&service.namespace, service.name.as_str());
        Self::parse(Kind::VirtualService, id, service.spec.clone(), ports, input).map_err(|error| Finding {
            service: format!("{}/{}", service.namespace, service.name),
            port: None,
            reason: Reason::UnreadableVirtualService,
            message: format!("VirtualService {}/{}: {error}", service.namespace, service.name),
        })
    }

    /// Reads the `spec` of a VirtualService, the user's or one that istiod makes of something else.
    pub(super) fn parse(
        kind: Kind,
        (namespace, name): (&'a NamespaceName, &'a str),
        spec: Value,
        gateway_ports: BTreeSet<u16>,
        input: &Input,
    ) -> Result<Self, serde_json::Error> {
        let spec: Spec = serde_json::from_value(spec)?;
        let full = |host: &String| full_host(host, namespace, &input.cluster_domain);
        Ok(Self {
            kind,
            namespace,
            name,
            hosts: spec.hosts.iter().map(full).collect(),
            gateway_ports,
            is_for_sidecars: spec.gateways.is_empty() || spec.gateways.iter().any(|name| name == "mesh"),
            export_to: spec.export_to,
            routes: spec.http,
        })
    }

    /// Where the user finds one of the routes.
    pub(super) fn place(&self, index: usize, route: &HttpRoute) -> String {
        let Self { namespace, name, .. } = self;
        match self.kind {
            Kind::VirtualService => format!("VirtualService {namespace}/{name} http[{index}]"),
            Kind::HttpRoute => format!("HTTPRoute {namespace}/{name} rule {}", route.name),
        }
    }

    /// Whether proxies in a namespace see it.
    pub(super) fn is_visible_in(&self, namespace: &NamespaceName) -> bool {
        let exported = |to: &String| match to.as_str() {
            "*" => true,
            "." => self.namespace == namespace,
            name => name == namespace.as_str(),
        };
        self.export_to.is_empty() || self.export_to.iter().any(exported)
    }
}

impl HttpRoute {
    /// The names of the routes that istiod makes of it, one for each match: `NAME`, `NAME.MATCH`.
    /// `None` where it has no name, so that they have none either.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        if self.name.is_empty() {
            return None;
        }
        let of_match = |one: &Map<String, Value>| match one.get("name").and_then(Value::as_str) {
            Some(name) if !name.is_empty() => format!("{}.{name}", self.name),
            _ => self.name.clone(),
        };
        let names = self.matches.iter().map(of_match).collect::<Vec<_>>();
        Some(if names.is_empty() { vec![self.name.clone()] } else { names })
    }

    /// Whether its only destination changes headers.
    pub(super) fn changes_headers(&self) -> bool {
        self.route.iter().any(|weighted| weighted.headers.is_some())
    }

    /// The hosts that it forwards to.
    pub(super) fn destinations<'m>(
        &'m self,
        routing: &'m Routing<'_>,
        domain: &'m str,
    ) -> impl Iterator<Item = String> + 'm {
        self.route.iter().map(|weighted| full_host(&weighted.destination.host, routing.namespace, domain))
    }

    /// What becomes of it on a host with the given port: only a single destination that is a service of the
    /// group, without a subset of its own, is routed by lane.
    pub(super) fn fate(&self, mesh: &Mesh<'_>, routing: &Routing<'_>, host_port: u16) -> Fate {
        if self.redirect.is_some() {
            return Fate::Answers(Reason::RedirectRoute);
        }
        if self.direct_response.is_some() {
            return Fate::Answers(Reason::DirectResponseRoute);
        }
        if self.delegate.is_some() {
            return Fate::Left(Reason::DelegateRoute, "another VirtualService describes it".to_owned());
        }
        let [Weighted { destination, .. }] = self.route.as_slice() else {
            return Fate::Left(Reason::WeightedRoute, "it has weights of its own".to_owned());
        };
        let host = full_host(&destination.host, routing.namespace, &mesh.input.cluster_domain);
        let Some(callee) = mesh.callees.get(host.as_str()) else {
            return Fate::Left(Reason::OtherHost, format!("{host} cannot have lanes in this group"));
        };
        if !destination.subset.is_empty() {
            let why = format!("it chooses the subset {}", destination.subset);
            return Fate::Left(Reason::ExplicitSubset, why);
        }
        let only = match callee.service.ports.as_slice() {
            [port] => Some(port.number),
            _ => None,
        };
        let port = destination.port.as_ref().map_or(only.unwrap_or(host_port), |port| port.number);
        if callee.ports.iter().any(|known| known.number == port) {
            Fate::Laned(Target { host, port })
        } else {
            Fate::Left(Reason::PortUnknown, format!("{host} has no HTTP port {port}"))
        }
    }
}
