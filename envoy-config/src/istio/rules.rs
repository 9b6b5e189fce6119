//! Which DestinationRules of the user hold for a service, and where one of ours has to lie beside them.
//!
//! istiod takes the rules for a host from one place: the caller's namespace, else the service's, else the root
//! namespace; there, those with the most specific host. Nothing is inherited. So ours lies where it takes them
//! from, and where it would hide rules that hold now, it carries what they say.

use lane::name::NamespaceName;

use super::destination_rule::DestinationRuleSpec;
use super::input::{self, Input, Service};
use super::mesh::Mesh;

/// A DestinationRule of the user.
pub(super) struct Rule<'a> {
    pub(super) namespace: &'a NamespaceName,
    /// The full host name, or a wildcard.
    host: String,
    pub(super) spec: DestinationRuleSpec,
}

/// The place of a DestinationRule of ours for a service, and the user's rules that hold there.
pub(super) struct Place<'m, 'a> {
    pub(super) namespace: &'a NamespaceName,
    pub(super) rules: Vec<&'m Rule<'a>>,
    /// Whether istiod joins ours with the user's; else ours hides them, and carries what they say.
    pub(super) joined: bool,
}

impl<'a> Rule<'a> {
    /// Reads a rule; `None` for one that istiod could not read either.
    pub(super) fn read(rule: &'a input::DestinationRule, input: &Input) -> Option<Self> {
        let spec: DestinationRuleSpec = serde_json::from_value(rule.spec.clone()).ok()?;
        let host = full_host(&spec.host, &rule.namespace, &input.cluster_domain);
        Some(Self { namespace: &rule.namespace, host, spec })
    }

    /// Whether proxies in a namespace see the rule.
    fn is_visible_in(&self, namespace: &NamespaceName) -> bool {
        let exported = |to: &String| match to.as_str() {
            "*" => true,
            "." => self.namespace == namespace,
            name => name == namespace.as_str(),
        };
        self.spec.export_to.is_empty() || self.spec.export_to.iter().any(exported)
    }

    fn is_visible_everywhere(&self) -> bool {
        self.spec.export_to.is_empty() || self.spec.export_to.iter().any(|to| to == "*")
    }

    fn is_private(&self) -> bool {
        self.spec.export_to.iter().any(|to| to == ".")
    }
}

impl<'a> Mesh<'a> {
    /// Where the rules for `service` are that proxies in `caller` go by.
    pub(super) fn place(&self, service: &'a Service, caller: &'a NamespaceName) -> Place<'_, 'a> {
        let root = &self.input.root_namespace;
        // In the root namespace only private rules are the callers' own; the others are everybody's.
        let own = self.most_specific(service, |rule| {
            rule.namespace == caller && rule.is_visible_in(caller) && (caller != root || rule.is_private())
        });
        if !own.is_empty() {
            return self.beside(service, caller, own);
        }
        let theirs = self.most_specific(service, |rule| {
            *rule.namespace == service.namespace && rule.is_visible_in(caller)
        });
        if !theirs.is_empty() {
            return self.beside(service, &service.namespace, theirs);
        }
        let everybodys =
            self.most_specific(service, |rule| rule.namespace == root && rule.is_visible_in(caller));
        let others = self.most_specific(service, |rule| *rule.namespace == service.namespace);
        let is_general = everybodys.iter().all(|rule| rule.is_visible_everywhere());
        // In the service's namespace ours would hold for callers that go by other rules.
        let namespace = if others.is_empty() && is_general { &service.namespace } else { caller };
        Place { namespace, joined: false, rules: everybodys }
    }

    fn beside<'m>(
        &'m self,
        service: &Service,
        namespace: &'a NamespaceName,
        rules: Vec<&'m Rule<'a>>,
    ) -> Place<'m, 'a> {
        let joined = rules.iter().all(|rule| rule.host == service.host);
        Place { namespace, rules, joined }
    }

    /// Of the rules that match a service's host, those with the most specific one.
    fn most_specific(&self, service: &Service, among: impl Fn(&Rule<'a>) -> bool) -> Vec<&Rule<'a>> {
        let matching: Vec<_> =
            self.rules.iter().filter(|rule| among(rule) && covers(&rule.host, &service.host)).collect();
        let specific = |rule: &Rule<'_>| (!rule.host.starts_with('*'), rule.host.len());
        let most = matching.iter().map(|rule| specific(rule)).max();
        matching.into_iter().filter(|rule| Some(specific(rule)) == most).collect()
    }
}

/// The full name of a host that stands in an object of `namespace`: only names without a dot are short.
pub(super) fn full_host(host: &str, namespace: &NamespaceName, domain: &str) -> String {
    if host.contains(['.', '*']) { host.to_owned() } else { format!("{host}.{namespace}.svc.{domain}") }
}

/// Whether a host, perhaps a wildcard, means `host`.
pub(super) fn covers(pattern: &str, host: &str) -> bool {
    pattern.strip_prefix('*').map_or(pattern == host, |suffix| host.ends_with(suffix))
}
