//! What a VM keeps from one configuration to the next, and how a configuration comes into force.

use std::cell::RefCell;
use std::rc::Rc;

use lane::metric::{BAD_CONFIGS_TOTAL, CounterId, Metric};
use lane::problem::Problem;
use lane::program::Program;

use crate::host::{Host, MetricKind, now_ms};
use crate::metrics::Metrics;
use crate::random::Random;
use crate::receipt::Receipts;

/// The most problems of one refused configuration that are written into the log.
const MAX_LOGGED: usize = 5;

/// State of one VM, which is one thread of Envoy: shared by all its root contexts and kept when they are
/// replaced by a new configuration.
#[derive(Debug, Default)]
pub(crate) struct Vm {
    pub(crate) metrics: Metrics,
    pub(crate) receipts: Receipts,
    pub(crate) random: Random,
}

thread_local! {
    static VM: RefCell<Vm> = RefCell::default();
}

/// Runs `work` on the state of this VM; `None` when it is in use already, which does not happen.
pub(crate) fn with_vm<T>(work: impl FnOnce(&mut Vm) -> T) -> Option<T> {
    VM.with(|vm| vm.try_borrow_mut().ok().map(|mut vm| work(&mut vm)))
}

/// A program in force, with the ids of its counters as far as they are known.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) program: Program,
    counters: RefCell<Vec<Option<u32>>>,
}

impl Configured {
    /// Compiles a configuration; a bad one is counted, logged and refused.
    pub(crate) fn new(vm: &mut Vm, host: &impl Host, json: &[u8]) -> Option<Rc<Self>> {
        let program = match Program::from_json(json) {
            Ok(program) => program,
            Err(problems) => {
                refuse(vm, host, &problems);
                return None;
            }
        };
        vm.random.seed(host.now_nanos());
        let config = program.config();
        vm.receipts.configured(&mut vm.metrics, host, config.role, config.generation, now_ms(host));
        Some(Rc::new(Self { program, counters: RefCell::default() }))
    }

    /// Adds one to a counter of the program.
    pub(crate) fn count(&self, host: &impl Host, counter: CounterId) {
        let Ok(place) = usize::try_from(counter.0) else { return };
        let known = self.counters.borrow().get(place).copied().flatten();
        if let Some(id) = known.or_else(|| self.define(host, counter, place)) {
            host.increment(id);
        }
    }

    fn define(&self, host: &impl Host, counter: CounterId, place: usize) -> Option<u32> {
        let metric = self.program.counter(counter)?;
        let id = with_vm(|vm| vm.metrics.id(host, MetricKind::Counter, metric))??;
        let mut counters = self.counters.borrow_mut();
        if counters.len() <= place {
            counters.resize(place.saturating_add(1), None);
        }
        if let Some(slot) = counters.get_mut(place) {
            *slot = Some(id);
        }
        Some(id)
    }
}

fn refuse(vm: &mut Vm, host: &impl Host, problems: &[Problem]) {
    for problem in problems.iter().take(MAX_LOGGED) {
        host.warn(&format!("graylane: configuration refused, the last good one stays: {problem}"));
    }
    let metric = Metric::new(BAD_CONFIGS_TOTAL, []);
    if let Some(id) = vm.metrics.id(host, MetricKind::Counter, &metric) {
        host.increment(id);
    }
}
