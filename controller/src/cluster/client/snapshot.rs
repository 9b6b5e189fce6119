//! What stands around a lane group now: the controller's view, filled once instead of followed.

use std::collections::BTreeSet;
use std::fmt::Debug;

use envoy_config::istio::Module;
use envoy_config::istio::input::Labels;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt as _};
use lane::model::Lane as LaneModel;
use lane::name::{LaneName, NamespaceName};
use serde::de::DeserializeOwned;

use super::{Cluster, Error, Result};
use crate::cluster::crd::LaneGroup;
use crate::cluster::dereference::{self, Reading, Settings};
use crate::cluster::release::pairs::{self, Workloads};
use crate::cluster::world::{World, filled, gateway_api, istio};

/// A namespace and labels that select pods in it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The labels.
    pub selector: &'a Labels,
}

/// The objects around one lane group.
pub struct Surroundings {
    world: World,
    settings: Settings,
}

impl Surroundings {
    /// What the controller would read of the group now.
    #[must_use]
    pub fn read(&self, group: &LaneGroup, lanes: &[LaneModel]) -> Option<Reading> {
        let model = dereference::group_model(group)?;
        dereference::read(&self.world, &self.settings, &group.namespace()?, model, lanes)
    }

    /// The workloads of a group, as one of its lanes sees them.
    #[must_use]
    pub fn workloads(&self, group: &LaneGroup, lane: &LaneName) -> Workloads {
        let services = self.read(group, &[]).map(|reading| reading.input.services).unwrap_or_default();
        pairs::of(&services, lane.as_str(), &self.world)
    }

    /// How many pods are ready in a place, and how many there are.
    #[must_use]
    pub fn pods(&self, place: Place<'_>) -> (usize, usize) {
        let pods = self.world.pods.state();
        let here = pods.iter().filter(|pod| selects(place, pod));
        here.fold((0, 0), |(ready, total), pod| (ready + usize::from(is_ready(pod)), total + 1))
    }
}

fn selects(place: Place<'_>, pod: &Pod) -> bool {
    pod.namespace().as_deref() == Some(place.namespace)
        && pod.metadata.deletion_timestamp.is_none()
        && place.selector.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

impl Cluster {
    /// Reads what stands around `group`: in its own namespace and in those that it names. Istio's objects of the
    /// user are left out where the rights to read them should not be needed.
    ///
    /// # Errors
    /// The API server does not answer, or not with them.
    pub async fn surroundings(&self, group: &LaneGroup, with_istio: bool) -> Result<Surroundings> {
        let own = group.namespace().unwrap_or_else(|| self.namespace.clone());
        let namespaces = Namespaces { cluster: self, names: named(group, &own) };
        let world = World {
            groups: filled((), Vec::new()),
            lanes: filled((), Vec::new()),
            faults: filled((), Vec::new()),
            services: namespaces.typed("services").await?,
            deployments: namespaces.typed("deployments").await?,
            stateful_sets: namespaces.typed("statefulsets").await?,
            pods: namespaces.typed("pods").await?,
            namespaces: Some(filled((), namespaces.foreign(&own).await?)),
            virtual_services: namespaces.istio("VirtualService", with_istio).await?,
            gateways: namespaces.istio("Gateway", with_istio).await?,
            // What is written does not matter here.
            http_routes: filled(gateway_api("HTTPRoute"), Vec::new()),
            api_gateways: filled(gateway_api("Gateway"), Vec::new()),
            destination_rules: namespaces.istio("DestinationRule", with_istio).await?,
            envoy_filters: filled(istio("EnvoyFilter"), Vec::new()),
        };
        Ok(Surroundings { world, settings: settings()? })
    }
}

/// Only what is written depends on these, and nothing is written here.
fn settings() -> Result<Settings> {
    let root_namespace: NamespaceName =
        "istio-system".parse().map_err(|error| Error::Internal(format!("{error}")))?;
    let module = Module::Local { path: String::new() };
    Ok(Settings { module, root_namespace, cluster_domain: "cluster.local".to_owned() })
}

/// The namespaces that a group has to do with.
pub(super) fn named(group: &LaneGroup, own: &str) -> BTreeSet<String> {
    let spec = &group.spec.0;
    let services = spec.services.iter().filter_map(|service| service.namespace.as_ref());
    let entries = spec.entries.iter().filter_map(|entry| entry.namespace.as_ref());
    let others = services.chain(entries).chain(&spec.callers).map(ToString::to_string);
    others.chain([own.to_owned()]).collect()
}

struct Namespaces<'a> {
    cluster: &'a Cluster,
    names: BTreeSet<String>,
}

impl Namespaces<'_> {
    async fn typed<K>(&self, what: &str) -> Result<Store<K>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + 'static,
    {
        let mut found = Vec::new();
        for name in &self.names {
            let api: Api<K> = Api::namespaced(self.cluster.client.clone(), name);
            let list = api.list(&ListParams::default()).await;
            found.extend(list.map_err(|error| self.cluster.failed(what, error))?.items);
        }
        Ok(filled((), found))
    }

    /// Objects of Istio; none where Istio is not installed.
    async fn istio(&self, kind: &str, wanted: bool) -> Result<Store<DynamicObject>> {
        let resource = istio(kind);
        let mut found = Vec::new();
        for name in self.names.iter().filter(|_| wanted) {
            let api = Api::namespaced_with(self.cluster.client.clone(), name, &resource);
            let list = api.list(&ListParams::default()).await;
            match list.map_err(|error| self.cluster.failed(kind, error)) {
                Ok(list) => found.extend(list.items),
                Err(Error::NotInstalled) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled(resource, found))
    }

    /// The namespaces other than the group's, whose consent is needed.
    async fn foreign(&self, own: &str) -> Result<Vec<Namespace>> {
        let api: Api<Namespace> = Api::all(self.cluster.client.clone());
        let mut found = Vec::new();
        for name in self.names.iter().filter(|name| *name != own) {
            let namespace = api.get_opt(name).await;
            found
                .extend(namespace.map_err(|error| self.cluster.failed(&format!("namespace {name}"), error))?);
        }
        Ok(found)
    }
}
