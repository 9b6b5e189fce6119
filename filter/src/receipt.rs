//! Receipts: which generation *every* worker of this Envoy runs, as gauges.
//!
//! A configuration arrives on each thread at its own time, and a VM sees only its own thread. So each VM
//! keeps a slot in shared data (`slot`) with its generation and a heartbeat, renewed at every tick and at
//! every configuration, and then reports what it reads in all slots: how many VMs live
//! (`graylane_workers`: Envoy's workers and its main thread), the generation that they have in common
//! (`graylane_generation`), and the time (`graylane_heartbeat_seconds`).
//!
//! Envoy tries every configuration in a VM made for that, which it throws away at once. Such a VM never ticks.
//! So a slot is taken at a tick, and a configuration is reported at once only by a VM that has a slot.
//!
//! # What the gauges say
//!
//! **`graylane_generation = G` together with `graylane_workers` = concurrency + 1 means that every worker
//! took G.** With fewer workers a thread is missing: not started yet, held back, or its VM is dead. The
//! argument, by what could go wrong:
//!
//! - *A worker has not taken G yet.* Its slot holds another generation. The gauge is written only when all
//!   slots agree, and stays at what was true before while they do not. Generations grow, so that what was
//!   read is still true when it is written; a VM that is slow in between, and sets the gauge back to a former
//!   generation, reads again and corrects it: late, never early. Unlike the minimum, agreement also holds
//!   where somebody puts older rules with a lower generation in force.
//! - *A worker is held back*, so that its heartbeat stops. After 3.5 seconds it is not counted any more, so
//!   that the workers do not add up; its slot keeps its voice in the agreement, however long it takes.
//! - *A worker's VM dies* in a trap. It looks like one held back, and is missing in the count. The worker
//!   gets a new VM with its next configuration. It takes the dead one's slot, or, in the ten seconds before
//!   that is allowed, a slot of its own: dead voices are dropped when as many VMs were given their first
//!   configuration after they fell silent.
//! - *Two VMs want one slot.* It is taken by compare-and-set on what was read; a slot that does not exist,
//!   where Envoy ignores the comparison, by a version that no value has, so that the second creator fails.
//!   A VM that lost its slot (it was held back for ten seconds, or the clock leapt) finds another owner there
//!   and takes a new one.
//! - *A VM is replaced* because the module changed. The old one gives its slot back when Envoy deletes its
//!   root contexts. Where old streams keep them alive, it is counted beside the new one, and has a voice with
//!   its old generation: late, not early. Ten seconds after it saw that others were given something newer, it
//!   gives its slot back by itself. (Only a change of the module can make numbers add up by mistake: a worker
//!   held back for ten seconds meanwhile, while another one has two VMs. It ends when the worker moves.)
//! - *A root context is replaced*, as with every configuration. The old one may live on for its streams; its
//!   ticks are ignored as long as a newer one of the role lives. When the newer one goes first, because Envoy
//!   took up a former configuration whose context it still had, the older one speaks for the role again; that
//!   needs the very bytes of a former configuration, so that it does not happen while generations grow.
//! - *The configuration is accepted but not in force yet.* Envoy's main thread hands each worker first the
//!   configuration and then the filter chain that uses it; it answers a scrape only after both, and a worker
//!   reads its queue before its sockets.
//!
//! A gateway may serve several groups, each with a configuration of the role: the gauges of each group are its own.
//! Of two configurations of one role and group in one proxy, the last one configured is reported.

mod slot;

use std::collections::BTreeMap;
use std::rc::Rc;

use lane::filter_config::Role;
use lane::metric::{GENERATION, GROUP, HEARTBEAT_SECONDS, Metric, WORKERS};

use crate::host::{Clock, MetricsHost, SharedHost};
use crate::metrics::MetricIds;
use slot::{ABANDONED_MS, Owner, Slot};

/// Time between ticks, once a VM has its slots.
pub const HEARTBEAT_MS: u32 = 1_000;

/// Time until the first tick after a configuration: a VM that is thrown away is gone by then.
pub const FIRST_TICK_MS: u32 = 100;

/// The most readings of all slots for one report. More would only be needed while other VMs change theirs,
/// and the last one to do so reports it.
const MOST_READINGS: usize = 8;

/// What the configurations of one filter have in common, whatever their generation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilterId {
    /// The role.
    pub role: Role,
    /// The group, where a proxy may serve several.
    pub group: Option<Rc<str>>,
}

/// What a root context runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Number of the root context.
    pub root: u32,
    /// Which filter its configuration is for.
    pub filter: FilterId,
    /// The generation of its configuration.
    pub generation: u64,
    /// When it was configured.
    pub configured_ms: u64,
}

/// What receipts need of the host.
pub trait ReceiptHost: SharedHost + MetricsHost + Clock {}

impl<H: SharedHost + MetricsHost + Clock> ReceiptHost for H {}

/// The receipts of one VM.
#[derive(Debug, Default)]
pub struct Receipts {
    /// When this VM was first given a configuration.
    born_ms: Option<u64>,
    /// Who we are among the VMs of the process; known from the first tick.
    owner: Option<Owner>,
    /// One for each filter that has been configured.
    filters: BTreeMap<FilterId, FilterReceipt>,
}

impl Receipts {
    /// A root context accepted a configuration.
    pub fn on_configure(&mut self, host: &impl ReceiptHost, metrics: &mut MetricIds, installed: &Installed) {
        self.born_ms = self.born_ms.or(Some(installed.configured_ms));
        let owner = self.owner;
        let receipt = self.of(&installed.filter);
        receipt.current = Some(installed.clone());
        receipt.outdated_since_ms = None;
        if let (Some(owner), Some(_)) = (owner, receipt.place) {
            receipt.report(host, metrics, owner);
        }
    }

    /// A root context ticks.
    pub fn on_tick(&mut self, host: &impl ReceiptHost, metrics: &mut MetricIds, installed: &Installed) {
        self.owner = self.owner.or_else(|| slot::new_owner(host, self.born_ms?));
        let Some(owner) = self.owner else { return };
        let receipt = self.of(&installed.filter);
        if receipt.current.is_none()
            && !is_outdated(installed, &slot::read(host, &installed.filter), host.now_ms())
        {
            receipt.current = Some(installed.clone());
        }
        if receipt.is_current(installed) {
            receipt.report(host, metrics, owner);
        }
    }

    /// A root context is deleted.
    pub fn on_delete(&mut self, host: &impl ReceiptHost, metrics: &mut MetricIds, installed: &Installed) {
        let owner = self.owner;
        let receipt = self.of(&installed.filter);
        if !receipt.is_current(installed) {
            return;
        }
        receipt.current = None;
        if let Some(owner) = owner {
            receipt.release(host, owner);
            record(host, metrics, &installed.filter);
        }
        // Groups come and go at a gateway that stays.
        self.filters.remove(&installed.filter);
    }

    fn of(&mut self, filter: &FilterId) -> &mut FilterReceipt {
        self.filters.entry(filter.clone()).or_insert_with(|| FilterReceipt::new(filter.clone()))
    }
}

/// The receipt of one filter in one VM.
#[derive(Debug)]
struct FilterReceipt {
    filter: FilterId,
    /// What new streams run; `None` when its root context was deleted, or newer VMs have taken over.
    current: Option<Installed>,
    /// Place of our slot.
    place: Option<usize>,
    /// Since when others run what they were given later than we were given ours.
    outdated_since_ms: Option<u64>,
}

impl FilterReceipt {
    fn new(filter: FilterId) -> Self {
        Self { filter, current: None, place: None, outdated_since_ms: None }
    }

    fn is_current(&self, installed: &Installed) -> bool {
        self.current.as_ref().is_some_and(|current| current.root == installed.root)
    }

    /// Renews our slot, or takes one, and reports what all slots say.
    fn report(&mut self, host: &impl ReceiptHost, metrics: &mut MetricIds, owner: Owner) {
        let Some(&Installed { generation, configured_ms, .. }) = self.current.as_ref() else { return };
        let slot = Slot { owner, generation, configured_ms, heartbeat_ms: host.now_ms() };
        let kept = self.place.filter(|place| slot::renew(host, &self.filter, *place, slot));
        self.place = kept.or_else(|| slot::take(host, &self.filter, slot));
        if self.place.is_none() {
            return;
        }
        if self.is_superseded(&slot::read(host, &self.filter), slot.heartbeat_ms) {
            self.current = None;
            self.release(host, owner);
        } else {
            record(host, metrics, &self.filter);
        }
    }

    /// Whether newer VMs have taken over: long enough that our own thread would have been told otherwise.
    fn is_superseded(&mut self, slots: &[Slot], now_ms: u64) -> bool {
        if !self.current.as_ref().is_some_and(|current| is_outdated(current, slots, now_ms)) {
            self.outdated_since_ms = None;
            return false;
        }
        let since_ms = *self.outdated_since_ms.get_or_insert(now_ms);
        now_ms.saturating_sub(since_ms) > ABANDONED_MS
    }

    fn release(&mut self, host: &impl SharedHost, owner: Owner) {
        if let Some(place) = self.place.take() {
            slot::release(host, &self.filter, place, owner);
        }
    }
}

/// Whether a VM that lives was later given something else.
fn is_outdated(installed: &Installed, slots: &[Slot], now_ms: u64) -> bool {
    slots
        .iter()
        .filter(|slot| slot.is_fresh(now_ms))
        .any(|slot| slot.generation != installed.generation && slot.configured_ms > installed.configured_ms)
}

/// Sets the gauges of a filter to what its slots say.
///
/// Another VM may write its slot and the gauges between our reading and our writing, which then undoes its
/// writing. So we read again until what we wrote is what we read.
fn record(host: &impl ReceiptHost, metrics: &mut MetricIds, filter: &FilterId) {
    let mut set = |name: &'static str, value: u64| {
        let metric = Metric::new(name, [("role", filter.role.as_str())]).with(GROUP, filter.group.as_deref());
        if let Some(id) = metrics.gauge(host, &metric) {
            host.record(id, value);
        }
    };
    let mut written = None;
    for _ in 0..MOST_READINGS {
        let (slots, now_ms) = (slot::read(host, filter), host.now_ms());
        let workers = slots.iter().filter(|slot| slot.is_fresh(now_ms)).count();
        let found = (workers, common_generation(&slots, now_ms));
        if written.replace(found) == Some(found) {
            break;
        }
        set(WORKERS, u64::try_from(workers).unwrap_or(u64::MAX));
        if let (_, Some(generation)) = found {
            set(GENERATION, generation);
        }
    }
    set(HEARTBEAT_SECONDS, host.now_ms() / 1_000);
}

/// The generation that all VMs run; a VM that fell silent has its voice until another one replaced it.
fn common_generation(slots: &[Slot], now_ms: u64) -> Option<u64> {
    let forget_abandoned = slot::are_replaced(slots, now_ms);
    let voices = slots.iter().filter(|slot| !(forget_abandoned && slot.is_abandoned(now_ms)));
    let mut generations = voices.map(|slot| slot.generation);
    let first = generations.next()?;
    generations.all(|generation| generation == first).then_some(first)
}

#[cfg(test)]
mod tests;
