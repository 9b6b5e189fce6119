//! Make before break among clusters and routes: a cluster is made before a route leads there, and goes after the
//! last route has.
//!
//! Istio sends clusters before routes, but a proxy takes a route at once while its cluster still waits for its
//! endpoints: a request that finds such a route gets 503. So clusters come one generation earlier than
//! their routes, and go one later. Each step waits until the proxies have followed.

use std::collections::BTreeSet;
use std::time::Duration;

use envoy_config::istio::ClusterKey;
use lane::model::{ClusterInForce, ClusterPhase, LaneGroupStatus};

/// How long the proxies have followed a generation before the next step: a proxy says that it has the rules, but
/// not that the clusters which came with them have their endpoints.
pub const SETTLING: Duration = Duration::from_secs(2);

/// The clusters of the next generation, from those in force and those that are wanted. `settled` says that the
/// proxies have the generation in force.
#[must_use]
pub fn next(
    in_force: &[ClusterInForce],
    wanted: &BTreeSet<ClusterKey>,
    settled: bool,
) -> Vec<ClusterInForce> {
    let keys: BTreeSet<ClusterKey> = in_force.iter().map(key).chain(wanted.iter().cloned()).collect();
    let step = |key: ClusterKey| {
        let former = in_force.iter().find(|former| self::key(former) == key).map(|former| former.phase);
        let phase = match (former, wanted.contains(&key)) {
            (Some(ClusterPhase::Routed), true) => ClusterPhase::Routed,
            (Some(_), true) if settled => ClusterPhase::Routed,
            (_, true) => ClusterPhase::Made,
            (Some(ClusterPhase::Leaving | ClusterPhase::Made), false) if settled => return None,
            (_, false) => ClusterPhase::Leaving,
        };
        Some(ClusterInForce { service: key.service, lane: key.lane, phase })
    };
    keys.into_iter().filter_map(step).collect()
}

/// Those that no route leads to.
#[must_use]
pub fn unrouted(clusters: &[ClusterInForce]) -> BTreeSet<ClusterKey> {
    clusters.iter().filter(|cluster| !cluster.phase.is_routed()).map(key).collect()
}

/// Whether clusters wait for their routes.
#[must_use]
pub fn lack_routes(clusters: &[ClusterInForce]) -> bool {
    clusters.iter().any(|cluster| cluster.phase == ClusterPhase::Made)
}

/// Whether a step is still to come.
#[must_use]
pub fn are_moving(status: &LaneGroupStatus) -> bool {
    status.clusters.iter().any(|cluster| !cluster.phase.is_routed())
}

fn key(cluster: &ClusterInForce) -> ClusterKey {
    ClusterKey { service: cluster.service.clone(), lane: cluster.lane.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(lanes: &[Option<&str>]) -> BTreeSet<ClusterKey> {
        let key = |lane: &Option<&str>| ClusterKey {
            service: "demo/a".to_owned(),
            lane: lane.map(|lane| lane.parse().unwrap()),
        };
        lanes.iter().map(key).collect()
    }

    fn phases(clusters: &[ClusterInForce]) -> Vec<ClusterPhase> {
        clusters.iter().map(|cluster| cluster.phase).collect()
    }

    #[test]
    fn a_cluster_is_there_before_its_route_and_after_it() {
        use ClusterPhase::{Leaving, Made, Routed};
        let (none, gray) = (wanted(&[None]), wanted(&[None, Some("gray")]));
        let steps = [
            (&none, true, vec![Made]),
            (&none, false, vec![Made]),
            (&none, true, vec![Routed]),
            (&gray, true, vec![Routed, Made]),
            (&gray, true, vec![Routed, Routed]),
            (&none, true, vec![Routed, Leaving]),
            (&none, false, vec![Routed, Leaving]),
            (&none, true, vec![Routed]),
        ];
        let mut in_force = Vec::new();
        for (wanted, settled, expected) in steps {
            in_force = next(&in_force, wanted, settled);
            assert_eq!(phases(&in_force), expected, "{wanted:?} {settled}");
        }
    }

    #[test]
    fn what_comes_back_while_it_leaves_gets_its_route_again() {
        let both = wanted(&[None, Some("gray")]);
        let routed = next(&next(&[], &both, true), &both, true);
        let leaving = next(&routed, &wanted(&[None]), true);
        assert_eq!(unrouted(&leaving).len(), 1);
        assert_eq!(next(&leaving, &both, true), routed);
        assert!(lack_routes(&next(&leaving, &both, false)));
    }
}
