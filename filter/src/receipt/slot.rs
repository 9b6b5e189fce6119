//! Slots in shared data: where each VM leaves what it runs, for the others to read.
//!
//! The keys of a filter are numbered and taken from the lowest, and nothing deletes a key. So the keys that
//! exist are the first ones, and a reader stops at the first that does not.

use super::FilterId;
use crate::host::{ABSENT, SharedHost, Versioned};

/// The most VMs of one process that find a slot.
const MOST: usize = 256;

/// A slot without a heartbeat for so long may be taken by a VM that has none.
pub(super) const ABANDONED_MS: u64 = 10_000;

/// A slot with a heartbeat in this time belongs to a VM that lives. Heartbeats come every second.
const FRESH_MS: u64 = 3_500;

/// The most attempts at a number of our own while other VMs take theirs.
const TRIES: u32 = 300;

/// A VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    /// A number that no other VM of the process has had.
    number: u64,
    /// When it was first given a configuration.
    born_ms: u64,
}

/// What a VM leaves in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The VM.
    pub(super) owner: Owner,
    /// The generation that it runs.
    pub(super) generation: u64,
    /// When it was given that generation.
    pub(super) configured_ms: u64,
    /// When it last wrote.
    pub(super) heartbeat_ms: u64,
}

impl Slot {
    fn encode(self) -> Vec<u8> {
        let Self { owner: Owner { number, born_ms }, generation, configured_ms, heartbeat_ms } = self;
        [number, born_ms, generation, configured_ms, heartbeat_ms].map(u64::to_le_bytes).concat()
    }

    /// `None` for a slot that was given back.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).map(|chunk| chunk.try_into().map(u64::from_le_bytes).ok());
        let mut next = || numbers.next().flatten();
        let owner = Owner { number: next()?, born_ms: next()? };
        Some(Self { owner, generation: next()?, configured_ms: next()?, heartbeat_ms: next()? })
    }

    /// Whether the owner wrote lately. The distance counts, since the clock may be set back.
    pub(super) fn is_fresh(&self, now_ms: u64) -> bool {
        self.heartbeat_ms.abs_diff(now_ms) <= FRESH_MS
    }

    /// Whether the owner is dead or held back.
    pub(super) fn is_abandoned(&self, now_ms: u64) -> bool {
        self.heartbeat_ms.abs_diff(now_ms) > ABANDONED_MS
    }
}

/// The version of the layout is part of the key: other layouts, of other releases, do not see each other.
fn key(filter: &FilterId, place: usize) -> String {
    let (role, group) = (filter.role.as_str(), filter.group.as_deref().unwrap_or_default());
    format!("graylane.receipt.1.{role}.{group}.{place}")
}

/// Gives a VM its number; `None` when too many want one at once.
pub(super) fn new_owner(host: &impl SharedHost, born_ms: u64) -> Option<Owner> {
    const KEY: &str = "graylane.receipt.1.owners";
    (0..TRIES).find_map(|_| {
        let last = host.shared(KEY);
        let bytes = last.as_ref().and_then(|last| last.value.as_slice().try_into().ok());
        let number = bytes.map_or(0, u64::from_le_bytes).wrapping_add(1);
        let cas = last.map_or(ABSENT, |last| last.cas);
        let is_ours = host.set_shared(KEY, &number.to_le_bytes(), cas);
        is_ours.then_some(Owner { number, born_ms })
    })
}

/// Takes the lowest slot that is free or abandoned, and returns its place.
pub(super) fn take(host: &impl SharedHost, filter: &FilterId, slot: Slot) -> Option<usize> {
    (0..MOST).find(|place| {
        let key = key(filter, *place);
        let found = host.shared(&key);
        let holder = found.as_ref().and_then(|found| Slot::decode(&found.value));
        let is_free = holder.is_none_or(|holder| holder.is_abandoned(slot.heartbeat_ms));
        let cas = found.map_or(ABSENT, |found| found.cas);
        is_free && host.set_shared(&key, &slot.encode(), cas)
    })
}

/// Writes a slot that `slot.owner` has taken; `false` when it was lost to another VM.
pub(super) fn renew(host: &impl SharedHost, filter: &FilterId, place: usize, slot: Slot) -> bool {
    write(host, filter, place, slot.owner, &slot.encode())
}

/// Gives back a slot that `owner` has taken.
pub(super) fn release(host: &impl SharedHost, filter: &FilterId, place: usize, owner: Owner) {
    // When it is lost already there is nothing to give back.
    let _ = write(host, filter, place, owner, &[]);
}

fn write(host: &impl SharedHost, filter: &FilterId, place: usize, owner: Owner, value: &[u8]) -> bool {
    let key = key(filter, place);
    let Some(Versioned { value: found, cas }) = host.shared(&key) else {
        return false;
    };
    Slot::decode(&found).is_some_and(|found| found.owner == owner) && host.set_shared(&key, value, cas)
}

/// The slots of a filter that were not given back, one for each VM.
pub(super) fn read(host: &impl SharedHost, filter: &FilterId) -> Vec<Slot> {
    let existing = (0..MOST).map_while(|place| host.shared(&key(filter, place)));
    let mut slots: Vec<Slot> = existing.filter_map(|found| Slot::decode(&found.value)).collect();
    // A VM that lost its slot and took another while we read is found twice.
    slots.sort_by_key(|slot| slot.owner);
    slots.dedup_by_key(|slot| slot.owner);
    slots
}

/// Whether all abandoned slots are those of dead VMs, since as many VMs were born after their last
/// heartbeat.
/// Otherwise one may be that of a worker which is held back.
pub(super) fn are_replaced(slots: &[Slot], now_ms: u64) -> bool {
    let abandoned = || slots.iter().filter(|slot| slot.is_abandoned(now_ms));
    let Some(last) = abandoned().map(|slot| slot.heartbeat_ms).max() else { return true };
    let successors = slots.iter().filter(|slot| slot.is_fresh(now_ms) && slot.owner.born_ms > last);
    successors.count() >= abandoned().count()
}
