//! The virtual hosts of a namespace's proxies that lead to services of the group, with their routes.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Reason};
use super::input::{Caller, ProxyKind};
use super::mesh::Mesh;
use super::rules::covers;
use super::virtual_service::{Fate, HttpRoute, Routing, Target};

/// The name of the route that istiod makes for a service without VirtualService.
const DEFAULT_ROUTE: &str = "default";

/// A virtual host.
pub(super) struct VirtualHost<'m> {
    /// Its name in Envoy: `host:port`.
    pub(super) name: String,
    pub(super) routes: Vec<Found<'m>>,
}

/// A route of a virtual host.
pub(super) struct Found<'m> {
    /// `None` for the one that istiod makes without a VirtualService.
    pub(super) source: Option<(&'m Routing<'m>, &'m HttpRoute)>,
    /// `NAMESPACE/NAME http[INDEX]` of the VirtualService.
    pub(super) place: String,
    pub(super) names: Option<Vec<String>>,
    pub(super) fate: Fate,
}

/// A change of routes of one virtual host.
pub(super) struct Change<'m> {
    /// The routes of that name; all that forward, for `None`.
    pub(super) name: Option<String>,
    pub(super) target: Target,
    /// The routes that are changed.
    pub(super) routes: Vec<&'m Found<'m>>,
}

/// The virtual hosts of the proxies of one kind in a namespace.
pub(super) fn virtual_hosts<'m>(
    mesh: &'m Mesh<'m>,
    caller: &Caller,
    kind: ProxyKind,
) -> Vec<VirtualHost<'m>> {
    let visible: Vec<&Routing<'_>> =
        mesh.routings.iter().filter(|routing| routing.is_visible_in(&caller.namespace)).collect();
    match kind {
        ProxyKind::Sidecar => sidecar_hosts(mesh, &visible),
        ProxyKind::Gateway => gateway_hosts(mesh, &visible),
    }
}

fn sidecar_hosts<'m>(mesh: &'m Mesh<'m>, visible: &[&'m Routing<'m>]) -> Vec<VirtualHost<'m>> {
    let visible: Vec<_> = visible.iter().copied().filter(|routing| routing.is_for_sidecars).collect();
    let mut hosts = Vec::new();
    for callee in mesh.callees.values() {
        let host = callee.service.host.as_str();
        let exact = |routing: &&&Routing<'_>| routing.hosts.iter().any(|name| name == host);
        let mut routings: Vec<_> = visible.iter().filter(exact).copied().collect();
        if routings.is_empty() {
            let wild = |routing: &&&Routing<'_>| routing.hosts.iter().any(|name| covers(name, host));
            routings = visible.iter().filter(wild).copied().collect();
        }
        for port in &callee.ports {
            let mut routes = found(mesh, &routings, port.number);
            if routings.is_empty() {
                routes.push(Found {
                    source: None,
                    place: format!("the route of {host}"),
                    names: Some(vec![DEFAULT_ROUTE.to_owned()]),
                    fate: Fate::Laned(Target { host: host.to_owned(), port: port.number }),
                });
            }
            hosts.push(VirtualHost { name: format!("{host}:{}", port.number), routes });
        }
    }
    hosts.extend(other_hosts(mesh, &visible));
    hosts
}

/// The hosts of VirtualServices for sidecars that are no service of the group.
fn other_hosts<'m>(mesh: &'m Mesh<'m>, visible: &[&'m Routing<'m>]) -> Vec<VirtualHost<'m>> {
    let mut by_name: BTreeMap<(String, u16), Vec<&'m Routing<'m>>> = BTreeMap::new();
    for routing in visible {
        let ports_of = |host: &String| -> BTreeSet<u16> {
            let ours = mesh.callees.get(host.as_str()).into_iter().flat_map(|callee| &callee.ports);
            let other = mesh.input.other_hosts.get(host).into_iter().flatten().copied();
            ours.map(|port| port.number).chain(other).collect()
        };
        let mut of_all: BTreeSet<u16> = routing.hosts.iter().flat_map(ports_of).collect();
        if of_all.is_empty() {
            of_all.insert(80);
        }
        for host in routing.hosts.iter().filter(|host| !mesh.callees.contains_key(host.as_str())) {
            let own = ports_of(host);
            for port in if own.is_empty() { &of_all } else { &own } {
                by_name.entry((host.clone(), *port)).or_default().push(routing);
            }
        }
    }
    by_name.into_iter().map(|((host, port), routings)| host_of(mesh, &host, port, &routings)).collect()
}

fn gateway_hosts<'m>(mesh: &'m Mesh<'m>, visible: &[&'m Routing<'m>]) -> Vec<VirtualHost<'m>> {
    let mut by_name: BTreeMap<(String, u16), Vec<&'m Routing<'m>>> = BTreeMap::new();
    for routing in visible {
        for (host, port) in
            routing.hosts.iter().flat_map(|h| routing.gateway_ports.iter().map(move |p| (h, p)))
        {
            by_name.entry((host.clone(), *port)).or_default().push(routing);
        }
    }
    by_name.into_iter().map(|((host, port), routings)| host_of(mesh, &host, port, &routings)).collect()
}

fn host_of<'m>(mesh: &'m Mesh<'m>, host: &str, port: u16, routings: &[&'m Routing<'m>]) -> VirtualHost<'m> {
    VirtualHost { name: format!("{host}:{port}"), routes: found(mesh, routings, port) }
}

fn found<'m>(mesh: &'m Mesh<'m>, routings: &[&'m Routing<'m>], port: u16) -> Vec<Found<'m>> {
    let of_one = |routing: &&'m Routing<'m>| {
        let routing = *routing;
        routing.routes.iter().enumerate().map(move |(index, route)| Found {
            source: Some((routing, route)),
            place: routing.place(index, route),
            names: route.names(),
            fate: route.fate(mesh, routing, port),
        })
    };
    routings.iter().flat_map(of_one).collect()
}

impl<'m> VirtualHost<'m> {
    /// The changes that route this host by lane, and why some routes stay as they are.
    pub(super) fn changes(&'m self, mesh: &Mesh<'_>, findings: &mut Vec<Finding>) -> Vec<Change<'m>> {
        for found in &self.routes {
            let (reason, why) = match &found.fate {
                Fate::Laned(_) => continue,
                Fate::Left(reason, why) => (*reason, why.as_str()),
                Fate::Answers(reason) => (*reason, "it answers by itself"),
            };
            self.report(mesh, found, reason, why, findings);
        }
        let laned = || self.routes.iter().filter(|found| matches!(found.fate, Fate::Laned(_)));
        if laned().any(|found| found.names.is_none())
            && let Some(whole) = self.whole(mesh, findings)
        {
            return vec![whole];
        }
        let names: BTreeSet<&String> = laned().flat_map(|found| found.names.iter().flatten()).collect();
        names.into_iter().filter_map(|name| self.named(mesh, name, findings)).collect()
    }

    /// All forwarding routes at once, which have to lead to one place.
    fn whole(&'m self, mesh: &Mesh<'_>, findings: &mut Vec<Finding>) -> Option<Change<'m>> {
        let forwarding = || self.routes.iter().filter(|found| !matches!(found.fate, Fate::Answers(_)));
        let target = forwarding().find_map(|found| match &found.fate {
            Fate::Laned(target) => Some(target.clone()),
            _ => None,
        })?;
        if forwarding().all(|found| found.fate == Fate::Laned(target.clone())) {
            return Some(Change { name: None, target, routes: forwarding().collect() });
        }
        let laned = |found: &&Found<'_>| matches!(found.fate, Fate::Laned(_)) && found.names.is_none();
        for found in forwarding().filter(laned) {
            let why = "it has no name, and not all routes of its host can be routed by lane alike; name it";
            self.report(mesh, found, Reason::RouteUnnamed, why, findings);
        }
        // What has a name is changed all the same.
        None
    }

    fn named(&'m self, mesh: &Mesh<'_>, name: &String, findings: &mut Vec<Finding>) -> Option<Change<'m>> {
        let alike: Vec<_> =
            self.routes.iter().filter(|found| found.names.iter().flatten().any(|n| n == name)).collect();
        let Fate::Laned(target) = &alike.first()?.fate else {
            return None;
        };
        if let Some(other) = alike.iter().find(|found| found.fate != Fate::Laned(target.clone())) {
            let why = format!("another route of its host is called {name} too, and leads elsewhere");
            self.report(mesh, other, Reason::RouteNameShared, &why, findings);
            return None;
        }
        Some(Change { name: Some(name.clone()), target: target.clone(), routes: alike })
    }

    /// Reports a route once for each service of the group that it is about.
    pub(super) fn report(
        &self,
        mesh: &Mesh<'_>,
        found: &Found<'_>,
        reason: Reason,
        why: &str,
        findings: &mut Vec<Finding>,
    ) {
        let Some((routing, route)) = found.source else { return };
        let domain = &mesh.input.cluster_domain;
        let hosts: BTreeSet<String> =
            route.destinations(routing, domain).chain(routing.hosts.iter().cloned()).collect();
        let about = mesh.input.services.iter().filter(|service| hosts.contains(&service.host));
        findings.extend(about.map(|service| {
            let message = format!("{} is left alone on {}: {why}", found.place, self.name);
            super::mesh::finding(service, None, reason, message)
        }));
    }
}

#[cfg(test)]
mod tests;
