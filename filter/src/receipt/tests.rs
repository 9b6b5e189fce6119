//! Several VMs of one process: slots, races, deaths.

use std::rc::Rc;

use super::*;
use crate::host::fake::{FakeHost, Process};

/// One VM: its own receipts and metrics, the process's shared data.
#[derive(Default)]
struct Vm {
    host: FakeHost,
    metrics: Metrics,
    receipts: Receipts,
}

impl Vm {
    fn of(process: &Rc<Process>) -> Self {
        Self { host: FakeHost { process: Rc::clone(process), ..FakeHost::default() }, ..Self::default() }
    }

    fn configure(&mut self, generation: u64) {
        let now = self.host.process.now_ms.get();
        self.receipts.configured(&mut self.metrics, &self.host, Role::Entry, generation, now);
    }

    fn tick(&mut self) {
        let now = self.host.process.now_ms.get();
        self.receipts.tick(&mut self.metrics, &self.host, Role::Entry, now);
    }
}

/// The gauges (generation, workers) of the entry role.
fn gauges(process: &Process) -> (u64, u64) {
    let metrics = process.metrics.borrow();
    let gauge = |name: &str| metrics.get(&format!("role=.=entry;.;{name}")).copied().unwrap_or(0);
    (gauge(GENERATION), gauge(WORKERS))
}

fn process() -> Rc<Process> {
    let process = Rc::<Process>::default();
    process.now_ms.set(1_000_000);
    process
}

#[test]
fn a_generation_is_claimed_when_the_last_worker_has_it() {
    let process = process();
    let mut vms: Vec<Vm> = (0..3).map(|_| Vm::of(&process)).collect();
    for vm in &mut vms {
        vm.configure(7);
        assert_eq!(gauges(&process), (0, 0), "a VM without a slot claims nothing");
    }
    for (i, vm) in vms.iter_mut().enumerate() {
        vm.tick();
        assert_eq!(gauges(&process), (7, i as u64 + 1));
    }
    vms[0].configure(8);
    vms[1].configure(8);
    vms[0].tick();
    assert_eq!(gauges(&process), (7, 3), "one worker is held back");
    vms[2].configure(8);
    assert_eq!(gauges(&process), (8, 3), "without waiting for a tick");
}

#[test]
fn a_throw_away_vm_leaves_no_trace() {
    let process = process();
    let mut worker = Vm::of(&process);
    worker.configure(1);
    worker.tick();
    Vm::of(&process).configure(2);
    worker.tick();
    assert_eq!(gauges(&process), (1, 1));
}

#[test]
fn a_dead_vm_drops_out_of_the_number_and_its_slot_is_taken_over() {
    let process = process();
    let mut vms: Vec<Vm> = (0..2).map(|_| Vm::of(&process)).collect();
    for vm in &mut vms {
        vm.configure(1);
        vm.tick();
    }
    process.now_ms.set(process.now_ms.get() + FRESH_MS + 1);
    vms[0].tick();
    assert_eq!(gauges(&process), (1, 1), "the second VM is dead");
    process.now_ms.set(process.now_ms.get() + ABANDONED_MS);
    vms[0].tick();
    let mut successor = Vm::of(&process);
    successor.configure(1);
    successor.tick();
    assert_eq!(gauges(&process), (1, 2));
    assert_eq!(process.shared.borrow().keys().filter(|key| key.contains("receipt")).count(), 2);
}

#[test]
fn a_vm_whose_slot_was_taken_finds_another() {
    let process = process();
    let (mut slow, mut quick) = (Vm::of(&process), Vm::of(&process));
    slow.configure(1);
    slow.tick();
    process.now_ms.set(process.now_ms.get() + ABANDONED_MS + 1);
    quick.configure(1);
    quick.tick();
    slow.tick();
    assert_eq!(gauges(&process), (1, 2));
}

#[test]
fn roles_are_counted_apart() {
    let process = process();
    let mut vm = Vm::of(&process);
    vm.configure(1);
    vm.tick();
    vm.receipts.configured(&mut vm.metrics, &vm.host, Role::Outbound, 9, process.now_ms.get());
    vm.receipts.tick(&mut vm.metrics, &vm.host, Role::Outbound, process.now_ms.get());
    assert_eq!(gauges(&process), (1, 1));
    assert_eq!(process.metrics.borrow()["role=.=outbound;.;graylane_generation"], 9);
}

#[test]
fn tokens_are_unique_and_garbage_in_a_slot_is_survived() {
    let process = process();
    let host = FakeHost { process: Rc::clone(&process), ..FakeHost::default() };
    let tokens: std::collections::BTreeSet<u64> = (0..100).map(|_| new_token(&host)).collect();
    assert_eq!(tokens.len(), 100);
    assert!(!tokens.contains(&0));
    host.set_shared(&key("entry", 0), b"garbage", 0);
    let mut vm = Vm::of(&process);
    vm.configure(1);
    vm.tick();
    assert_eq!(gauges(&process).1, 1);
}
