//! Whom NetworkPolicies let through, judged as a network plugin does. Addresses are not: a rule with an `ipBlock` may
//! let anybody through.

use envoy_config::istio::input::Labels;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;

use super::injection::matches;
use super::scene::Scene;

/// Which way a policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// The field of a policy with the rules for it.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The field of a rule with the peers.
    pub(super) fn peers(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }
}

/// The pods that a policy is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pods<'a> {
    pub(super) namespace: &'a str,
    pub(super) labels: &'a Labels,
}

/// Who is on the other side; where there are no labels, somebody of the namespace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer<'a> {
    pub(super) namespace: &'a str,
    pub(super) labels: Option<&'a Labels>,
}

/// A port of the pod that is called.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) number: i32,
    pub(super) name: Option<String>,
}

/// The peers and the ports of a rule.
type Rule<'a> = (Option<&'a Vec<NetworkPolicyPeer>>, Option<&'a Vec<NetworkPolicyPort>>);

/// The policies that close pods in one direction but for what they name.
pub(super) fn closing<'a>(
    scene: &'a Scene<'_>,
    direction: Direction,
    pods: Pods<'_>,
) -> Vec<&'a NetworkPolicy> {
    let closes = |policy: &&NetworkPolicy| {
        let Some(spec) = &policy.spec else { return false };
        let is_meant = match (&spec.policy_types, direction) {
            (Some(types), Direction::Ingress) => types.iter().any(|name| name == "Ingress"),
            (Some(types), Direction::Egress) => types.iter().any(|name| name == "Egress"),
            (None, Direction::Ingress) => true,
            (None, Direction::Egress) => spec.egress.is_some(),
        };
        is_meant
            && policy.namespace().as_deref() == Some(pods.namespace)
            && matches(spec.pod_selector.as_ref(), pods.labels)
    };
    scene.network_policies.iter().filter(closes).collect()
}

/// Whether pods and a peer may speak on a port: nothing closes the pods, or a rule opens them.
pub(super) fn admits(
    scene: &Scene<'_>,
    direction: Direction,
    pods: Pods<'_>,
    peer: Peer<'_>,
    port: &Port,
) -> bool {
    let closing = closing(scene, direction, pods);
    closing.is_empty() || closing.iter().any(|policy| opening(scene, direction, policy, peer, port).is_some())
}

/// The rule of a policy, counted from 0, that lets a peer through.
pub(super) fn opening(
    scene: &Scene<'_>,
    direction: Direction,
    policy: &NetworkPolicy,
    peer: Peer<'_>,
    port: &Port,
) -> Option<usize> {
    let own = policy.namespace().unwrap_or_default();
    rules(policy, direction).iter().position(|(peers, ports)| {
        let is_meant = |candidate: &NetworkPolicyPeer| is(scene, candidate, peer, &own);
        // An absent or empty list stands for everybody, and for every port.
        peers.is_none_or(|peers| peers.is_empty() || peers.iter().any(is_meant))
            && ports.is_none_or(|ports| ports.is_empty() || ports.iter().any(|open| covers(open, port)))
    })
}

fn rules(policy: &NetworkPolicy, direction: Direction) -> Vec<Rule<'_>> {
    let Some(spec) = &policy.spec else { return Vec::new() };
    match direction {
        Direction::Ingress => {
            spec.ingress.iter().flatten().map(|rule| (rule.from.as_ref(), rule.ports.as_ref())).collect()
        }
        Direction::Egress => {
            spec.egress.iter().flatten().map(|rule| (rule.to.as_ref(), rule.ports.as_ref())).collect()
        }
    }
}

fn is(scene: &Scene<'_>, candidate: &NetworkPolicyPeer, peer: Peer<'_>, own: &str) -> bool {
    if candidate.ip_block.is_some() {
        return true;
    }
    let in_namespace = match &candidate.namespace_selector {
        Some(selector) => matches(Some(selector), &scene.namespace_labels(peer.namespace)),
        None => peer.namespace == own,
    };
    let is_pod = peer.labels.is_none_or(|labels| matches(candidate.pod_selector.as_ref(), labels));
    in_namespace && is_pod
}

fn covers(open: &NetworkPolicyPort, port: &Port) -> bool {
    let is_tcp = open.protocol.as_deref().is_none_or(|protocol| protocol == "TCP");
    let is_meant = match (&open.port, open.end_port) {
        (None, _) => true,
        (Some(IntOrString::Int(first)), Some(last)) => (*first..=last).contains(&port.number),
        (Some(IntOrString::Int(number)), None) => *number == port.number,
        (Some(IntOrString::String(name)), _) => port.name.as_ref() == Some(name),
    };
    is_tcp && is_meant
}
