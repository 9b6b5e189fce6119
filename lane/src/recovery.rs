//! The table from traces to lanes: what the outbound role knows of a request whose application dropped the
//! lane, because the inbound role saw the same trace arrive.
//!
//! The table is a fixed number of *slots*, each a small byte array that [`Slots`] keeps: memory is bounded,
//! whatever arrives. A trace has one slot, by its key, and one place in it; a slot that is full forgets the
//! trace whose time ends first, which is counted. A place holds the whole key, so that no trace is taken for another one.
//!
//! **A wrong lane is never given.** A trace that arrived with two lanes, or with a lane and without one, is
//! *ambiguous*: nobody can tell which of its requests an application sends on. So arrivals without a lane
//! are noted as well. Ids that disagree about one request make it ambiguous, too.

mod slot;

use xxhash_rust::xxh64::xxh64;

use crate::filter_config::{FilterConfig, RecoveryConfig};
use crate::head::RequestHead;
use crate::name::{HeaderName, NamespaceName};
use crate::problem::Problem;
use crate::trace_id::{TraceId, TraceKey};

pub use slot::{Event, Noted, PLACES, find, note};

/// The longest time that a trace is remembered.
pub const MAX_TTL_MS: u64 = 3_600_000;

/// The shortest time: an application does not answer in less for sure.
pub const MIN_TTL_MS: u64 = 1_000;

/// The most slots.
pub const MAX_SLOTS: u32 = 262_144;

/// The fewest slots.
pub const MIN_SLOTS: u32 = 64;

/// The most headers that may tell a request's trace.
pub const MAX_HEADERS: usize = 8;

/// How often a slot is read and written anew when another worker was quicker.
const TRIES: usize = 16;

/// Where the slots are kept, shared by both roles and all workers.
pub trait Slots {
    /// The bytes of a slot and their version; `None` when it was never written.
    fn read(&self, slot: u32) -> Option<(Vec<u8>, u32)>;

    /// Writes a slot if its version is still the one that was read (`None`: if it is not there), and says whether it did.
    fn write(&self, slot: u32, bytes: &[u8], version: Option<u32>) -> bool;
}

/// No slots: nothing is remembered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

impl Slots for Forgetful {
    fn read(&self, _slot: u32) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn write(&self, _slot: u32, _bytes: &[u8], _version: Option<u32>) -> bool {
        false
    }
}

/// What a trace arrived with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// No lane.
    Baseline,
    /// The lane whose name has this hash, which outlives the lists of lanes that come and go.
    Lane(u64),
    /// Several lanes, or a lane and none.
    Ambiguous,
}

const BASELINE: u64 = 0;
const AMBIGUOUS: u64 = u64::MAX;

impl Mark {
    /// What a request is marked with, by the value of its lane header.
    #[must_use]
    pub fn of(lane_header: Option<&[u8]>) -> Self {
        // The two numbers that stand for something else are nobody's.
        let hash = |name: &[u8]| xxh64(name, 0).clamp(BASELINE + 1, AMBIGUOUS - 1);
        lane_header.map_or(Self::Baseline, |name| Self::Lane(hash(name)))
    }

    /// What is known when both are said of one trace.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::Ambiguous }
    }

    fn to_number(self) -> u64 {
        match self {
            Self::Baseline => BASELINE,
            Self::Lane(hash) => hash,
            Self::Ambiguous => AMBIGUOUS,
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            BASELINE => Self::Baseline,
            AMBIGUOUS => Self::Ambiguous,
            hash => Self::Lane(hash),
        }
    }
}

/// What is wrong with a table's size and headers.
pub(crate) fn limits(path: &str, headers: &[HeaderName], ttl_ms: u64, slots: u32) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, reason: String, remedy: &str| {
        problems.push(Problem::error(format!("{path}.{field}"), reason, remedy));
    };
    if headers.is_empty() {
        let remedy = "name a header that applications forward, such as traceparent, or leave out the list";
        refuse("headers", "no header tells a request's trace".to_owned(), remedy);
    }
    if headers.len() > MAX_HEADERS {
        let reason = format!("there are {} headers, more than {MAX_HEADERS}", headers.len());
        refuse("headers", reason, "keep those that applications forward");
    }
    if !(MIN_TTL_MS..=MAX_TTL_MS).contains(&ttl_ms) {
        let reason = format!("{} s is not between 1 second and 1 hour", ttl_ms / 1_000);
        refuse("ttlSeconds", reason, "write the longest time that an application takes to send its requests");
    }
    if !(MIN_SLOTS..=MAX_SLOTS).contains(&slots) {
        let reason = format!("{slots} is not between {MIN_SLOTS} and {MAX_SLOTS}");
        refuse(
            "slots",
            reason,
            "leave it out, or write more where graylane_traces_total counts evicted traces",
        );
    }
    problems
}

/// What came of noting a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// A trace was forgotten before its time, this one or another.
    pub evicted: bool,
    /// The request's trace has become ambiguous.
    pub ambiguous: bool,
}

/// What the table knows of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// It has no trace id.
    Untraced,
    /// None of its ids is known.
    Missed,
    /// It arrived like this.
    Known(Mark),
}

/// Notes that a request arrived, under each of its ids.
pub(crate) fn remember(
    config: &FilterConfig,
    recovery: &RecoveryConfig,
    head: &impl RequestHead,
    mark: Mark,
    now_ms: u64,
    slots: &impl Slots,
) -> Remembered {
    let mut remembered = Remembered::default();
    for key in keys(config, recovery, head) {
        match write(recovery, key, mark, now_ms, slots) {
            Some(None) => {}
            Some(Some(Event::Ambiguous)) => remembered.ambiguous = true,
            Some(Some(Event::Evicted)) | None => remembered.evicted = true,
        }
    }
    remembered
}

/// `None` when other workers were quicker all the time.
fn write(
    recovery: &RecoveryConfig,
    key: TraceKey,
    mark: Mark,
    now_ms: u64,
    slots: &impl Slots,
) -> Option<Option<Event>> {
    let slot = slot_of(key, recovery.slots);
    (0..TRIES).find_map(|_| {
        let (bytes, version) = slots.read(slot).map_or((Vec::new(), None), |(b, v)| (b, Some(v)));
        let noted = note(&bytes, key, mark, now_ms, recovery.ttl_ms);
        slots.write(slot, &noted.bytes, version).then_some(noted.event)
    })
}

/// What is known of a request that carries no lane.
pub(crate) fn recall(
    config: &FilterConfig,
    recovery: &RecoveryConfig,
    head: &impl RequestHead,
    now_ms: u64,
    slots: &impl Slots,
) -> Recalled {
    let keys = keys(config, recovery, head);
    if keys.is_empty() {
        return Recalled::Untraced;
    }
    let marks = keys.into_iter().filter_map(|key| {
        let (bytes, _) = slots.read(slot_of(key, recovery.slots))?;
        find(&bytes, key, now_ms)
    });
    marks.reduce(Mark::and).map_or(Recalled::Missed, Recalled::Known)
}

/// The keys of a request, each once.
fn keys(config: &FilterConfig, recovery: &RecoveryConfig, head: &impl RequestHead) -> Vec<TraceKey> {
    let namespace = config.group_namespace.as_ref().map(NamespaceName::as_str);
    let mut keys = Vec::new();
    for header in &recovery.headers {
        let Some(value) = head.header(header.as_str()) else { continue };
        let key = TraceId::read(header, &value).map(|id| id.key(namespace, &config.group));
        keys.extend(key.filter(|key| !keys.contains(key)));
    }
    keys
}

/// The slot of a key: its upper half, scaled.
fn slot_of(key: TraceKey, slots: u32) -> u32 {
    let scaled = (key.0 >> 64).saturating_mul(u128::from(slots)) >> 64;
    // Below `slots`, since the upper half is below 2^64.
    u32::try_from(scaled).unwrap_or_default()
}

#[cfg(test)]
mod tests;
