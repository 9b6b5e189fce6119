//! Receipts: which generation every worker runs, and whether it is alive.
//!
//! Every VM (one per worker, one on Envoy's main thread) holds one slot of a fixed table in shared data, per
//! role: its generation and the time of its last heartbeat. Whoever writes its slot then reads the table and
//! publishes three gauges: the smallest generation among the fresh slots, their number, and the time.
//!
//! # Why the gauge never claims too much
//!
//! A VM publishes generation G only when every fresh slot, read one after the other, holds at least G. The
//! generation in a slot only grows while its VM lives, so that what was true of a slot when it was read is
//! true when the gauge is set. Gauges of two VMs may overtake each other, but then an older, smaller value
//! replaces a newer one until the next tick: late, never early. A VM that has no slot yet is missing from the
//! *number* of workers, and a VM that died drops out of it after [`FRESH_MS`]; a receipt therefore needs both
//! gauges: the generation, and as many workers as Envoy has (and one for the main thread).
//!
//! # Why slots are taken at a tick
//!
//! For each new configuration Envoy first configures a throw-away VM, which never ticks; a slot taken there
//! would never be refreshed. A VM that has a slot writes its receipt at once when it is configured, so that
//! only the first receipt waits for a tick.

use std::collections::BTreeMap;

use lane::filter_config::Role;
use lane::metric::{GENERATION, HEARTBEAT_SECONDS, Metric, WORKERS};

use crate::host::{Host, MetricKind};
use crate::metrics::Metrics;

/// Slots per role: more than Envoy has workers on any machine that we know of. Beyond them receipts are
/// missing, never wrong.
const SLOTS: usize = 256;

/// A slot whose last heartbeat is older than this counts no more.
pub(crate) const FRESH_MS: u64 = 3_500;

/// A slot whose last heartbeat is older than this may be taken over.
const ABANDONED_MS: u64 = 10_000;

/// The receipts of one VM: its slot and its generation, per role.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    roles: BTreeMap<&'static str, Mine>,
    token: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mine {
    generation: u64,
    slot: Option<usize>,
}

/// What stands in a slot: 24 bytes, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    generation: u64,
    heartbeat_ms: u64,
    /// Which VM holds the slot.
    token: u64,
}

impl Receipts {
    /// This VM runs `generation` in `role` from now on.
    pub(crate) fn configured(
        &mut self,
        metrics: &mut Metrics,
        host: &impl Host,
        role: Role,
        generation: u64,
        now_ms: u64,
    ) {
        let mine = self.roles.entry(role.as_str()).or_default();
        mine.generation = generation;
        if mine.slot.is_some() {
            self.report(metrics, host, role.as_str(), now_ms);
        }
    }

    /// A heartbeat: takes a slot if there is none yet, writes it, publishes the gauges.
    pub(crate) fn tick(&mut self, metrics: &mut Metrics, host: &impl Host, role: Role, now_ms: u64) {
        self.report(metrics, host, role.as_str(), now_ms);
    }

    fn report(&mut self, metrics: &mut Metrics, host: &impl Host, role: &'static str, now_ms: u64) {
        if self.token == 0 {
            self.token = new_token(host);
        }
        let token = self.token;
        let Some(mine) = self.roles.get_mut(role) else { return };
        let slot = Slot { generation: mine.generation, heartbeat_ms: now_ms, token };
        // A slot can be lost to another VM when this one was held up for very long.
        let held = mine.slot.filter(|place| read(host, role, *place).is_some_and(|(s, _)| s.token == token));
        mine.slot = held.or_else(|| take(host, role, slot));
        if let Some(place) = mine.slot {
            host.set_shared(&key(role, place), &slot.bytes(), 0);
        }
        publish(metrics, host, role, now_ms);
    }
}

/// A number that no other VM of this process has.
fn new_token(host: &impl Host) -> u64 {
    const COUNTER: &str = "graylane.tokens";
    loop {
        let (bytes, version) = host.shared(COUNTER).unwrap_or_default();
        let last = bytes.try_into().map_or(0, u64::from_le_bytes);
        let next = last.wrapping_add(1).max(1);
        // The first of all creates the key, whatever the version: so it is made first and read again.
        if last == 0 && version == 0 {
            host.set_shared(COUNTER, &1_u64.to_le_bytes(), 0);
            if host.shared(COUNTER).is_none() {
                return next;
            }
        } else if host.set_shared(COUNTER, &next.to_le_bytes(), version) {
            return next;
        }
    }
}

/// Takes the first slot that is empty or abandoned; `None` when all are in use.
fn take(host: &impl Host, role: &str, slot: Slot) -> Option<usize> {
    (0..SLOTS).find(|place| {
        let key = key(role, *place);
        match read(host, role, *place) {
            Some((held, _)) if slot.heartbeat_ms.saturating_sub(held.heartbeat_ms) < ABANDONED_MS => false,
            Some((_, version)) => host.set_shared(&key, &slot.bytes(), version),
            // Two VMs may both believe that they created the key; the one that is overwritten sees it here
            // or at its next heartbeat, and takes another slot.
            None => {
                host.set_shared(&key, &slot.bytes(), 0);
                read(host, role, *place).is_some_and(|(held, _)| held.token == slot.token)
            }
        }
    })
}

fn publish(metrics: &mut Metrics, host: &impl Host, role: &str, now_ms: u64) {
    // Slots are taken from the first on, so that the table ends at the first one that was never used.
    let used = (0..SLOTS).map_while(|place| read(host, role, place)).map(|(slot, _)| slot);
    let fresh: Vec<Slot> = used.filter(|slot| now_ms.saturating_sub(slot.heartbeat_ms) <= FRESH_MS).collect();
    let Some(generation) = fresh.iter().map(|slot| slot.generation).min() else { return };
    let workers = u64::try_from(fresh.len()).unwrap_or(u64::MAX);
    let gauges = [(GENERATION, generation), (WORKERS, workers), (HEARTBEAT_SECONDS, now_ms / 1_000)];
    for (name, value) in gauges {
        if let Some(id) = metrics.id(host, MetricKind::Gauge, &Metric::new(name, [("role", role)])) {
            host.record(id, value);
        }
    }
}

fn key(role: &str, place: usize) -> String {
    format!("graylane.receipt.{role}.{place}")
}

fn read(host: &impl Host, role: &str, place: usize) -> Option<(Slot, u32)> {
    let (bytes, version) = host.shared(&key(role, place))?;
    Some((Slot::parse(&bytes)?, version))
}

impl Slot {
    fn bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        let fields = [self.generation, self.heartbeat_ms, self.token];
        for (chunk, field) in bytes.chunks_exact_mut(8).zip(fields) {
            chunk.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (fields, rest) = bytes.as_chunks::<8>();
        let &[generation, heartbeat, token] = fields else { return None };
        let number = u64::from_le_bytes;
        rest.is_empty().then(|| Self {
            generation: number(generation),
            heartbeat_ms: number(heartbeat),
            token: number(token),
        })
    }
}

#[cfg(test)]
mod tests;
