//! Counters of Envoy that move when a listener is drained or a connection is closed by the proxy.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::mesh::Mesh;

/// What happens to a listener, below `listener_manager.`.
const OF_LISTENERS: [&str; 8] = [
    "lds.update_success",
    "listener_added",
    "listener_create_failure",
    "listener_in_place_updated",
    "listener_modified",
    "listener_removed",
    "total_filter_chains_draining",
    "total_listeners_draining",
];

/// What a proxy does to a connection or a stream that somebody has opened to it, below `http.<listener>.`.
const OF_CONNECTIONS: [&str; 6] = [
    "downstream_cx_destroy_local",
    "downstream_cx_drain_close",
    "downstream_cx_idle_timeout",
    "downstream_cx_max_duration_reached",
    "downstream_rq_idle_timeout",
    "downstream_rq_tx_reset",
];

/// The counters of all running Envoys of a mesh at one time.
#[derive(Clone, Debug)]
pub struct Drains {
    counters: BTreeMap<String, u64>,
}

impl Drains {
    /// Reads them.
    ///
    /// # Errors
    /// When an Envoy does not answer.
    pub async fn read(mesh: &Mesh) -> Result<Self> {
        let mut counters = BTreeMap::new();
        for (name, envoy) in mesh.envoys() {
            let stats = envoy.stats().await?.into_iter().filter(|(stat, _)| counts(stat));
            counters.extend(stats.map(|(stat, value)| (format!("{name}: {stat}"), value)));
        }
        Ok(Self { counters })
    }

    /// Those that differ from what they were, each with how much was added.
    #[must_use]
    pub fn since(&self, before: &Self) -> BTreeMap<String, i128> {
        let change = |(name, value): (&String, &u64)| {
            let added = i128::from(*value) - i128::from(before.counters.get(name).copied().unwrap_or(0));
            (added != 0).then(|| (name.clone(), added))
        };
        self.counters.iter().filter_map(change).collect()
    }
}

/// Connections to the administration interface are its own affair: it closes each.
fn counts(stat: &str) -> bool {
    if let Some(rest) = stat.strip_prefix("listener_manager.") {
        return OF_LISTENERS.contains(&rest);
    }
    let of_http = stat.strip_prefix("http.").and_then(|rest| rest.split_once('.'));
    of_http.is_some_and(|(listener, rest)| listener != "admin" && OF_CONNECTIONS.contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_that_moved_are_told() {
        let drains = |pairs: &[(&str, u64)]| Drains {
            counters: pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        };
        let (before, after) = (drains(&[("a", 1), ("b", 2)]), drains(&[("a", 1), ("b", 5), ("c", 1)]));
        assert_eq!(after.since(&before), [("b".to_owned(), 3), ("c".to_owned(), 1)].into());
    }

    #[test]
    fn listeners_and_connections_count_and_the_administration_does_not() {
        assert!(counts("listener_manager.listener_modified"));
        assert!(counts("http.gateway.downstream_cx_drain_close"));
        assert!(!counts("http.admin.downstream_cx_destroy_local"));
        assert!(!counts("http.gateway.downstream_cx_total"));
        assert!(!counts("listener_manager.lds.update_attempt"));
    }
}
