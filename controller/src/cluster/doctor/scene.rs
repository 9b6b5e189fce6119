//! The snapshot with its objects typed and the group dereferenced, as the checks look at it.

use std::collections::{BTreeMap, BTreeSet};

use envoy_config::istio::Module;
use envoy_config::istio::input::{EntryKind, Input, Labels, ProxyKind};
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Container, Namespace, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::de::DeserializeOwned;

use super::report::ObjectName;
use super::snapshot::{Kind, Snapshot};
use crate::cluster::dereference::{self, PROXY_CONTAINER, Reading, Settings, is_ours};
use crate::cluster::world::{World, filled, gateway_api, istio};

/// The snapshot, typed.
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) namespaces: Vec<Namespace>,
    /// Those that live.
    pub(super) pods: Vec<Pod>,
    pub(super) services: Vec<Service>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) network_policies: Vec<NetworkPolicy>,
    /// None where they could not be read.
    pub(super) webhooks: Option<Vec<MutatingWebhookConfiguration>>,
    /// What the controller would read; none where the group's names are none.
    pub(super) reading: Option<Reading>,
    /// The Deployments and `StatefulSets` behind services and entries.
    pub(super) workloads: Vec<Workload>,
}

/// A Deployment or `StatefulSet` of the group.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    /// `deployment` or `statefulset`.
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) selector: Labels,
    pub(super) labels: Labels,
    pub(super) lane: Option<String>,
    /// The service that it is behind; none for an entry that is behind none.
    pub(super) service: Option<String>,
    pub(super) is_gateway: bool,
}

impl Workload {
    pub(super) fn object(&self) -> ObjectName {
        ObjectName::new(self.kind, &self.namespace, &self.name)
    }
}

impl<'a> Scene<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut pods: Vec<Pod> = typed(snapshot, Kind::Pod);
        pods.retain(is_alive);
        let stateful_sets: Vec<StatefulSet> = typed(snapshot, Kind::StatefulSet);
        let mut scene = Self {
            snapshot,
            namespaces: typed(snapshot, Kind::Namespace),
            pods,
            services: typed(snapshot, Kind::Service),
            deployments: typed(snapshot, Kind::Deployment),
            network_policies: typed(snapshot, Kind::NetworkPolicy),
            webhooks: None,
            reading: None,
            workloads: Vec::new(),
        };
        let is_unread = snapshot.unread.iter().any(|unread| unread.kind == Kind::Webhook);
        scene.webhooks = (!is_unread).then(|| typed(snapshot, Kind::Webhook));
        scene.reading = scene.dereference(&stateful_sets);
        scene.workloads =
            scene.reading.iter().flat_map(|reading| workloads(reading, &stateful_sets)).collect();
        scene
    }

    /// The group itself.
    pub(super) fn group_name(&self) -> ObjectName {
        ObjectName::of("lanegroup", &self.snapshot.group)
    }

    /// What generation would be given.
    pub(super) fn input(&self) -> Option<&Input> {
        self.reading.as_ref().map(|reading| &reading.input)
    }

    /// The pods of a workload.
    pub(super) fn pods_of<'b>(&'b self, workload: &'b Workload) -> impl Iterator<Item = &'b Pod> {
        self.pods_in(&workload.namespace).filter(|pod| has_labels(pod, &workload.selector))
    }

    /// The pods of a namespace.
    pub(super) fn pods_in<'b>(&'b self, namespace: &'b str) -> impl Iterator<Item = &'b Pod> {
        self.pods.iter().filter(move |pod| pod.namespace().as_deref() == Some(namespace))
    }

    /// The namespaces whose proxies are to have routes.
    pub(super) fn callers(&self) -> BTreeSet<&str> {
        let callers = self.input().into_iter().flat_map(|input| &input.callers);
        callers.map(|caller| caller.namespace.as_str()).collect()
    }

    /// Whether gateways are among the callers.
    pub(super) fn has_gateway(&self) -> bool {
        let mut callers = self.input().into_iter().flat_map(|input| &input.callers);
        callers.any(|caller| caller.proxies.contains(&ProxyKind::Gateway))
    }

    /// The labels of a namespace; each has its name as one.
    pub(super) fn namespace_labels(&self, name: &str) -> Labels {
        let found = self.namespaces.iter().find(|namespace| namespace.name_any() == name);
        let mut labels = found.map(|namespace| namespace.labels().clone()).unwrap_or_default();
        labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.to_owned());
        labels
    }

    /// The objects of a kind of Istio that others have made.
    pub(super) fn foreign(&self, kind: Kind) -> impl Iterator<Item = &'a DynamicObject> {
        self.snapshot.of(kind).iter().filter(|object| !is_ours(object))
    }

    /// Whether objects of Istio in this namespace are for the whole mesh.
    pub(super) fn is_root(&self, namespace: Option<&str>) -> bool {
        namespace == Some(&self.snapshot.istio_namespace)
    }

    fn dereference(&self, stateful_sets: &[StatefulSet]) -> Option<Reading> {
        let snapshot = self.snapshot;
        let dynamic = |kind: Kind, name| filled(istio(name), snapshot.of(kind).to_vec());
        let world = World {
            groups: filled((), Vec::new()),
            lanes: filled((), Vec::new()),
            faults: filled((), Vec::new()),
            services: filled((), self.services.clone()),
            deployments: filled((), self.deployments.clone()),
            stateful_sets: filled((), stateful_sets.to_vec()),
            pods: filled((), self.pods.clone()),
            namespaces: Some(filled((), self.namespaces.clone())),
            virtual_services: dynamic(Kind::VirtualService, "VirtualService"),
            gateways: dynamic(Kind::Gateway, "Gateway"),
            http_routes: filled(gateway_api("HTTPRoute"), snapshot.of(Kind::HttpRoute).to_vec()),
            api_gateways: filled(gateway_api("Gateway"), snapshot.of(Kind::ApiGateway).to_vec()),
            destination_rules: dynamic(Kind::DestinationRule, "DestinationRule"),
            envoy_filters: dynamic(Kind::EnvoyFilter, "EnvoyFilter"),
        };
        let settings = Settings {
            // Only what is written depends on it, and nothing is written here.
            module: Module::Local { path: String::new() },
            root_namespace: snapshot.istio_namespace.parse().ok()?,
            cluster_domain: "cluster.local".to_owned(),
        };
        let lanes: Vec<_> = snapshot.lanes.iter().filter_map(dereference::lane_model).collect();
        let model = dereference::group_model(&snapshot.group)?;
        dereference::read(&world, &settings, &snapshot.group.namespace()?, model, &lanes)
    }
}

/// Objects of a kind; one that cannot be read is the API server's to refuse, and so there is none.
fn typed<K: DeserializeOwned + kube::Resource>(snapshot: &Snapshot, kind: Kind) -> Vec<K> {
    snapshot.of(kind).iter().filter_map(|object| object.clone().try_parse().ok()).collect()
}

fn workloads(reading: &Reading, stateful_sets: &[StatefulSet]) -> Vec<Workload> {
    let kind = |namespace: &str, name: &str| {
        let mut sets = stateful_sets.iter();
        let is_set = sets.any(|set| set.namespace().as_deref() == Some(namespace) && set.name_any() == name);
        if is_set { "statefulset" } else { "deployment" }
    };
    let mut found: BTreeMap<(String, String), Workload> = BTreeMap::new();
    for service in &reading.input.services {
        for workload in &service.workloads {
            let (namespace, name) = (service.namespace.to_string(), workload.name.to_string());
            found.entry((namespace.clone(), name.clone())).or_insert_with(|| Workload {
                kind: kind(&namespace, &name),
                selector: workload.selector.clone(),
                labels: workload.labels.clone(),
                lane: workload.lane.as_ref().map(ToString::to_string),
                service: Some(service.name.to_string()),
                is_gateway: false,
                namespace,
                name,
            });
        }
    }
    for entry in &reading.input.entries {
        let (namespace, name) = (entry.namespace.to_string(), entry.name.to_string());
        let is_gateway = entry.kind == EntryKind::Gateway;
        let workload = found.entry((namespace.clone(), name.clone())).or_insert_with(|| Workload {
            kind: kind(&namespace, &name),
            selector: entry.selector.clone(),
            labels: entry.selector.clone(),
            lane: None,
            service: None,
            is_gateway,
            namespace,
            name,
        });
        workload.is_gateway = is_gateway;
    }
    found.into_values().collect()
}

fn is_alive(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether a pod has all these labels.
pub(super) fn has_labels(pod: &Pod, labels: &Labels) -> bool {
    labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
}

/// Whether a pod is ready.
pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Istio's proxy in a pod.
pub(super) fn proxy(pod: &Pod) -> Option<&Container> {
    let spec = pod.spec.as_ref()?;
    spec.containers.iter().chain(spec.init_containers.iter().flatten()).find(|c| c.name == PROXY_CONTAINER)
}

/// Names of pods, the first few.
pub(super) fn pod_names<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = pods.into_iter().map(kube::ResourceExt::name_any).collect();
    let rest = names.len().saturating_sub(SHOWN);
    let shown = names.get(..SHOWN).unwrap_or(&names).join(", ");
    if rest == 0 { shown } else { format!("{shown} and {rest} more") }
}
