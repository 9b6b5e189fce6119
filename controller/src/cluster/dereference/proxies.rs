//! The pods whose proxies are to run a group's rules.

use std::collections::BTreeSet;
use std::net::IpAddr;

use envoy_config::istio::input::{Caller, Entry, Labels, Service};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt as _;
use lane::model::LaneGroup;

use crate::cluster::world::World;

/// The container with Istio's proxy; an init container where sidecars are native.
pub(crate) const PROXY_CONTAINER: &str = "istio-proxy";

/// The workload that a pod belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serves {
    /// `NAMESPACE/NAME` of the service.
    pub service: String,
    /// The workload's name.
    pub workload: String,
}

/// A pod of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// `NAMESPACE/NAME` of the pod.
    pub pod: String,
    /// Its address, once it has one.
    pub address: Option<IpAddr>,
    /// Whether a proxy runs in it at all.
    pub has_proxy: bool,
    /// The workload; none at an entry.
    pub serves: Option<Serves>,
}

/// The pods of entries and, where the filter runs on workloads, of workloads.
pub(super) fn of(world: &World, group: &LaneGroup, services: &[Service], entries: &[Entry]) -> Vec<Proxy> {
    let propagation = &group.spec.propagation;
    let on_workloads =
        propagation.baggage.is_some() || propagation.trail.is_some() || propagation.recovery.is_some();
    let workloads = services.iter().flat_map(|service| {
        let of_lane = service
            .workloads
            .iter()
            .filter(move |workload| on_workloads || (propagation.workload_lane && workload.lane.is_some()));
        of_lane.map(|workload| {
            let service_name = format!("{}/{}", service.namespace, service.name);
            let serves = Serves { service: service_name, workload: workload.name.to_string() };
            (service.namespace.as_str(), &workload.selector, Some(serves))
        })
    });
    let entries = entries.iter().map(|entry| (entry.namespace.as_str(), &entry.selector, None));
    // A gateway may be a workload, too.
    let places: Vec<(&str, &Labels, Option<Serves>)> = workloads.chain(entries).collect();
    let pods = world.pods.state();
    let of_group = pods.iter().filter(|pod| is_alive(pod)).filter_map(|pod| {
        let place = places.iter().find(|(namespace, labels, _)| selects(pod, namespace, labels));
        place.map(|(_, _, serves)| proxy(pod, serves.clone()))
    });
    let mut found: Vec<Proxy> = of_group.collect();
    found.sort_by(|a, b| a.pod.cmp(&b.pod));
    found
}

/// The versions of Istio that the proxies of the callers run, by the tags of their images.
pub(super) fn istio_versions(world: &World, callers: &[Caller]) -> BTreeSet<String> {
    let pods = world.pods.state();
    let of_callers = pods.iter().filter(|pod| {
        is_alive(pod)
            && callers
                .iter()
                .any(|caller| pod.metadata.namespace.as_deref() == Some(caller.namespace.as_str()))
    });
    of_callers.filter_map(|pod| container(pod)).filter_map(version).collect()
}

pub(crate) fn version(container: &Container) -> Option<String> {
    let image = container.image.as_deref()?;
    let image = image.split('@').next().unwrap_or(image);
    let (_, tag) = image.rsplit('/').next()?.split_once(':')?;
    Some(tag.to_owned())
}

fn proxy(pod: &Pod, serves: Option<Serves>) -> Proxy {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
    Proxy {
        pod: format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any()),
        address: address.and_then(|address| address.parse().ok()),
        has_proxy: container(pod).is_some(),
        serves,
    }
}

fn container(pod: &Pod) -> Option<&Container> {
    let spec = pod.spec.as_ref()?;
    let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    all.find(|container| container.name == PROXY_CONTAINER)
}

fn is_alive(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Succeeded" | "Failed"))
}

fn selects(pod: &Pod, namespace: &str, labels: &Labels) -> bool {
    let has = |key: &String, value: &String| {
        pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)) == Some(value)
    };
    pod.metadata.namespace.as_deref() == Some(namespace) && labels.iter().all(|(key, value)| has(key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_tag_of_the_image() {
        for (image, want) in [
            ("docker.io/istio/proxyv2:1.30.3", Some("1.30.3")),
            ("localhost:5000/istio/proxyv2:1.29.1-distroless@sha256:00", Some("1.29.1-distroless")),
            ("localhost:5000/istio/proxyv2", None),
        ] {
            let container = Container { image: Some(image.to_owned()), ..Container::default() };
            assert_eq!(version(&container).as_deref(), want, "{image}");
        }
    }
}
