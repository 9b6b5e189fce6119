//! What outlives a configuration: the state of a VM, of which each worker and Envoy's main thread has one.
//!
//! Envoy makes a new root context for every configuration and keeps the VM, so that statics live on.

use std::cell::RefCell;
use std::rc::Rc;

use crate::metrics::MetricIds;
use crate::random::Random;
use crate::receipt::Receipts;
use crate::signatures::Signatures;

/// The state of a VM.
#[derive(Debug, Default)]
pub struct Vm {
    /// The metrics that were defined.
    pub metrics: RefCell<MetricIds>,
    /// Random draws.
    pub random: Random,
    /// What this VM tells the others of the configurations that it runs.
    pub receipts: RefCell<Receipts>,
    /// What is known of the signatures of tickets.
    pub signatures: RefCell<Signatures>,
}

thread_local! {
    static VM: Rc<Vm> = Rc::default();
}

impl Vm {
    /// The state of this VM.
    #[must_use]
    pub fn current() -> Rc<Self> {
        // The thread ends with the VM; what is asked for after that is of no consequence.
        VM.try_with(Rc::clone).unwrap_or_default()
    }
}
