//! Istio's AuthorizationPolicies, as far as they name callers.
//!
//! Conditions on addresses, tokens, methods and paths are taken as met: only who may call at all is judged.

use std::collections::BTreeSet;

use envoy_config::istio::input::Labels;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use lane::name::NamespaceName;
use serde::Deserialize;

use super::report::ObjectName;
use super::scene::{Scene, Workload};
use super::snapshot::{Kind, Snapshot};

/// What a policy does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Action {
    #[default]
    #[serde(rename = "ALLOW")]
    Allow,
    #[serde(rename = "DENY")]
    Deny,
    #[serde(other)]
    Other,
}

/// A policy.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) object: ObjectName,
    pub(super) action: Action,
    pub(super) rules: Vec<Rule>,
    selector: Option<Labels>,
    is_root: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    action: Action,
    selector: Option<Selector>,
    target_refs: Vec<serde_json::Value>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Selector {
    match_labels: Labels,
}

/// Whoever a rule is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rule {
    from: Vec<From>,
    to: Vec<serde_json::Value>,
    when: Vec<serde_json::Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct From {
    source: Source,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Source {
    namespaces: Vec<String>,
    not_namespaces: Vec<String>,
    principals: Vec<String>,
    not_principals: Vec<String>,
    service_accounts: Vec<String>,
}

/// Who calls; where no account is given, somebody of the namespace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity<'a> {
    pub(super) namespace: &'a str,
    pub(super) account: Option<&'a str>,
}

/// The policies for single workloads, namespaces and the mesh; those for gateways and waypoints by reference are
/// left out.
pub(super) fn policies(scene: &Scene<'_>) -> Vec<Policy> {
    let all = scene.snapshot.of(Kind::AuthorizationPolicy).iter();
    all.filter_map(|object| read(object, &scene.snapshot.istio_namespace)).collect()
}

/// The namespaces that policies name as callers.
#[must_use]
pub fn source_namespaces(snapshot: &Snapshot) -> BTreeSet<String> {
    let all = snapshot.of(Kind::AuthorizationPolicy).iter();
    all.filter_map(|object| read(object, &snapshot.istio_namespace))
        .flat_map(|policy| policy.namespaces())
        .collect()
}

fn read(object: &DynamicObject, root: &str) -> Option<Policy> {
    // `spec: {}` allows nothing, and so does none at all.
    let spec = object.data.get("spec").cloned().unwrap_or_default();
    let spec: Spec = if spec.is_null() { Spec::default() } else { serde_json::from_value(spec).ok()? };
    let policy = Policy {
        object: ObjectName::of("authorizationpolicy", object),
        action: spec.action,
        rules: spec.rules,
        selector: spec.selector.map(|selector| selector.match_labels),
        is_root: object.namespace().as_deref() == Some(root),
    };
    spec.target_refs.is_empty().then_some(policy)
}

impl Policy {
    /// Whether it is about calls to a workload.
    pub(super) fn guards(&self, workload: &Workload) -> bool {
        let is_here = self.is_root || self.object.namespace.as_deref() == Some(&workload.namespace);
        let selects =
            |selector: &Labels| selector.iter().all(|(key, value)| workload.labels.get(key) == Some(value));
        is_here && self.selector.as_ref().is_none_or(selects)
    }

    /// Whether it names somebody by who they are, which only mTLS proves.
    pub(super) fn names_identities(&self) -> bool {
        self.rules.iter().flat_map(|rule| &rule.from).any(|from| {
            let Source { namespaces, principals, service_accounts, .. } = &from.source;
            !(namespaces.is_empty() && principals.is_empty() && service_accounts.is_empty())
        })
    }

    /// The namespaces that it names, without patterns.
    pub(super) fn namespaces(&self) -> BTreeSet<String> {
        let sources = self.rules.iter().flat_map(|rule| &rule.from).map(|from| &from.source);
        let named = sources.flat_map(|source| {
            let of_principals = source
                .principals
                .iter()
                .filter_map(|principal| Some(principal.split_once("/ns/")?.1.split('/').next()?.to_owned()));
            let of_accounts =
                source.service_accounts.iter().filter_map(|name| Some(name.split_once('/')?.0.to_owned()));
            source.namespaces.iter().cloned().chain(of_principals).chain(of_accounts)
        });
        // The API server takes any text here; patterns and what can be no namespace are left out.
        named.filter(|name| name.parse::<NamespaceName>().is_ok()).collect()
    }

    /// Whether a rule of it is about this caller.
    fn is_about(&self, who: Identity<'_>) -> bool {
        let all_requests = |rule: &Rule| rule.to.is_empty() && rule.when.is_empty();
        let rules = self.rules.iter().filter(|rule| self.action == Action::Allow || all_requests(rule));
        rules.into_iter().any(|rule| {
            rule.from.is_empty() || rule.from.iter().any(|from| from.source.is(who, self.namespace()))
        })
    }

    fn namespace(&self) -> &str {
        self.object.namespace.as_deref().unwrap_or_default()
    }
}

impl Source {
    fn is(&self, who: Identity<'_>, own: &str) -> bool {
        let Identity { namespace, account } = who;
        let principal = |pattern: &String| match account {
            Some(account) => fits(pattern, &format!("cluster.local/ns/{namespace}/sa/{account}")),
            None => pattern.contains(&format!("/ns/{namespace}/")) || pattern.starts_with('*'),
        };
        let of_account = |name: &String| {
            let (place, name) = name.split_once('/').unwrap_or((own, name));
            place == namespace && account.is_none_or(|account| account == name)
        };
        let in_namespace = |pattern: &String| fits(pattern, namespace);
        (self.namespaces.is_empty() || self.namespaces.iter().any(in_namespace))
            && !self.not_namespaces.iter().any(in_namespace)
            && (self.principals.is_empty() || self.principals.iter().any(principal))
            && !(account.is_some() && self.not_principals.iter().any(principal))
            && (self.service_accounts.is_empty() || self.service_accounts.iter().any(of_account))
    }
}

/// Whether `policies` let somebody call a workload at all.
pub(super) fn admit(policies: &[Policy], workload: &Workload, who: Identity<'_>) -> bool {
    let mut guarding = policies.iter().filter(|policy| policy.guards(workload));
    let denied = guarding.clone().any(|policy| policy.action == Action::Deny && policy.is_about(who));
    let is_open = guarding.clone().all(|policy| policy.action != Action::Allow);
    !denied && (is_open || guarding.any(|policy| policy.action == Action::Allow && policy.is_about(who)))
}

/// A name, a prefix or a suffix, as Istio writes them: `shop`, `shop-*`, `*-shop`, `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some(start), _) => text.starts_with(start),
        (None, Some(end)) => text.ends_with(end),
        (None, None) => pattern == text,
    }
}
