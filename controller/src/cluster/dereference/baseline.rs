//! Which label tells a service's baseline pods from those of lanes.

use envoy_config::istio::input::{Labels, Workload};
use k8s_openapi::api::core::v1::Service;
use lane::model::Service as ServiceSpec;

/// Labels that say a version by convention, the best first.
const VERSION_LABELS: [&str; 2] = ["version", "app.kubernetes.io/version"];

/// The labels of a service's baseline: those that the group gives, or else those that tell it apart.
pub(super) fn of(spec: &ServiceSpec, service: &Service, workloads: &[Workload]) -> Labels {
    if spec.baseline.is_empty() {
        derive(&super::selector(service), workloads)
    } else {
        spec.baseline.clone()
    }
}

/// A label that all baseline workloads have with one value and no lane's workload has; nothing where there is
/// none.
///
/// Before a lane is deployed only labels that say a version count, since no other is known to tell apart.
/// A label of the service's own selector is on every pod.
fn derive(selector: &Labels, workloads: &[Workload]) -> Labels {
    let (baseline, lanes): (Vec<_>, Vec<_>) = workloads.iter().partition(|workload| workload.lane.is_none());
    let Some((first, others)) = baseline.split_first() else { return Labels::new() };
    let tells_apart = |key: &String, value: &String| {
        let has = |workload: &&&Workload| workload.labels.get(key) == Some(value);
        !selector.contains_key(key)
            && others.iter().all(|other| has(&other))
            && !lanes.iter().any(|lane| has(&lane))
    };
    let mut candidates: Vec<_> = first.labels.iter().filter(|(key, value)| tells_apart(key, value)).collect();
    let rank =
        |key: &str| VERSION_LABELS.iter().position(|known| *known == key).unwrap_or(VERSION_LABELS.len());
    candidates.sort_by_key(|(key, _)| rank(key));
    let known = |key: &str| VERSION_LABELS.contains(&key) || !lanes.is_empty();
    let best = candidates.into_iter().find(|(key, _)| known(key));
    best.map(|(key, value)| (key.clone(), value.clone())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    fn workload(name: &str, lane: Option<&str>, text: &str) -> Workload {
        Workload {
            name: name.parse().unwrap(),
            selector: Labels::new(),
            labels: labels(text),
            lane: lane.map(|lane| lane.parse().unwrap()),
        }
    }

    #[test]
    fn the_label_is_on_every_baseline_pod_and_on_no_other() {
        for (case, workloads, want) in [
            ("version", vec![workload("a", None, "app=a version=v1 tier=x")], "version=v1"),
            ("nothing said", vec![workload("a", None, "app=a tier=x")], ""),
            (
                "the lane tells which",
                vec![
                    workload("a", None, "app=a track=stable"),
                    workload("g", Some("gray"), "app=a track=gray"),
                ],
                "track=stable",
            ),
            (
                "the lane has the same version",
                vec![
                    workload("a", None, "app=a version=v1"),
                    workload("g", Some("gray"), "app=a version=v1"),
                ],
                "",
            ),
            (
                "two baselines that differ",
                vec![workload("a", None, "app=a version=v1"), workload("b", None, "app=a version=v2")],
                "",
            ),
            ("no baseline", vec![workload("g", Some("gray"), "app=a version=v2")], ""),
        ] {
            assert_eq!(derive(&labels("app=a"), &workloads), labels(want), "{case}");
        }
    }
}
