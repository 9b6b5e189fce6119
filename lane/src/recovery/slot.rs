//! One slot of the table: a small byte array with a fixed number of places, each for one trace.
//!
//! A place is 32 bytes: the key of the trace, what it is marked with, and the time until which that holds (all
//! little endian). Pure functions over these bytes; who keeps them, and how two writers are kept apart, is
//! the caller's concern. Bytes that make no sense are places that are free.

use crate::trace_id::TraceKey;

use super::{MAX_TTL_MS, Mark};

/// Places in a slot.
pub const PLACES: usize = 8;

const PLACE_BYTES: usize = 32;

/// What a trace is marked with, for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    key: TraceKey,
    mark: Mark,
    until_ms: u64,
}

/// A slot after a trace was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The slot's new bytes.
    pub bytes: Vec<u8>,
    /// What happened to the trace or to another one.
    pub event: Option<Event>,
}

/// What is worth counting when a trace is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Another trace had to make place before its time.
    Evicted,
    /// The trace has become ambiguous.
    Ambiguous,
}

/// The mark of a trace; `None` when the slot does not know it, or not any more.
#[must_use]
pub fn find(slot: &[u8], key: TraceKey, now_ms: u64) -> Option<Mark> {
    live(slot, now_ms).find(|entry| entry.key == key).map(|entry| entry.mark)
}

/// The slot with a trace marked for `ttl_ms` from now.
///
/// Another mark than the one that the trace has makes it ambiguous. Where all places are taken, the trace
/// whose time ends first makes place.
#[must_use]
pub fn note(slot: &[u8], key: TraceKey, mark: Mark, now_ms: u64, ttl_ms: u64) -> Noted {
    let mut entries: Vec<Entry> = live(slot, now_ms).take(PLACES).collect();
    let until_ms = now_ms.saturating_add(ttl_ms);
    let mut event = None;
    if let Some(entry) = entries.iter_mut().find(|entry| entry.key == key) {
        let both = entry.mark.and(mark);
        event = (both != entry.mark).then_some(Event::Ambiguous);
        entry.mark = both;
        // Two workers may have read the clock in the other order.
        entry.until_ms = entry.until_ms.max(until_ms);
    } else {
        if entries.len() >= PLACES {
            event = Some(Event::Evicted);
            let first = entries.iter().enumerate().min_by_key(|(_, entry)| entry.until_ms);
            if let Some((place, _)) = first {
                entries.swap_remove(place);
            }
        }
        entries.push(Entry { key, mark, until_ms });
    }
    Noted { bytes: entries.iter().flat_map(|entry| entry.encode()).collect(), event }
}

/// The entries that hold at `now_ms`. One that would hold for longer than any may was written before the
/// clock was set back.
fn live(slot: &[u8], now_ms: u64) -> impl Iterator<Item = Entry> {
    let entries = slot.as_chunks::<PLACE_BYTES>().0.iter().filter_map(Entry::decode);
    entries.filter(move |entry| {
        entry.until_ms.checked_sub(now_ms).is_some_and(|left| (1..=MAX_TTL_MS).contains(&left))
    })
}

impl Entry {
    fn encode(self) -> [u8; PLACE_BYTES] {
        let rest = u128::from(self.mark.to_number()) | u128::from(self.until_ms) << 64;
        let mut bytes = [0; PLACE_BYTES];
        let (first, second) = bytes.split_at_mut(16);
        first.copy_from_slice(&self.key.0.to_le_bytes());
        second.copy_from_slice(&rest.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; PLACE_BYTES]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk::<16>()?;
        let (mark, until) = rest.split_first_chunk::<8>()?;
        Some(Self {
            key: TraceKey(u128::from_le_bytes(*key)),
            mark: Mark::from_number(u64::from_le_bytes(*mark)),
            until_ms: u64::from_le_bytes(*until.first_chunk::<8>()?),
        })
    }
}

#[cfg(test)]
mod tests;
