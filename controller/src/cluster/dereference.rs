//! From what stands in the cluster to what generation needs to know: everything that a lane group refers to.

mod baseline;
mod consent;
mod http_routes;
mod istio_objects;
mod proxies;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use envoy_config::istio::input::{Caller, Entry, EntryKind, Input, Labels, Port, ProxyKind, Service};
use envoy_config::istio::{Module, Protocol, emission};
use k8s_openapi::api::core::v1::Service as KubeService;
use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use lane::model::{LANE, LANE_GROUP, LaneGroup as GroupModel, LaneGroupSpec, Service as ServiceSpec};
use lane::model::{Lane as LaneModel, Object};
use lane::name::{EntryName, NamespaceName};

use super::conditions::reason;
use super::crd::{Lane, LaneGroup};
use super::neighbours;
use super::world::World;

pub(super) use consent::{ACCEPT_FROM, command as consent_command};
pub(crate) use istio_objects::is_ours;
pub(crate) use proxies::{PROXY_CONTAINER, version};
pub use proxies::{Proxy, Serves};

/// What is the same for all groups.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the proxies get the module from.
    pub module: Module,
    /// Istio's root namespace.
    pub root_namespace: NamespaceName,
    /// The cluster's DNS domain.
    pub cluster_domain: String,
}

/// Something that a group refers to and may not, or cannot, use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What it is, in one CamelCase word.
    pub reason: &'static str,
    /// What it is, for people, with a remedy.
    pub message: String,
}

/// A group with its surroundings.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What generation needs; its `generation` and the buckets of lanes are still those of the last pass.
    pub input: Input,
    /// Services and entries that are not there.
    pub missing: Vec<Unresolved>,
    /// Namespaces that have not consented; nothing is written there.
    pub not_granted: Vec<Unresolved>,
    /// The proxies that are to run the rules.
    pub proxies: Vec<Proxy>,
}

/// The group as the model has it. `None` where its name is none, which the API server has refused.
#[must_use]
pub fn group_model(group: &LaneGroup) -> Option<GroupModel> {
    let object = Object::new(LANE_GROUP, group.name_any().parse().ok()?, group.spec.0.clone());
    Some(Object { status: group.status.clone(), ..object })
}

/// The group as it is in force: as it was when it made sense last. `None` where its name is none.
#[must_use]
pub fn group_in_force(group: &LaneGroup) -> Option<GroupModel> {
    let spec = spec_in_force(group).clone();
    Some(Object { spec, ..group_model(group)? })
}

/// What a group said when it made sense last; what it says now where that is not known.
#[must_use]
pub fn spec_in_force(group: &LaneGroup) -> &LaneGroupSpec {
    let accepted = group.status.as_ref().and_then(|status| status.accepted.as_ref());
    accepted.map_or(&group.spec.0, |accepted| &accepted.spec)
}

/// The lane as it is in force: as it was when it made sense last. `None` where its name is none.
#[must_use]
pub fn lane_in_force(lane: &Lane) -> Option<LaneModel> {
    let model = lane_model(lane)?;
    let accepted = lane.status.as_ref().and_then(|status| status.accepted.as_ref());
    let spec = accepted.map_or(&lane.spec.0, |accepted| &accepted.spec).clone();
    Some(Object { spec, ..model })
}

/// The lane as the model has it. `None` where its name is none, which the API server has refused.
#[must_use]
pub fn lane_model(lane: &Lane) -> Option<LaneModel> {
    let object = Object::new(LANE, lane.name_any().parse().ok()?, lane.spec.0.clone());
    Some(Object { status: lane.status.clone(), ..object })
}

/// Reads everything that the group `model` of `namespace` refers to. `None` where that is no name of one.
#[must_use]
pub fn read(
    world: &World,
    settings: &Settings,
    namespace: &str,
    model: GroupModel,
    lanes: &[LaneModel],
) -> Option<Reading> {
    let namespace: NamespaceName = namespace.parse().ok()?;
    let mut reader =
        Reader { world, settings, namespace: &namespace, missing: Vec::new(), not_granted: Vec::new() };
    let services = reader.services(&model);
    let entries = reader.entries(&model);
    let callers = reader.callers(&model, &services, &entries);
    let (missing, not_granted) = (reader.missing, reader.not_granted);
    let shared_lanes = neighbours::shared_lanes(world, &settings.cluster_domain, namespace.as_str(), &model);
    let user = istio_objects::read(world, settings, &services, &callers);
    let proxies = proxies::of(world, &model, &services, &entries);
    let versions = proxies::istio_versions(world, &callers);
    let emission = emission(model.spec.route_mode, versions.iter().map(String::as_str));
    let input = Input {
        unrouted: BTreeSet::new(),
        generation: model.status.as_ref().map_or(0, |status| status.rules_generation),
        group: model,
        namespace,
        lanes: lanes.to_vec(),
        faults: Vec::new(),
        services,
        entries,
        callers,
        virtual_services: user.virtual_services,
        http_routes: user.http_routes,
        destination_rules: user.destination_rules,
        other_hosts: user.other_hosts,
        shared_lanes,
        module: settings.module.clone(),
        emission,
        root_namespace: settings.root_namespace.clone(),
        cluster_domain: settings.cluster_domain.clone(),
    };
    Some(Reading { input, missing, not_granted, proxies })
}

struct Reader<'a> {
    world: &'a World,
    settings: &'a Settings,
    namespace: &'a NamespaceName,
    missing: Vec<Unresolved>,
    not_granted: Vec<Unresolved>,
}

impl Reader<'_> {
    fn services(&mut self, group: &GroupModel) -> Vec<Service> {
        let specs = group.spec.services.iter();
        specs.filter_map(|spec| self.service(spec, &group.spec.lane_label)).collect()
    }

    fn service(&mut self, spec: &ServiceSpec, lane_label: &str) -> Option<Service> {
        let namespace = spec.namespace.as_ref().unwrap_or(self.namespace).clone();
        if !self.grants(&namespace) {
            return None;
        }
        let key = ObjectRef::new(spec.name.as_str()).within(namespace.as_str());
        let Some(found) = self.world.services.get(&key) else {
            self.missing.push(Unresolved {
                reason: reason::SERVICE_NOT_FOUND,
                message: format!("there is no Service {namespace}/{}; create it or take it out", spec.name),
            });
            return None;
        };
        let workloads = workloads::behind(self.world, &found, lane_label);
        let baseline = baseline::of(spec, &found, &workloads);
        Some(Service {
            host: format!("{}.{namespace}.svc.{}", spec.name, self.settings.cluster_domain),
            namespace,
            name: spec.name.clone(),
            ports: ports(&found),
            baseline,
            workloads,
            unsupported: unsupported(&found).map(str::to_owned),
        })
    }

    fn entries(&mut self, group: &GroupModel) -> Vec<Entry> {
        group.spec.entries.iter().filter_map(|entry| self.entry(entry)).collect()
    }

    fn entry(&mut self, entry: &EntryName) -> Option<Entry> {
        let namespace = entry.namespace.as_ref().unwrap_or(self.namespace).clone();
        if !self.grants(&namespace) {
            return None;
        }
        let Some(workload) = workloads::named(self.world, &namespace, &entry.name) else {
            self.missing.push(Unresolved {
                reason: reason::ENTRY_NOT_FOUND,
                message: format!(
                    "there is no Deployment or StatefulSet {namespace}/{}; create it or correct spec.entries",
                    entry.name
                ),
            });
            return None;
        };
        let kind = if workload.is_gateway { EntryKind::Gateway } else { EntryKind::Sidecar };
        Some(Entry { namespace, name: entry.name.clone(), selector: workload.selector, kind })
    }

    /// The namespaces with callers, and which proxies call from there.
    fn callers(&mut self, group: &GroupModel, services: &[Service], entries: &[Entry]) -> Vec<Caller> {
        let mut callers: BTreeMap<NamespaceName, BTreeSet<ProxyKind>> = BTreeMap::new();
        let mut add = |namespace: &NamespaceName, kind| {
            callers.entry(namespace.clone()).or_default().insert(kind);
        };
        add(self.namespace, ProxyKind::Sidecar);
        for service in services {
            add(&service.namespace, ProxyKind::Sidecar);
        }
        for entry in entries {
            let kind = match entry.kind {
                EntryKind::Gateway => ProxyKind::Gateway,
                EntryKind::Sidecar => ProxyKind::Sidecar,
            };
            add(&entry.namespace, kind);
        }
        for namespace in &group.spec.callers {
            if self.grants(namespace) {
                add(namespace, ProxyKind::Sidecar);
            }
        }
        callers.into_iter().map(|(namespace, proxies)| Caller { namespace, proxies }).collect()
    }

    /// Whether objects may be written into a namespace; a refusal is noted once.
    fn grants(&mut self, namespace: &NamespaceName) -> bool {
        if consent::is_given(self.world, namespace, self.namespace) {
            return true;
        }
        let refusal = consent::refusal(self.world, namespace, self.namespace);
        if !self.not_granted.contains(&refusal) {
            self.not_granted.push(refusal);
        }
        false
    }
}

/// The labels of the baseline of a service as a group has it; empty where there are none.
pub(super) fn baseline_of(
    world: &World,
    service: &KubeService,
    spec: &ServiceSpec,
    lane_label: &str,
) -> Labels {
    baseline::of(spec, service, &workloads::behind(world, service, lane_label))
}

fn selector(service: &KubeService) -> BTreeMap<String, String> {
    service.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default()
}

fn ports(service: &KubeService) -> Vec<Port> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let name = port.name.clone().unwrap_or_default();
            let protocol = match port.protocol.as_deref() {
                None | Some("TCP") => Protocol::of(&name, port.app_protocol.as_deref()),
                Some(other) => Protocol::Other(other.to_ascii_lowercase()),
            };
            Some(Port { number: u16::try_from(port.port).ok()?, name, protocol })
        })
        .collect()
}

/// Why Istio cannot give the service subsets.
fn unsupported(service: &KubeService) -> Option<&'static str> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return Some("it is of type ExternalName");
    }
    if spec.cluster_ip.as_deref() == Some("None") {
        return Some("it is headless");
    }
    spec.selector.as_ref().is_none_or(BTreeMap::is_empty).then_some("it selects no pods")
}
