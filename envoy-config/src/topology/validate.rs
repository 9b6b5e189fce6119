//! Checks that a topology fits its lane group; finds all problems at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use lane::model::{API_VERSION, LaneGroup};
use lane::name::{ServiceName, WorkloadName};
use lane::problem::Problem;

use super::{Gateway, TOPOLOGY, Topology, TopologySpec, Workload};

/// All problems of `topology` beside `group`; empty when it can be rendered as it is.
#[must_use]
pub fn validate(topology: &Topology, group: &LaneGroup) -> Vec<Problem> {
    let spec = &topology.spec;
    let mut check = Check {
        services: group.spec.services.iter().map(|service| &service.name).collect(),
        names: BTreeMap::new(),
        addresses: BTreeMap::new(),
        problems: Vec::new(),
    };
    check.header(topology);
    for (i, gateway) in spec.gateways.iter().enumerate() {
        check.gateway(&format!("spec.gateways[{i}]"), gateway, group);
    }
    for (i, workload) in spec.workloads.iter().enumerate() {
        check.workload(&format!("spec.workloads[{i}]"), workload);
    }
    check.entries(group);
    check.baselines(spec);
    check.watches(spec);
    check.problems
}

/// The inotify instances that Linux gives a user where nobody has changed `fs.inotify.max_user_instances`.
const INOTIFY_INSTANCES: usize = 128;

/// The files that a proxy watches at most: listeners, clusters, routes, and filters of its roles.
const WATCHES_OF_GATEWAY: usize = 4;
const WATCHES_OF_WORKLOAD: usize = 6;

/// What has been seen so far.
struct Check<'a> {
    /// The group's services.
    services: BTreeSet<&'a ServiceName>,
    /// Proxies by name, with the field that named them.
    names: BTreeMap<&'a WorkloadName, String>,
    /// Fields by address.
    addresses: BTreeMap<SocketAddr, String>,
    /// What was found.
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn error(&mut self, path: String, reason: String, remedy: &str) {
        self.problems.push(Problem::error(path, reason, remedy));
    }

    fn header(&mut self, topology: &Topology) {
        if topology.api_version != API_VERSION {
            let reason = format!("{:?} is not {API_VERSION:?}", topology.api_version);
            self.error("apiVersion".to_owned(), reason, "use the version that this program reads");
        }
        if topology.kind != TOPOLOGY {
            let reason = format!("{:?} is not {TOPOLOGY:?}", topology.kind);
            self.error("kind".to_owned(), reason, "give the file of the topology");
        }
    }

    fn gateway(&mut self, at: &str, gateway: &'a Gateway, group: &LaneGroup) {
        self.name(at, &gateway.name);
        self.address(format!("{at}.listen"), gateway.listen);
        self.admin(at, gateway.admin);
        self.concurrency(at, gateway.concurrency);
        self.service(format!("{at}.service"), &gateway.service);
        let mut prefixes = BTreeSet::new();
        for (i, route) in gateway.routes.iter().enumerate() {
            self.service(format!("{at}.routes[{i}].service"), &route.service);
            let path = format!("{at}.routes[{i}].prefix");
            if !route.prefix.starts_with('/') {
                self.error(path, format!("{:?} does not start with /", route.prefix), "start it with /");
            } else if !prefixes.insert(&route.prefix) {
                self.error(path, format!("{:?} stands twice", route.prefix), "remove one of the two");
            }
        }
        if let Some(tls) = &gateway.tls {
            let files = [
                ("certificate", Some(&tls.certificate)),
                ("privateKey", Some(&tls.private_key)),
                ("clientCa", tls.client_ca.as_ref()),
            ];
            for (field, _) in files.iter().filter(|(_, file)| file.is_some_and(String::is_empty)) {
                self.error(format!("{at}.tls.{field}"), "is empty".to_owned(), "give the path of a PEM file");
            }
        }
        if !group.spec.entries.iter().any(|entry| *entry == gateway.name) {
            self.problems.push(Problem::warning(
                format!("{at}.name"),
                format!("gateway {} is no entry of group {}", gateway.name, group.metadata.name),
                "add it to the group's spec.entries, or know that its requests enter no lane",
            ));
        }
    }

    fn workload(&mut self, at: &str, workload: &'a Workload) {
        self.name(at, &workload.name);
        self.service(format!("{at}.service"), &workload.service);
        self.address(format!("{at}.app"), workload.app);
        self.address(format!("{at}.inbound"), workload.inbound);
        self.address(format!("{at}.outbound"), workload.outbound);
        self.admin(at, workload.admin);
        self.concurrency(at, workload.concurrency);
        for (i, callee) in workload.callees.iter().flatten().enumerate() {
            self.service(format!("{at}.callees[{i}]"), callee);
        }
    }

    fn name(&mut self, at: &str, name: &'a WorkloadName) {
        if let Some(other) = self.names.get(name) {
            let reason = format!("{name} is also the name of {other}");
            self.error(format!("{at}.name"), reason, "give each gateway and workload a name of its own");
        } else {
            self.names.insert(name, at.to_owned());
        }
    }

    fn service(&mut self, path: String, service: &ServiceName) {
        if !self.services.contains(service) {
            let reason = format!("{service} is no service of the lane group");
            self.error(path, reason, "add it to the group's spec.services or correct the name");
        }
    }

    fn admin(&mut self, at: &str, admin: SocketAddr) {
        if !admin.ip().is_loopback() {
            let reason = format!("{admin} is not on loopback, and the admin interface has no access control");
            self.error(format!("{at}.admin"), reason, "use 127.0.0.1 or ::1");
        }
        self.address(format!("{at}.admin"), admin);
    }

    fn address(&mut self, path: String, address: SocketAddr) {
        if address.port() == 0 {
            self.error(path, "port 0 stands for any port".to_owned(), "give a port");
        } else if let Some(other) = self.addresses.get(&address) {
            let reason = format!("{address} is also the address of {other}");
            self.error(path, reason, "give each its own address");
        } else {
            self.addresses.insert(address, path);
        }
    }

    fn concurrency(&mut self, at: &str, concurrency: Option<u32>) {
        if concurrency == Some(0) {
            let reason = "a proxy needs a worker".to_owned();
            self.error(format!("{at}.concurrency"), reason, "give 1 or more, or leave it out");
        }
    }

    fn entries(&mut self, group: &LaneGroup) {
        for entry in &group.spec.entries {
            if entry.namespace.is_some() || !self.names.contains_key(&entry.name) {
                let reason =
                    format!("entry {entry} of group {} is no gateway or workload", group.metadata.name);
                self.error(
                    "spec".to_owned(),
                    reason,
                    "add it here or remove it from the group's spec.entries",
                );
            }
        }
    }

    /// Envoy takes one inotify instance for each file that it watches, and aborts when there is none left.
    fn watches(&mut self, spec: &TopologySpec) {
        let watches = spec.gateways.len() * WATCHES_OF_GATEWAY + spec.workloads.len() * WATCHES_OF_WORKLOAD;
        if watches >= INOTIFY_INSTANCES {
            self.problems.push(Problem::warning(
                "spec",
                format!(
                    "its proxies watch up to {watches} files, and Linux by default lets a user watch {INOTIFY_INSTANCES}"
                ),
                "raise fs.inotify.max_user_instances where they run on one host as one user",
            ));
        }
    }

    fn baselines(&mut self, spec: &TopologySpec) {
        for service in self.services.clone() {
            if spec.workloads_of(service, None).next().is_none() {
                let reason = format!("service {service} has no baseline workload");
                self.error(
                    "spec.workloads".to_owned(),
                    reason,
                    "add a workload of the service without a lane",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
