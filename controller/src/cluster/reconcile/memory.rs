//! What a controller remembers of its own passes.
//!
//! Caches follow by watches, which may be late or stand still. What is remembered here tells whether a cache is
//! behind what this controller has written itself, and nothing is written on such a ground. Another controller's
//! writes need no memory: whoever begins to lead fills its caches anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use envoy_config::istio::input::{EntryKind, Input};
use kube::ResourceExt as _;
use tokio::time::Instant;

use crate::cluster::crd::LaneGroup;
use crate::cluster::queue::Place;

/// The uid of a group: one of the same name that comes later is another one.
type Uid = String;

/// The memory of one controller.
#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    groups: BTreeMap<Uid, Remembered>,
    /// Gateways that are to be written anew.
    stirred: BTreeSet<Place>,
}

/// What is known of one group.
#[derive(Debug, Default)]
struct Remembered {
    /// The newest version that we have written.
    version: u64,
    /// The generation that all proxies run, and since when they have been seen to.
    followed: Option<(u64, Instant)>,
    /// The step that something is in, and since when it has been seen there.
    steps: BTreeMap<String, (String, Instant)>,
    /// What was generated from last, under the number that the status has.
    in_force: Option<Arc<Input>>,
}

impl Memory {
    /// Takes down what the API server has made of a write.
    pub(super) fn written(&self, group: &LaneGroup) {
        let Some(version) = version(group) else { return };
        let mut state = self.state();
        let remembered = state.groups.entry(group.uid().unwrap_or_default()).or_default();
        remembered.version = remembered.version.max(version);
    }

    /// Whether we have written a newer version of the group than this one.
    pub(super) fn is_ahead_of(&self, group: &LaneGroup) -> bool {
        let state = self.state();
        let remembered = state.groups.get(&group.uid().unwrap_or_default());
        remembered.zip(version(group)).is_some_and(|(remembered, found)| found < remembered.version)
    }

    /// For how long the proxies have been seen to run the generation, by our own monotonic clock; `None` where they
    /// do not.
    ///
    /// Times in the status are no ground for this: another controller may have written them by another clock.
    pub(super) fn followed(
        &self,
        group: &LaneGroup,
        generation: u64,
        do_follow: bool,
        now: Instant,
    ) -> Option<Duration> {
        let mut state = self.state();
        let remembered = state.groups.entry(group.uid().unwrap_or_default()).or_default();
        remembered.followed =
            remembered.followed.filter(|(followed, _)| do_follow && *followed == generation);
        if !do_follow {
            return None;
        }
        let (_, since) = remembered.followed.get_or_insert((generation, now));
        Some(now.duration_since(*since))
    }

    /// For how long `what`, something of the group, has been seen in a step, by our own monotonic clock; another
    /// step begins anew. The times in objects are no ground for this either.
    pub(super) fn in_step(&self, group: &LaneGroup, what: &str, step: &str, now: Instant) -> Duration {
        let mut state = self.state();
        let steps = &mut state.groups.entry(group.uid().unwrap_or_default()).or_default().steps;
        let (known, since) = steps.entry(what.to_owned()).or_insert_with(|| (step.to_owned(), now));
        if known != step {
            (*known, *since) = (step.to_owned(), now);
        }
        now.duration_since(*since)
    }

    /// Takes down what is in force of a group, once its status has the number of that and its objects are written;
    /// `None` where nothing is.
    pub(super) fn put_in_force(&self, group: &LaneGroup, input: Option<Input>) {
        let mut state = self.state();
        let remembered = state.groups.entry(group.uid().unwrap_or_default()).or_default();
        let former = std::mem::replace(&mut remembered.in_force, input.map(Arc::new));
        let now = remembered.in_force.clone();
        if former.as_ref().map(|input| input.generation) != now.as_ref().map(|input| input.generation) {
            let entries = former.iter().chain(&now).flat_map(|input| &input.entries);
            let gateways = entries.filter(|entry| entry.kind == EntryKind::Gateway);
            state.stirred.extend(
                gateways.map(|entry| Place {
                    namespace: entry.namespace.to_string(),
                    name: entry.name.to_string(),
                }),
            );
        }
    }

    /// The gateways of groups that have something else in force than when this was asked last.
    pub fn take_stirred(&self) -> BTreeSet<Place> {
        std::mem::take(&mut self.state().stirred)
    }

    /// What is in force of a group, as far as this controller has looked at it.
    ///
    /// Lanes may have changed since then: under this number nothing else may be written.
    pub(super) fn in_force(&self, group: &LaneGroup) -> Option<Arc<Input>> {
        self.state().groups.get(&group.uid().unwrap_or_default())?.in_force.clone()
    }

    /// The group is gone.
    pub(super) fn forget(&self, group: &LaneGroup) {
        self.state().groups.remove(&group.uid().unwrap_or_default());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The resource version as a number, which it is for every API server with etcd: it grows with every write.
/// See <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>.
pub(super) fn version(group: &LaneGroup) -> Option<u64> {
    group.resource_version()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(uid: &str, version: &str) -> LaneGroup {
        let spec = serde_json::json!({ "entries": ["gateway"], "services": [{ "name": "a" }] });
        let mut group = LaneGroup::new("shop", serde_json::from_value(spec).unwrap());
        group.metadata.uid = Some(uid.to_owned());
        group.metadata.resource_version = Some(version.to_owned());
        group
    }

    #[test]
    fn a_cache_is_behind_until_it_has_what_was_written() {
        let memory = Memory::default();
        assert!(!memory.is_ahead_of(&group("1", "99")));
        memory.written(&group("1", "100"));
        assert!(memory.is_ahead_of(&group("1", "99")));
        assert!(!memory.is_ahead_of(&group("1", "100")));
        assert!(!memory.is_ahead_of(&group("1", "101")));
        assert!(!memory.is_ahead_of(&group("2", "99")), "another group of that name");
        memory.forget(&group("1", "100"));
        assert!(!memory.is_ahead_of(&group("1", "99")));
    }

    #[test]
    fn proxies_follow_a_generation_from_when_they_were_seen_to() {
        let (memory, shop, start) = (Memory::default(), group("1", "1"), Instant::now());
        let second = Duration::from_secs(1);
        let followed = |generation, do_follow, seconds| {
            memory.followed(&shop, generation, do_follow, start + second * seconds)
        };
        assert_eq!(followed(7, false, 0), None);
        assert_eq!(followed(7, true, 1), Some(Duration::ZERO));
        assert_eq!(followed(7, true, 2), Some(second));
        assert_eq!(followed(8, true, 3), Some(Duration::ZERO));
        assert_eq!(followed(8, false, 4), None);
        assert_eq!(followed(8, true, 5), Some(Duration::ZERO));
    }
    #[test]
    fn a_step_lasts_from_when_it_was_seen_first() {
        let (memory, shop, start) = (Memory::default(), group("1", "1"), Instant::now());
        let second = Duration::from_secs(1);
        let seen = |what, step, seconds| memory.in_step(&shop, what, step, start + second * seconds);
        assert_eq!(seen("gray", "RollingOut", 3), Duration::ZERO);
        assert_eq!(seen("gray", "RollingOut", 5), 2 * second);
        assert_eq!(seen("blue", "RollingOut", 6), Duration::ZERO);
        assert_eq!(seen("gray", "Retiring", 7), Duration::ZERO);
        assert_eq!(seen("gray", "Retiring", 8), second);
    }
}
