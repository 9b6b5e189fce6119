//! What the controller knows of the cluster: a cache of every kind of object that matters, kept up to date by
//! watches.

use std::fmt::Debug;
use std::hash::Hash;

use envoy_config::istio::names;
use futures_util::stream::{BoxStream, SelectAll, StreamExt as _, select_all};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::crd::{Lane, LaneFault, LaneGroup};
use super::queue::Place;

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Something that every group may depend on, such as the consent of a namespace.
    Everywhere,
    /// Something in a namespace that its groups, and those that name it, may depend on.
    Namespace(String),
    /// A group, a lane of it, or an object that was written for it.
    Group(Place),
    /// An object that was written for a gateway.
    Gateway(Place),
}

impl Change {
    fn of_any(object: &impl Resource) -> Self {
        object.meta().namespace.clone().map_or(Self::Everywhere, Self::Namespace)
    }

    fn of_group(group: &LaneGroup) -> Self {
        Self::Group(Place::of(group))
    }

    fn of_lane(lane: &Lane) -> Self {
        let name = lane.spec.0.group.to_string();
        Self::Group(Place { namespace: lane.namespace().unwrap_or_default(), name })
    }

    fn of_fault(fault: &LaneFault) -> Self {
        let name = fault.spec.0.group.to_string();
        Self::Group(Place { namespace: fault.namespace().unwrap_or_default(), name })
    }

    /// An object of Istio's, which may be one of ours.
    fn of_istio(object: &DynamicObject) -> Self {
        let (namespace, labels) = (object.namespace(), object.labels());
        let label = |key| labels.get(key).cloned();
        if label(names::MANAGED_BY_LABEL).as_deref() != Some(names::MANAGER) {
            return Self::of_any(object);
        }
        let group = label(names::GROUP_NAMESPACE_LABEL).zip(label(names::GROUP_LABEL));
        match (group, namespace.zip(label(names::ENTRY_LABEL))) {
            (Some((namespace, name)), _) => Self::Group(Place { namespace, name }),
            (None, Some((namespace, name))) => Self::Gateway(Place { namespace, name }),
            (None, None) => Self::of_any(object),
        }
    }
}

/// The changes of all kinds, one after the other. The caches follow only as long as this is polled.
pub type Changes = SelectAll<BoxStream<'static, Change>>;

/// The caches.
#[derive(Clone)]
pub struct World {
    /// Lane groups.
    pub groups: Store<LaneGroup>,
    /// Lanes.
    pub lanes: Store<Lane>,
    /// Faults.
    pub faults: Store<LaneFault>,
    /// Services.
    pub services: Store<Service>,
    /// Deployments.
    pub deployments: Store<Deployment>,
    /// `StatefulSets`.
    pub stateful_sets: Store<StatefulSet>,
    /// Pods.
    pub pods: Store<Pod>,
    /// Namespaces; none where the controller sees one alone, which then is all there is.
    pub namespaces: Option<Store<Namespace>>,
    /// Istio's `VirtualServices`, the user's and ours.
    pub virtual_services: Store<DynamicObject>,
    /// Istio's `Gateways`.
    pub gateways: Store<DynamicObject>,
    /// `HTTPRoutes` of the Gateway API; none where it is not installed.
    pub http_routes: Store<DynamicObject>,
    /// `Gateways` of the Gateway API; none where it is not installed.
    pub api_gateways: Store<DynamicObject>,
    /// Istio's `DestinationRules`, the user's and ours.
    pub destination_rules: Store<DynamicObject>,
    /// Istio's `EnvoyFilters`, the user's and ours.
    pub envoy_filters: Store<DynamicObject>,
}

/// A kind of Istio's networking API.
#[must_use]
pub fn istio(kind: &str) -> ApiResource {
    let version = if kind == "EnvoyFilter" { "v1alpha3" } else { "v1" };
    ApiResource::from_gvk(&GroupVersionKind::gvk("networking.istio.io", version, kind))
}

/// The Gateway API, which a cluster may have or not.
const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";

/// A kind of the Gateway API.
#[must_use]
pub fn gateway_api(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", kind))
}

/// Whether the cluster has the Gateway API.
///
/// # Errors
/// The API server does not say.
pub async fn has_gateway_api(client: &Client) -> kube::Result<bool> {
    match client.list_api_group_resources(GATEWAY_API).await {
        Ok(list) => Ok(list.resources.iter().any(|resource| resource.name == "httproutes")),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// What a controller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole cluster.
    Cluster,
    /// One namespace, with the rights of a Role.
    Namespace(String),
}

impl World {
    /// Starts to watch all kinds, those of the Gateway API only where it is there.
    pub fn watch(client: &Client, scope: &Scope, has_gateway_api: bool) -> (Self, Changes) {
        let mut watches = Watches { client, scope, changes: Vec::new() };
        let world = Self {
            groups: watches.typed(Change::of_group),
            lanes: watches.typed(Change::of_lane),
            faults: watches.typed(Change::of_fault),
            services: watches.typed(Change::of_any),
            deployments: watches.typed(Change::of_any),
            stateful_sets: watches.typed(Change::of_any),
            pods: watches.typed(Change::of_any),
            namespaces: (*scope == Scope::Cluster)
                .then(|| watches.cached(Api::all(client.clone()), (), Change::of_any)),
            virtual_services: watches.istio("VirtualService"),
            gateways: watches.istio("Gateway"),
            http_routes: watches.gateway_api("HTTPRoute", has_gateway_api),
            api_gateways: watches.gateway_api("Gateway", has_gateway_api),
            destination_rules: watches.istio("DestinationRule"),
            envoy_filters: watches.istio("EnvoyFilter"),
        };
        (world, select_all(watches.changes))
    }

    /// Waits until every cache has been filled once; [`Changes`] must be polled meanwhile.
    pub async fn filled(&self) {
        // A store is dropped only with its watch, and both live as long as the controller.
        let _ = tokio::join!(
            self.groups.wait_until_ready(),
            self.lanes.wait_until_ready(),
            self.faults.wait_until_ready(),
            self.services.wait_until_ready(),
            self.deployments.wait_until_ready(),
            self.stateful_sets.wait_until_ready(),
            self.pods.wait_until_ready(),
            async {
                if let Some(namespaces) = &self.namespaces {
                    let _ = namespaces.wait_until_ready().await;
                }
            },
            self.virtual_services.wait_until_ready(),
            self.gateways.wait_until_ready(),
            self.http_routes.wait_until_ready(),
            self.api_gateways.wait_until_ready(),
            self.destination_rules.wait_until_ready(),
            self.envoy_filters.wait_until_ready(),
        );
    }
}

/// The watches of a controller.
struct Watches<'a> {
    client: &'a Client,
    scope: &'a Scope,
    changes: Vec<BoxStream<'static, Change>>,
}

impl Watches<'_> {
    fn typed<K>(&mut self, change: fn(&K) -> Change) -> Store<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let client = self.client.clone();
        let api = match self.scope {
            Scope::Cluster => Api::all(client),
            Scope::Namespace(namespace) => Api::namespaced(client, namespace),
        };
        self.cached(api, (), change)
    }

    fn istio(&mut self, kind: &str) -> Store<DynamicObject> {
        self.dynamic(istio(kind))
    }

    fn gateway_api(&mut self, kind: &str, is_there: bool) -> Store<DynamicObject> {
        let resource = gateway_api(kind);
        if is_there { self.dynamic(resource) } else { filled(resource, Vec::new()) }
    }

    fn dynamic(&mut self, resource: ApiResource) -> Store<DynamicObject> {
        let client = self.client.clone();
        let api = match self.scope {
            Scope::Cluster => Api::all_with(client, &resource),
            Scope::Namespace(namespace) => Api::namespaced_with(client, namespace, &resource),
        };
        self.cached(api, resource, Change::of_istio)
    }

    /// A cache that follows a watch, whose events become changes.
    fn cached<K>(&mut self, api: Api<K>, resource: K::DynamicType, change: fn(&K) -> Change) -> Store<K>
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
        K::DynamicType: Clone + Eq + Hash + Send + Sync + 'static,
    {
        let writer = reflector::store::Writer::new(resource);
        let store = writer.as_reader();
        let stream = watcher(api, watcher::Config::default())
            .default_backoff()
            .modify(|object| object.managed_fields_mut().clear())
            .reflect(writer)
            .touched_objects()
            .filter_map(move |touched| async move {
                match touched {
                    Ok(object) => Some(change(&object)),
                    Err(error) => {
                        tracing::warn!(%error, "a watch was broken off and begins again");
                        None
                    }
                }
            });
        self.changes.push(stream.boxed());
        store
    }
}

/// A cache with these objects, which nothing will change.
pub(super) fn filled<K>(kind: K::DynamicType, objects: Vec<K>) -> Store<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Eq + Hash,
{
    let mut writer = reflector::store::Writer::new(kind);
    let store = writer.as_reader();
    writer.apply_watcher_event(&watcher::Event::Init);
    for object in objects {
        writer.apply_watcher_event(&watcher::Event::InitApply(object));
    }
    writer.apply_watcher_event(&watcher::Event::InitDone);
    store
}
