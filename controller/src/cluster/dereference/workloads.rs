//! The Deployments and `StatefulSets` behind services and entries.

use envoy_config::istio::input::{Labels, Workload};
use k8s_openapi::api::core::v1::{PodTemplateSpec, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use lane::name::{NamespaceName, WorkloadName};

use crate::cluster::world::World;

/// Annotation of pods by which Istio injects a gateway.
const INJECT_TEMPLATES: &str = "inject.istio.io/templates";

/// A Deployment or `StatefulSet`, as far as it matters.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) selector: Labels,
    pub(super) labels: Labels,
    pub(super) is_gateway: bool,
}

impl Found {
    fn new(name: String, selector: &LabelSelector, template: &PodTemplateSpec) -> Self {
        let metadata = template.metadata.clone().unwrap_or_default();
        Self {
            name,
            selector: selector.match_labels.clone().unwrap_or_default(),
            labels: metadata.labels.unwrap_or_default(),
            is_gateway: is_gateway(template),
        }
    }
}

/// A gateway has the agent as its application: injected by a template of that name, or written out with
/// `proxy router` among the arguments.
fn is_gateway(template: &PodTemplateSpec) -> bool {
    let annotations = template.metadata.as_ref().and_then(|metadata| metadata.annotations.as_ref());
    let injected = annotations
        .and_then(|annotations| annotations.get(INJECT_TEMPLATES))
        .is_some_and(|templates| templates.split(',').any(|name| name.trim() == "gateway"));
    let containers = template.spec.iter().flat_map(|spec| &spec.containers);
    let mut arguments = containers.flat_map(|container| container.args.iter().flatten());
    injected || arguments.any(|argument| argument == "router")
}

/// Those of a namespace whose pods have these labels. There may be many others, of which nothing is copied.
fn selected(world: &World, namespace: &str, labels: &Labels) -> Vec<Found> {
    let is_selected = |metadata: &ObjectMeta, template: &PodTemplateSpec| {
        metadata.namespace.as_deref() == Some(namespace) && has(template, labels)
    };
    let deployments = world.deployments.state().into_iter().filter_map(|object| {
        let spec = object.spec.as_ref().filter(|spec| is_selected(&object.metadata, &spec.template))?;
        Some(Found::new(object.name_any(), &spec.selector, &spec.template))
    });
    let stateful_sets = world.stateful_sets.state().into_iter().filter_map(|object| {
        let spec = object.spec.as_ref().filter(|spec| is_selected(&object.metadata, &spec.template))?;
        Some(Found::new(object.name_any(), &spec.selector, &spec.template))
    });
    let mut all: Vec<_> = deployments.chain(stateful_sets).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn has(template: &PodTemplateSpec, labels: &Labels) -> bool {
    let found = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    labels.iter().all(|(key, value)| found.and_then(|found| found.get(key)) == Some(value))
}

/// The workloads whose pods a service selects.
pub(super) fn behind(world: &World, service: &Service, lane_label: &str) -> Vec<Workload> {
    let selector = super::selector(service);
    if selector.is_empty() {
        return Vec::new();
    }
    let namespace = service.namespace().unwrap_or_default();
    selected(world, &namespace, &selector)
        .into_iter()
        .filter_map(|found| {
            Some(Workload {
                name: found.name.parse().ok()?,
                lane: found.labels.get(lane_label).and_then(|lane| lane.parse().ok()),
                selector: found.selector,
                labels: found.labels,
            })
        })
        .collect()
}

/// The workload of that name.
pub(super) fn named(world: &World, namespace: &NamespaceName, name: &WorkloadName) -> Option<Found> {
    let deployment = world.deployments.get(&ObjectRef::new(name.as_str()).within(namespace.as_str()));
    let deployment = deployment.as_ref().and_then(|object| object.spec.as_ref());
    if let Some(spec) = deployment {
        return Some(Found::new(name.to_string(), &spec.selector, &spec.template));
    }
    let set = world.stateful_sets.get(&ObjectRef::new(name.as_str()).within(namespace.as_str()));
    let spec = set.as_ref().and_then(|object| object.spec.as_ref())?;
    Some(Found::new(name.to_string(), &spec.selector, &spec.template))
}
