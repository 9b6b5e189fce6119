//! Names of objects, labels, subsets, clusters and resources under Istio.
//!
//! Objects of several groups may lie in one namespace, and a proxy may get filters of several groups, so that
//! namespace and name of the group are part of every name. Names of lanes, services, groups and namespaces are
//! DNS labels, so that `.` and `|` separate without ambiguity.

use lane::filter_config::Role;
use lane::name::{BASELINE, LaneName, WorkloadName};

use super::input::{Input, Service};

/// Label of every object that we write.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// Value of [`MANAGED_BY_LABEL`], and the field manager of our writes.
pub const MANAGER: &str = "graylane";

/// Label with the name of the group that an object belongs to.
pub const GROUP_LABEL: &str = "graylane.dev/group";

/// Label with the namespace of the group that an object belongs to.
pub const GROUP_NAMESPACE_LABEL: &str = "graylane.dev/group-namespace";

/// Label with the name of the gateway that an object belongs to, which may serve several groups.
pub const ENTRY_LABEL: &str = "graylane.dev/entry";

/// Annotation of the object of a gateway: the groups that it serves, as `NAMESPACE/NAME`, with commas.
pub const GROUPS_ANNOTATION: &str = "graylane.dev/groups";

/// The subset of `lane`, or of the baseline for `None`. The prefix keeps the user's own subsets apart.
#[must_use]
pub fn subset(lane: Option<&LaneName>) -> String {
    format!("graylane-{}", lane.map_or(BASELINE, LaneName::as_str))
}

/// The cluster that istiod makes of a subset, for callers.
#[must_use]
pub fn subset_cluster(host: &str, port: u16, lane: Option<&LaneName>) -> String {
    format!("outbound|{port}|{}|{host}", subset(lane))
}

/// The aggregate that prefers `lane` and falls back to the baseline.
#[must_use]
pub fn fallback_cluster(host: &str, port: u16, lane: &LaneName) -> String {
    format!("graylane|{port}|{lane}|{host}")
}

/// The ECDS resource of a role of a group at a workload or gateway, and the name of the HTTP filter.
#[must_use]
pub fn filter_resource(role: Role, namespace: &str, workload: &WorkloadName, input: &Input) -> String {
    let (group_namespace, group) = (&input.namespace, &input.group.metadata.name);
    format!("graylane.{}.{namespace}.{workload}.{group_namespace}.{group}", role.as_str())
}

/// Envoy's fault filter behind the filter of a role, as a resource of ECDS and as an HTTP filter.
#[must_use]
pub fn fault_resource(role: Role, namespace: &str, workload: &WorkloadName, input: &Input) -> String {
    let (group_namespace, group) = (&input.namespace, &input.group.metadata.name);
    format!("graylane.fault-{}.{namespace}.{workload}.{group_namespace}.{group}", role.as_str())
}

/// What callers' proxies get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Aggregates.
    Clusters,
    /// Routes.
    Routes,
    /// Replies where nothing falls back.
    Replies,
}

impl Part {
    /// The last part of the names of its EnvoyFilters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Routes => "routes",
            Self::Replies => "replies",
        }
    }
}

/// The EnvoyFilter of a part in a namespace of callers.
#[must_use]
pub fn of_callers(input: &Input, part: Part) -> String {
    object(input, part.as_str())
}

/// The EnvoyFilter of a part for one gateway alone.
#[must_use]
pub fn of_gateway(input: &Input, gateway: &WorkloadName, part: Part) -> String {
    object(input, &format!("gateways.{gateway}.{}", part.as_str()))
}

/// The EnvoyFilter of a workload's filters.
#[must_use]
pub fn filters(input: &Input, workload: &WorkloadName) -> String {
    object(input, &format!("filters.{workload}"))
}

/// The EnvoyFilter of a gateway's entry filters, for all groups.
#[must_use]
pub fn gateway(gateway: &WorkloadName) -> String {
    format!("graylane.entry.{gateway}")
}

/// The DestinationRule of a service; `variant` counts those for one host that differ in whom they are for.
#[must_use]
pub fn destination_rule(input: &Input, service: &Service, variant: usize) -> String {
    let name = object(input, &format!("subsets.{}.{}", service.name, service.namespace));
    if variant == 0 { name } else { format!("{name}.{variant}") }
}

fn object(input: &Input, what: &str) -> String {
    format!("graylane.{}.{}.{what}", input.namespace, input.group.metadata.name)
}
