//! Which workload of a lane becomes which workload of the baseline.

use std::collections::BTreeSet;

use envoy_config::istio::input::{Service, Workload};
use kube::runtime::reflector::ObjectRef;

use super::workload::Reference;
use crate::cluster::world::World;

/// A version and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Has the version.
    pub lane: Reference,
    /// Takes it.
    pub baseline: Reference,
}

/// The workloads of a group, as one lane sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workloads {
    /// Those of the lane.
    pub lane: BTreeSet<Reference>,
    /// Those of the baseline, of all services.
    pub baselines: BTreeSet<Reference>,
    pairs: BTreeSet<Pair>,
    /// Why some have no counterpart.
    unpaired: Vec<String>,
}

impl Workloads {
    /// What goes where.
    ///
    /// # Errors
    /// The lane has no workload, or it is not clear where one goes: the text says why.
    pub fn pairs(&self) -> Result<&BTreeSet<Pair>, String> {
        if self.lane.is_empty() {
            return Err(
                "the lane has no workload in any service of the group: deploy its version first".to_owned()
            );
        }
        if self.unpaired.is_empty() { Ok(&self.pairs) } else { Err(self.unpaired.join("\n")) }
    }
}

/// The workloads behind `services` as the lane sees them.
#[must_use]
pub fn of(services: &[Service], lane: &str, world: &World) -> Workloads {
    of_kinds(services, lane, |namespace, name| {
        let key = ObjectRef::new(name).within(namespace);
        if world.deployments.get(&key).is_some() { "Deployment" } else { "StatefulSet" }
    })
}

/// The same, where `kind` tells Deployments from `StatefulSets` by namespace and name.
fn of_kinds(services: &[Service], lane: &str, kind: impl Fn(&str, &str) -> &'static str) -> Workloads {
    let mut found = Workloads::default();
    for service in services {
        let namespace = service.namespace.as_str();
        let reference = |workload: &Workload| Reference {
            kind: kind(namespace, workload.name.as_str()),
            namespace: namespace.to_owned(),
            name: workload.name.to_string(),
        };
        let of_lane = |workload: &&Workload| workload.lane.as_ref().is_some_and(|name| name.as_str() == lane);
        let of_lane: Vec<_> = service.workloads.iter().filter(of_lane).map(reference).collect();
        let of_baseline: Vec<_> = service
            .workloads
            .iter()
            .filter(|workload| is_baseline(service, workload))
            .map(reference)
            .collect();
        match (of_lane.as_slice(), of_baseline.as_slice()) {
            ([], _) => {}
            ([from], [to]) if from.kind == to.kind => {
                found.pairs.insert(Pair { lane: from.clone(), baseline: to.clone() });
            }
            ([from], [to]) => {
                found.unpaired.push(format!("{from} cannot become {to}: they are of different kinds"));
            }
            (from, to) => found.unpaired.push(format!(
                "{namespace}/{}: {} workloads of the lane and {} of the baseline, where there must be one of each: {}",
                service.name,
                from.len(),
                to.len(),
                from.iter().chain(to).map(ToString::to_string).collect::<Vec<_>>().join(", ")
            )),
        }
        found.lane.extend(of_lane);
        found.baselines.extend(of_baseline);
    }
    found
}

fn is_baseline(service: &Service, workload: &Workload) -> bool {
    workload.lane.is_none()
        && service.baseline.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A service whose workloads are given as `NAME` or `NAME@LANE`.
    fn service(name: &str, workloads: &[&str]) -> Service {
        let workload = |text: &&str| {
            let (name, lane) = text.split_once('@').map_or((*text, None), |(name, lane)| (name, Some(lane)));
            let version = if name == "old" { "v0" } else { "v1" };
            Workload {
                name: name.parse().unwrap(),
                selector: BTreeMap::new(),
                labels: BTreeMap::from([("version".to_owned(), version.to_owned())]),
                lane: lane.map(|lane| lane.parse().unwrap()),
            }
        };
        Service {
            namespace: "demo".parse().unwrap(),
            name: name.parse().unwrap(),
            host: format!("{name}.demo.svc.cluster.local"),
            ports: Vec::new(),
            baseline: BTreeMap::from([("version".to_owned(), "v1".to_owned())]),
            workloads: workloads.iter().map(workload).collect(),
            unsupported: None,
        }
    }

    fn found(services: &[Service]) -> Result<Vec<String>, String> {
        let kind = |_: &str, name: &str| if name.starts_with("set") { "StatefulSet" } else { "Deployment" };
        let workloads = of_kinds(services, "gray", kind);
        let line = |pair: &Pair| format!("{} > {}", pair.lane.name, pair.baseline.name);
        workloads.pairs().map(|pairs| pairs.iter().map(line).collect())
    }

    #[test]
    fn each_workload_of_the_lane_has_one_of_the_baseline() {
        let shop = [service("a", &["a", "a-gray@gray", "a-blue@blue", "old"]), service("b", &["b"])];
        assert_eq!(found(&shop).unwrap(), ["a-gray > a"]);
        // Two services may lead to the same pods.
        let twice = [service("a", &["a", "a-gray@gray"]), service("admin", &["a", "a-gray@gray"])];
        assert_eq!(found(&twice).unwrap(), ["a-gray > a"]);
        assert!(found(&[service("b", &["b"])]).unwrap_err().contains("no workload in any service"));
        let several = found(&[service("a", &["a", "other", "a-gray@gray"])]).unwrap_err();
        assert!(several.contains("1 workloads of the lane and 2 of the baseline"), "{several}");
        let kinds = found(&[service("a", &["set", "a-gray@gray"])]).unwrap_err();
        assert!(kinds.contains("of different kinds"), "{kinds}");
    }
}
