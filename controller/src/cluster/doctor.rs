//! The doctor: why lanes do not work here, or will not, with the command that mends it.
//!
//! ```text
//! client::examination ─▶ Snapshot ─▶ Scene (typed, dereferenced) ─▶ CHECKS ─▶ Vec<Finding>
//! ```
//!
//! [`examine`] does no I/O. A check that could not see what it needs says `unknown`, with the right that is lacking:
//! what was not looked at never passes.

mod agreement;
mod authorization;
mod callers;
mod control_plane;
mod envoy_filters;
mod extensions;
mod injection;
mod module;
mod network;
mod reach;
mod remedy;
mod report;
mod scene;
mod snapshot;
mod start_order;
mod state;
mod subsets;
#[cfg(test)]
mod tests;
mod versions;
mod visibility;

pub use authorization::source_namespaces;
pub use module::addresses;
pub use report::{Finding, ObjectName, Severity};
pub use snapshot::{Fetched, Kind, Snapshot, Unread};

use report::Symptom;
use scene::Scene;

/// One thing that is looked at.
pub struct Check {
    /// Its name, for programs and for the reference.
    pub id: &'static str,
    /// What is so where it finds nothing.
    pub holds: &'static str,
    /// The kinds of objects that it looks at in the namespaces of the group, and those that are for the whole mesh.
    needs: &'static [Kind],
    /// The kinds that it also looks at elsewhere: istiod's own, and namespaces that policies name.
    beside: &'static [Kind],
    /// Whether it also concludes from what is not there: then it says nothing where it could not see everything.
    from_absence: bool,
    run: fn(&Scene<'_>) -> Vec<Symptom>,
}

/// What every dereferencing of a group looks at.
const GROUP: [Kind; 5] = [Kind::Namespace, Kind::Service, Kind::Deployment, Kind::StatefulSet, Kind::Pod];

/// The callers that are not reached; the status of a group names them too.
pub const CALLERS_ROUTED: Check = Check {
    id: "callers-routed",
    holds: "our routes reach every caller that is known",
    needs: &[
        Kind::Namespace,
        Kind::Service,
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::Pod,
        Kind::VirtualService,
        Kind::DestinationRule,
        Kind::Gateway,
        Kind::HttpRoute,
        Kind::ApiGateway,
        Kind::AuthorizationPolicy,
    ],
    beside: &[],
    from_absence: true,
    run: callers::run,
};

/// All checks, in the order in which they are made: what others rest on comes first.
pub const CHECKS: &[Check] = &[
    Check {
        id: "istio-installed",
        holds: "the API server knows Istio's kinds",
        needs: &[],
        beside: &[],
        from_absence: false,
        run: control_plane::installed,
    },
    Check {
        id: "istiod-ready",
        holds: "every revision in use has an istiod that is ready",
        needs: &[Kind::Pod],
        beside: &[Kind::Pod, Kind::Deployment],
        from_absence: true,
        run: control_plane::ready,
    },
    Check {
        id: "istiod-sends-lanes-to-gateways",
        holds: "istiod sends gateways the clusters of lanes",
        needs: &[],
        beside: &[Kind::Deployment],
        from_absence: false,
        run: control_plane::gateway_clusters,
    },
    Check {
        id: "injector-selects-namespace",
        holds: "an injector of Istio selects the pods of every namespace of the group",
        needs: &[Kind::Namespace, Kind::Webhook, Kind::Pod],
        beside: &[],
        from_absence: true,
        run: injection::injectors,
    },
    Check {
        id: "sidecar-present",
        holds: "every pod of the group has a proxy",
        needs: &GROUP,
        beside: &[],
        from_absence: true,
        run: injection::sidecars,
    },
    Check {
        id: "proxy-starts-first",
        holds: "every application starts after its proxy",
        needs: &[Kind::Pod, Kind::ConfigMap],
        beside: &[],
        from_absence: true,
        run: start_order::run,
    },
    Check {
        id: "proxy-version",
        holds: "the proxies' versions of Istio are supported",
        needs: &[Kind::Pod],
        beside: &[],
        from_absence: false,
        run: versions::run,
    },
    Check {
        id: "controller-ready",
        holds: "the controller is ready and has looked at the group and its lanes",
        needs: &[Kind::Controller],
        beside: &[],
        from_absence: true,
        run: state::controller,
    },
    Check {
        id: "group-accepted",
        holds: "the controller has accepted the group and its lanes",
        needs: &[],
        beside: &[],
        from_absence: false,
        run: state::conditions,
    },
    Check {
        id: "clocks-agree",
        holds: "the proxies' clocks are the controller's, as far as they have told",
        needs: &[],
        beside: &[],
        from_absence: false,
        run: state::clocks,
    },
    Check {
        id: "pods-in-subset",
        holds: "every ready pod is either of the baseline or of a lane",
        needs: &GROUP,
        beside: &[],
        from_absence: true,
        run: subsets::run,
    },
    CALLERS_ROUTED,
    Check {
        id: "callees-visible",
        holds: "no Sidecar and no exportTo hides a service from its callers",
        needs: &[Kind::Service, Kind::Pod, Kind::Sidecar],
        beside: &[],
        from_absence: true,
        run: visibility::run,
    },
    Check {
        id: "policies-agree",
        holds: "NetworkPolicies and AuthorizationPolicies let the same callers in, and a lane where its baseline may go",
        needs: &[
            Kind::Namespace,
            Kind::Service,
            Kind::Deployment,
            Kind::StatefulSet,
            Kind::Pod,
            Kind::NetworkPolicy,
            Kind::AuthorizationPolicy,
            Kind::PeerAuthentication,
        ],
        beside: &[Kind::Namespace],
        from_absence: true,
        run: agreement::run,
    },
    Check {
        id: "network-open",
        holds: "NetworkPolicies let proxies reach istiod and the module, and the controller reach proxies",
        needs: &[Kind::Namespace, Kind::Pod, Kind::NetworkPolicy],
        beside: &[Kind::Namespace],
        from_absence: true,
        run: reach::run,
    },
    Check {
        id: "envoy-filters-apart",
        holds: "no EnvoyFilter of others touches what is ours",
        needs: &[Kind::EnvoyFilter],
        beside: &[],
        from_absence: false,
        run: envoy_filters::run,
    },
    Check {
        id: "extensions-apart",
        holds: "no extension of others shares the discovery of ours",
        needs: &[Kind::WasmPlugin, Kind::TrafficExtension, Kind::EnvoyFilter],
        beside: &[],
        from_absence: false,
        run: extensions::run,
    },
    Check {
        id: "module-fetchable",
        holds: "the module can be fetched and is the one that is meant",
        needs: &[Kind::EnvoyFilter],
        beside: &[],
        from_absence: false,
        run: module::run,
    },
];

/// Everything that there is to say of a group: at least one finding for each check.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    let scene = Scene::new(snapshot);
    CHECKS.iter().flat_map(|check| check.findings(&scene)).collect()
}

impl Check {
    /// Whether it looks at objects of a kind.
    pub(in crate::cluster) fn looks_at(&self, kind: Kind) -> bool {
        self.needs.contains(&kind) || self.beside.contains(&kind)
    }

    /// What it alone has to say, of a snapshot with the kinds that it looks at.
    #[must_use]
    pub fn examine(&self, snapshot: &Snapshot) -> Vec<Finding> {
        self.findings(&Scene::new(snapshot))
    }

    fn findings(&self, scene: &Scene<'_>) -> Vec<Finding> {
        let is_needed = |unread: &&Unread| {
            let kinds = if scene.snapshot.is_beside(unread) { self.beside } else { self.needs };
            kinds.contains(&unread.kind)
        };
        let unread: Vec<&Unread> = scene.snapshot.unread.iter().filter(is_needed).collect();
        let mut symptoms = unread_symptoms(&unread, scene);
        if unread.is_empty() || !self.from_absence {
            symptoms.extend((self.run)(scene));
        }
        if symptoms.is_empty() {
            symptoms.push(Symptom::pass(scene.group_name(), self.holds.to_owned()));
        }
        symptoms.into_iter().map(|symptom| symptom.of(self.id)).collect()
    }
}

/// One for each namespace: what could not be read there, and the command that would let it be read.
fn unread_symptoms(unread: &[&Unread], scene: &Scene<'_>) -> Vec<Symptom> {
    let mut places: Vec<_> = unread.iter().map(|unread| &unread.namespace).collect();
    places.sort();
    places.dedup();
    let symptom = |place: &Option<String>| {
        let here = unread.iter().filter(|unread| unread.namespace == *place);
        let reasons: Vec<&str> = here.map(|unread| unread.reason.as_str()).collect();
        let object = place.as_deref().map_or_else(|| scene.group_name(), ObjectName::namespace);
        let message = format!("not looked at: {}", reasons.join("; "));
        Symptom::unknown(object, message, remedy::rights(&scene.snapshot.unread, place.as_deref()))
    };
    places.into_iter().map(symptom).collect()
}
