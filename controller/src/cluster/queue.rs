//! What is to be looked at, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use lane::name::{InvalidName, NamespaceName, WorkloadName};
use tokio::time::Instant;

use super::crd::LaneGroup;

/// How long changes are collected before a pass: each write is a push to all proxies of its namespace.
const COALESCE: Duration = Duration::from_millis(200);

/// How many passes run at once. They wait for the API server and for proxies most of the time, and one that waits
/// for a proxy that does not answer must not hold up the others.
const AT_ONCE: usize = 16;

/// Namespace and name of a group or gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Place {
    /// Of a group.
    #[must_use]
    pub fn of(group: &LaneGroup) -> Self {
        Self { namespace: group.namespace().unwrap_or_default(), name: group.name_any() }
    }

    /// The group of that name.
    pub(super) fn reference(&self) -> ObjectRef<LaneGroup> {
        ObjectRef::new(&self.name).within(&self.namespace)
    }

    /// The names of a workload.
    pub(super) fn parse(&self) -> Result<(NamespaceName, WorkloadName), InvalidName> {
        Ok((self.namespace.parse()?, self.name.parse()?))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// What a pass looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A group.
    Group(Place),
    /// A gateway, for all its groups.
    Gateway(Place),
}

/// When something is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Not before.
    pub at: Instant,
    /// How often it has failed in a row.
    pub failures: u32,
}

/// What is due, and what is being looked at: nothing twice at a time.
#[derive(Debug, Default)]
pub struct Queue {
    due: BTreeMap<Key, Due>,
    running: BTreeSet<Key>,
}

impl Queue {
    /// In a moment, so that what changes together is looked at together; never later than it was due.
    pub fn soon(&mut self, key: Key, now: Instant) {
        self.put(key, Due { at: now + COALESCE, failures: 0 });
    }

    /// When the next pass can begin; `None` where none is due or enough run.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.waiting().map(|(_, due)| due.at).min()
    }

    /// Takes what is due first, if anything is.
    pub fn begin(&mut self, now: Instant) -> Option<(Key, Due)> {
        let first = self.waiting().filter(|(_, due)| due.at <= now).min_by_key(|(_, due)| due.at);
        let key = first.map(|(key, _)| key.clone())?;
        let due = self.due.remove(&key)?;
        self.running.insert(key.clone());
        Some((key, due))
    }

    /// A pass has ended; `again` says when there is to be another one. What has changed meanwhile stays due.
    pub fn end(&mut self, key: Key, again: Option<Due>) {
        self.running.remove(&key);
        if let Some(due) = again {
            self.put(key, due);
        }
    }

    fn put(&mut self, key: Key, due: Due) {
        let found = self.due.entry(key).or_insert(due);
        found.at = found.at.min(due.at);
        found.failures = found.failures.max(due.failures);
    }

    /// What could begin.
    fn waiting(&self) -> impl Iterator<Item = (&Key, &Due)> {
        let is_free = self.running.len() < AT_ONCE;
        self.due.iter().filter(move |(key, _)| is_free && !self.running.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> Key {
        Key::Group(Place { namespace: "demo".to_owned(), name: name.to_owned() })
    }

    #[test]
    fn nothing_is_looked_at_twice_at_a_time_and_no_change_is_lost() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let later = |millis| start + Duration::from_millis(millis);
        queue.soon(group("a"), start);
        assert_eq!(queue.begin(start), None);
        assert_eq!(queue.next(), Some(start + COALESCE));
        let (key, _) = queue.begin(later(300)).unwrap();
        queue.soon(group("a"), later(300));
        assert_eq!((queue.next(), queue.begin(later(900))), (None, None));
        queue.end(key, Some(Due { at: later(60_000), failures: 2 }));
        let (_, due) = queue.begin(later(500)).unwrap();
        assert_eq!((due.at, due.failures), (later(500), 2));
    }

    #[test]
    fn what_is_due_first_begins_first_and_no_more_than_enough_run() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        for number in 0..AT_ONCE + 1 {
            queue.soon(group(&number.to_string()), start);
        }
        queue.soon(Key::Gateway(Place { namespace: "demo".to_owned(), name: "0".to_owned() }), start);
        queue.put(group("first"), Due { at: start, failures: 0 });
        let now = start + COALESCE;
        let begun: Vec<Key> = std::iter::from_fn(|| queue.begin(now)).map(|(key, _)| key).collect();
        assert_eq!((begun.len(), &begun[0]), (AT_ONCE, &group("first")));
        queue.end(begun[0].clone(), None);
        assert!(queue.begin(now).is_some());
    }
}
