//! What the doctor is shown: objects as they stood at one time, and what could not be read.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};

use crate::cluster::client::Right;
use crate::cluster::crd::{Lane, LaneGroup};
use crate::cluster::world::gateway_api;

/// The kinds of objects that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Namespaces of the group, and those that policies name.
    Namespace,
    /// Pods.
    Pod,
    /// Services.
    Service,
    /// Deployments.
    Deployment,
    /// `StatefulSets`.
    StatefulSet,
    /// The controller's own Deployment.
    Controller,
    /// The mesh configuration in Istio's namespace.
    ConfigMap,
    /// `NetworkPolicies`.
    NetworkPolicy,
    /// `MutatingWebhookConfigurations`: Istio's injectors among them.
    Webhook,
    /// Istio's `VirtualServices`.
    VirtualService,
    /// Istio's `DestinationRules`.
    DestinationRule,
    /// Istio's `Gateways`.
    Gateway,
    /// The Gateway API's `HTTPRoutes`.
    HttpRoute,
    /// The Gateway API's `Gateways`.
    ApiGateway,
    /// Istio's `Sidecars`.
    Sidecar,
    /// Istio's `EnvoyFilters`.
    EnvoyFilter,
    /// Istio's `WasmPlugins`.
    WasmPlugin,
    /// What Istio 1.30 and newer make of `WasmPlugins`.
    TrafficExtension,
    /// Istio's `AuthorizationPolicies`.
    AuthorizationPolicy,
    /// Istio's `PeerAuthentications`.
    PeerAuthentication,
}

impl Kind {
    /// The kind as the API server knows it.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let (group, version, kind) = match self {
            Self::Namespace => ("", "v1", "Namespace"),
            Self::Pod => ("", "v1", "Pod"),
            Self::Service => ("", "v1", "Service"),
            Self::ConfigMap => ("", "v1", "ConfigMap"),
            Self::Deployment | Self::Controller => ("apps", "v1", "Deployment"),
            Self::StatefulSet => ("apps", "v1", "StatefulSet"),
            Self::NetworkPolicy => ("networking.k8s.io", "v1", "NetworkPolicy"),
            Self::Webhook => ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration"),
            Self::VirtualService => ("networking.istio.io", "v1", "VirtualService"),
            Self::DestinationRule => ("networking.istio.io", "v1", "DestinationRule"),
            Self::Gateway => ("networking.istio.io", "v1", "Gateway"),
            Self::HttpRoute => return gateway_api("HTTPRoute"),
            Self::ApiGateway => return gateway_api("Gateway"),
            Self::Sidecar => ("networking.istio.io", "v1", "Sidecar"),
            Self::EnvoyFilter => ("networking.istio.io", "v1alpha3", "EnvoyFilter"),
            Self::WasmPlugin => ("extensions.istio.io", "v1alpha1", "WasmPlugin"),
            Self::TrafficExtension => ("extensions.istio.io", "v1alpha1", "TrafficExtension"),
            Self::AuthorizationPolicy => ("security.istio.io", "v1", "AuthorizationPolicy"),
            Self::PeerAuthentication => ("security.istio.io", "v1", "PeerAuthentication"),
        };
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
    }

    /// Its name as `kubectl` takes it.
    #[must_use]
    pub fn word(self) -> String {
        self.resource().kind.to_ascii_lowercase()
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What it is.
    pub kind: Kind,
    /// Where; none for the whole cluster.
    pub namespace: Option<String>,
    /// Why.
    pub reason: String,
    /// The right that is lacking, where it is that.
    pub right: Option<Right>,
}

/// What came of asking for a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A file with this SHA-256, in hex.
    File(String),
    /// Another answer than a file.
    Status(u16),
    /// No answer.
    Silent(String),
}

/// Everything that is looked at.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The group.
    pub group: LaneGroup,
    /// Its lanes.
    pub lanes: Vec<Lane>,
    /// The namespaces that the group has to do with.
    pub namespaces: BTreeSet<String>,
    /// The namespace of istiod, which is its root namespace too.
    pub istio_namespace: String,
    /// The namespace of the controller.
    pub controller_namespace: String,
    /// The objects of the namespaces that matter.
    pub objects: BTreeMap<Kind, Vec<DynamicObject>>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Kinds that the API server does not know.
    pub unserved: BTreeSet<Kind>,
    /// What came of asking for the modules, by their addresses.
    pub modules: BTreeMap<String, Fetched>,
}

impl Snapshot {
    /// Nothing but a group.
    #[must_use]
    pub fn new(group: LaneGroup, lanes: Vec<Lane>) -> Self {
        Self {
            namespaces: group.metadata.namespace.iter().cloned().collect(),
            group,
            lanes,
            istio_namespace: "istio-system".to_owned(),
            controller_namespace: crate::cluster::install::NAMESPACE.to_owned(),
            objects: BTreeMap::new(),
            unread: Vec::new(),
            unserved: BTreeSet::new(),
            modules: BTreeMap::new(),
        }
    }

    /// Whether it is of a namespace that the group has nothing to do with, and means nothing to the whole mesh.
    pub(super) fn is_beside(&self, unread: &Unread) -> bool {
        let is_of_one = matches!(unread.kind, Kind::Namespace | Kind::Pod | Kind::Deployment);
        is_of_one && unread.namespace.as_ref().is_some_and(|place| !self.namespaces.contains(place))
    }

    /// The objects of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &[DynamicObject] {
        self.objects.get(&kind).map_or(&[], Vec::as_slice)
    }
}
