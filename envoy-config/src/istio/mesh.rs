//! What one generation routes: the services that can have lanes, and their versions.

use std::collections::{BTreeMap, BTreeSet};

use lane::model::{Fallback, Lane};
use lane::name::LaneName;

use super::finding::{Finding, Reason};
use super::http_route;
use super::input::{ClusterKey, Input, Labels, Port, Service, Workload};
use super::names;
use super::rules::Rule;
use super::virtual_service::Routing;

/// The input of a generation, read and sorted.
pub(super) struct Mesh<'a> {
    pub(super) input: &'a Input,
    /// The lanes of the group.
    pub(super) lanes: Vec<&'a Lane>,
    /// The services that can have lanes, by host.
    pub(super) callees: BTreeMap<&'a str, Callee<'a>>,
    /// The user's DestinationRules.
    pub(super) rules: Vec<Rule<'a>>,
    /// The user's VirtualServices.
    pub(super) routings: Vec<Routing<'a>>,
}

/// A service that can have lanes.
pub(super) struct Callee<'a> {
    pub(super) service: &'a Service,
    /// The ports whose requests can be routed.
    pub(super) ports: Vec<&'a Port>,
    /// The lanes that callers are to tell apart, of this group and of those that share the service: those with
    /// workloads here, and of a strict group all, so that a request of a lane without one finds no endpoint.
    pub(super) lanes: BTreeMap<&'a LaneName, Fallback>,
    /// Of these, and of the baseline, the ones that no route leads to.
    unrouted: BTreeSet<Option<&'a LaneName>>,
    /// Whether a lane may find no endpoint here.
    pub(super) is_strict: bool,
}

impl<'a> Callee<'a> {
    /// The lanes that routes lead to; none at all where even the baseline has to wait.
    pub(super) fn routed(&self) -> Option<Vec<&'a LaneName>> {
        let is_routed = |lane: &&'a LaneName| !self.unrouted.contains(&Some(*lane));
        (!self.unrouted.contains(&None)).then(|| self.lanes.keys().copied().filter(is_routed).collect())
    }

    /// All its clusters, by what they are for.
    pub(super) fn keys(&self) -> impl Iterator<Item = ClusterKey> {
        let service = format!("{}/{}", self.service.namespace, self.service.name);
        let lanes = self.lanes.keys().map(|lane| Some((*lane).clone()));
        std::iter::once(None).chain(lanes).map(move |lane| ClusterKey { service: service.clone(), lane })
    }

    /// The cluster for requests of the lane.
    pub(super) fn cluster(&self, port: u16, lane: &LaneName) -> String {
        if self.falls_back(lane) {
            names::fallback_cluster(&self.service.host, port, lane)
        } else {
            names::subset_cluster(&self.service.host, port, Some(lane))
        }
    }

    /// Whether a lane's requests go to the baseline where the lane has no endpoint.
    pub(super) fn falls_back(&self, lane: &LaneName) -> bool {
        self.lanes.get(lane) != Some(&Fallback::Strict)
    }

    /// The cluster for all other requests.
    pub(super) fn baseline(&self, port: u16) -> String {
        names::subset_cluster(&self.service.host, port, None)
    }
}

impl<'a> Mesh<'a> {
    /// Reads the input, and tells what in it cannot have lanes.
    pub(super) fn new(input: &'a Input) -> (Self, Vec<Finding>) {
        let lanes = input.lanes.iter().filter(|lane| lane.spec.group == input.group.metadata.name).collect();
        let mut findings = Vec::new();
        let routings = input.virtual_services.iter().filter_map(|service| {
            Routing::read(service, input).map_err(|finding| findings.push(finding)).ok()
        });
        let mut routings: Vec<_> = routings.collect();
        for route in &input.http_routes {
            routings.extend(http_route::routings(route, input, &mut findings));
        }
        let rules = input.destination_rules.iter().filter_map(|rule| Rule::read(rule, input)).collect();
        let mut mesh = Self { input, lanes, callees: BTreeMap::new(), rules, routings };
        for service in &input.services {
            if let Some(callee) = mesh.callee(service, &mut findings) {
                mesh.callees.insert(&service.host, callee);
            }
        }
        (mesh, findings)
    }

    fn callee(&self, service: &'a Service, findings: &mut Vec<Finding>) -> Option<Callee<'a>> {
        if let Some(why) = &service.unsupported {
            let message = format!("{why}: Istio has no subsets for it, so that it has no lanes");
            findings.push(finding(service, None, Reason::UnsupportedService, message));
            return None;
        }
        if let Some(message) = self.no_baseline(service) {
            findings.push(finding(service, None, Reason::BaselineNotSelectable, message));
            return None;
        }
        for port in service.ports.iter().filter(|port| !port.protocol.has_requests()) {
            let message = format!("port {} is no HTTP, so that it has no lanes", port.number);
            findings.push(finding(service, Some(port.number), Reason::UnsupportedPort, message));
        }
        let ports: Vec<_> = service.ports.iter().filter(|port| port.protocol.has_requests()).collect();
        if ports.is_empty() {
            return None;
        }
        let mut lanes = self.lanes_at(service);
        let own = self.input.group.spec.fallback;
        let is_strict = own == Fallback::Strict || lanes.values().any(|lane| *lane == Fallback::Strict);
        let name = format!("{}/{}", service.namespace, service.name);
        let unrouted = self.input.unrouted.iter().filter(|key| key.service == name);
        let unrouted: BTreeSet<_> = unrouted.map(|key| key.lane.as_ref()).collect();
        // Of a lane that is gone the clusters may still be there.
        for lane in unrouted.iter().copied().flatten() {
            lanes.entry(lane).or_insert(own);
        }
        Some(Callee { service, ports, lanes, unrouted, is_strict })
    }

    /// The lanes that are told apart at a service. One that is strict in one group and not in another is strict.
    fn lanes_at(&self, service: &Service) -> BTreeMap<&'a LaneName, Fallback> {
        let own = self.input.group.spec.fallback;
        let mut lanes: BTreeMap<&LaneName, Fallback> =
            self.lanes.iter().map(|lane| (&lane.metadata.name, own)).collect();
        for (lane, fallback) in self.input.shared_lanes.get(&service.host).into_iter().flatten() {
            let here = lanes.entry(lane).or_insert(*fallback);
            if *fallback == Fallback::Strict {
                *here = Fallback::Strict;
            }
        }
        lanes.retain(|lane, fallback| *fallback == Fallback::Strict || has_lane(service, lane));
        lanes
    }

    /// Why the baseline of a service cannot be told from its lanes, with a command that helps.
    fn no_baseline(&self, service: &Service) -> Option<String> {
        let has_all = |workload: &Workload| {
            service.baseline.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
        };
        let baseline = || service.workloads.iter().filter(|workload| workload.lane.is_none());
        let remedy = |workload: Option<&Workload>| {
            let name = workload.map_or(service.name.as_str(), |workload| workload.name.as_str());
            format!(
                "kubectl -n {} patch deployment {name} --type merge -p \
                 '{{\"spec\":{{\"template\":{{\"metadata\":{{\"labels\":{{\"version\":\"baseline\"}}}}}}}}}}'",
                service.namespace
            )
        };
        if service.baseline.is_empty() {
            let why = "no label is on every pod of the baseline and on no pod of a lane";
            return Some(format!("{why}; give the baseline one: {}", remedy(baseline().next())));
        }
        if let Some(lane) = service.workloads.iter().find(|w| w.lane.is_some() && has_all(w)) {
            let why = format!("the labels {} are also on {} of a lane", list(&service.baseline), lane.name);
            return Some(format!("{why}; give the baseline one of its own: {}", remedy(baseline().next())));
        }
        let unlabelled = baseline().find(|workload| !has_all(workload))?;
        let why = format!("{} has not all of {}", unlabelled.name, list(&service.baseline));
        Some(format!("{why}; label its pods, such as by {}", remedy(Some(unlabelled))))
    }

    /// The labels that select the pods of a lane or of the baseline among those of a service.
    pub(super) fn mark(&self, service: &Service, lane: Option<&LaneName>) -> Labels {
        match lane {
            None => service.baseline.clone(),
            Some(lane) => Labels::from([(self.input.group.spec.lane_label.clone(), lane.to_string())]),
        }
    }
}

/// Whether a lane has workloads of a service.
pub(super) fn has_lane(service: &Service, lane: &LaneName) -> bool {
    service.workloads.iter().any(|workload| workload.lane.as_ref() == Some(lane))
}

/// A finding about a service.
pub(super) fn finding(service: &Service, port: Option<u16>, reason: Reason, message: String) -> Finding {
    Finding { service: format!("{}/{}", service.namespace, service.name), port, reason, message }
}

fn list(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
