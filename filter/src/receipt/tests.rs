//! Tests of receipts with several VMs of one process, and what can go wrong between them.

use std::rc::Rc;

use super::*;
use crate::host::fake::{FakeHost, Process};

/// A VM and its view of the process.
struct Worker {
    host: FakeHost,
    receipts: Receipts,
    metrics: MetricIds,
    installed: Installed,
}

impl Worker {
    /// A VM that was given a generation in the entry role and has not ticked.
    fn new(process: &Rc<Process>, generation: u64) -> Self {
        let host = FakeHost::vm(process);
        let filter = FilterId { role: Role::Entry, group: None };
        let installed = Installed { root: 0, filter, generation, configured_ms: 0 };
        let mut worker =
            Self { host, receipts: Receipts::default(), metrics: MetricIds::default(), installed };
        worker.configure(generation);
        worker
    }

    /// A new root context with a generation; the former one is deleted at once.
    fn configure(&mut self, generation: u64) {
        let former = self.configure_beside(generation);
        self.delete(&former);
    }

    /// A new root context with a generation, beside the former one.
    fn configure_beside(&mut self, generation: u64) -> Installed {
        let former = self.installed.clone();
        let configured_ms = self.host.now_ms();
        self.installed = Installed { root: former.root + 1, generation, configured_ms, ..former.clone() };
        self.receipts.on_configure(&self.host, &mut self.metrics, &self.installed);
        former
    }

    fn tick(&mut self) {
        self.tick_of(&self.installed.clone());
    }

    fn tick_of(&mut self, installed: &Installed) {
        self.receipts.on_tick(&self.host, &mut self.metrics, installed);
    }

    fn place(&self) -> Option<usize> {
        self.receipts.filters.get(&self.installed.filter).and_then(|receipt| receipt.place)
    }

    fn delete(&mut self, installed: &Installed) {
        self.receipts.on_delete(&self.host, &mut self.metrics, installed);
    }
}

/// A process in which some VMs were given generation 1 and have ticked, one after the other.
fn mk_process<const N: usize>() -> (Rc<Process>, [Worker; N]) {
    let process = Rc::new(Process::default());
    process.now_ms.set(1_000_000);
    let mut workers = std::array::from_fn(|_| Worker::new(&process, 1));
    pass(&process, 100);
    for worker in &mut workers {
        worker.tick();
        pass(&process, 1);
    }
    (process, workers)
}

fn gauge(process: &Process, name: &str) -> Option<u64> {
    process.metric(&format!("role=.=entry;.;{name}"))
}

/// Generation and workers.
fn gauges(process: &Process) -> (Option<u64>, Option<u64>) {
    (gauge(process, GENERATION), gauge(process, WORKERS))
}

fn pass(process: &Process, ms: u64) {
    process.now_ms.set(process.now_ms.get() + ms);
}

#[test]
fn a_vm_that_never_ticks_leaves_nothing() {
    let process = Rc::new(Process::default());
    let mut canary = Worker::new(&process, 1);
    canary.delete(&canary.installed.clone());
    assert_eq!(gauges(&process), (None, None));
    assert_eq!(process.metrics_len(), 0);
}

#[test]
fn all_vms_are_counted() {
    let (process, _workers) = mk_process::<3>();
    assert_eq!(gauges(&process), (Some(1), Some(3)));
    assert_eq!(gauge(&process, HEARTBEAT_SECONDS), Some(1_000));
}

#[test]
fn a_generation_is_claimed_when_the_last_worker_took_it_and_without_a_tick() {
    let (process, mut workers) = mk_process::<3>();
    for (i, worker) in workers.iter_mut().enumerate() {
        assert_eq!(gauges(&process), (Some(1), Some(3)), "before worker {i}");
        worker.configure(2);
    }
    assert_eq!(gauges(&process), (Some(2), Some(3)));
}

#[test]
fn a_lower_generation_is_claimed_no_earlier_than_a_higher_one() {
    let (process, mut workers) = mk_process::<2>();
    workers.iter_mut().for_each(|worker| worker.configure(5));
    workers[0].configure(3);
    assert_eq!(gauges(&process).0, Some(5));
    workers[1].configure(3);
    assert_eq!(gauges(&process).0, Some(3));
}

#[test]
fn a_worker_held_back_keeps_the_claim_down_and_then_is_missing() {
    // Held back after its first heartbeat, when the other one was not even known.
    let (process, [mut held, mut late]) = mk_process::<2>();
    late.configure(2);
    for (seconds, workers) in [(3, 2), (1, 1), (7, 1), (3_600, 1)] {
        pass(&process, seconds * 1_000);
        late.tick();
        assert_eq!(gauges(&process), (Some(1), Some(workers)), "{seconds} s later");
    }
    held.configure(2);
    assert_eq!(gauges(&process), (Some(2), Some(2)));
}

#[test]
fn a_dead_vm_is_missing_until_its_successor_ticks() {
    let (process, [mut a, dead]) = mk_process::<2>();
    drop(dead);
    pass(&process, 2_000);
    let mut successor = Worker::new(&process, 2);
    a.configure(2);
    pass(&process, 2_000);
    a.tick();
    assert_eq!(gauges(&process), (Some(1), Some(1)));
    successor.tick();
    pass(&process, 7_000);
    a.tick();
    successor.tick();
    assert_eq!(gauges(&process), (Some(2), Some(2)));
    // The place of the dead one is used again.
    let mut third = Worker::new(&process, 2);
    third.tick();
    assert_eq!(third.place(), Some(1));
}

#[test]
fn two_vms_that_want_one_slot_get_two() {
    let (process, [mut a]) = mk_process::<1>();
    let late = Worker::new(&process, 1);
    // While `late` wants the place behind `a`, another VM is faster; both for their numbers and the slot.
    let mut late = Worker { host: FakeHost::vm(&process), ..late };
    let (rival_process, outer_process) = (Rc::clone(&process), Rc::clone(&process));
    *late.host.before_write.borrow_mut() = Some(Box::new(move || Worker::new(&outer_process, 1).tick()));
    late.tick();
    assert_eq!(late.place(), Some(2));
    let mut later = Worker::new(&process, 1);
    later.receipts.owner = slot::new_owner(&later.host, 0);
    *later.host.before_write.borrow_mut() = Some(Box::new(move || Worker::new(&rival_process, 1).tick()));
    later.tick();
    assert_eq!(later.place(), Some(4));
    a.tick();
    assert_eq!(gauges(&process), (Some(1), Some(5)));
}

#[test]
fn a_vm_that_lost_its_slot_takes_another() {
    let (process, [mut hung, mut b]) = mk_process::<2>();
    pass(&process, 11_000);
    let mut thief = Worker::new(&process, 1);
    thief.tick();
    assert_eq!(thief.place(), Some(0));
    hung.tick();
    b.tick();
    assert_ne!(hung.place(), Some(0));
    assert_eq!(gauges(&process), (Some(1), Some(3)));
}

#[test]
fn a_vm_that_is_slow_to_write_does_not_undo_what_others_wrote() {
    let (process, [mut slow, _b]) = mk_process::<2>();
    let mut late = Worker::new(&process, 1);
    *slow.host.before_record.borrow_mut() = Some(Box::new(move || late.tick()));
    slow.tick();
    assert_eq!(gauges(&process), (Some(1), Some(3)));
}

#[test]
fn a_clock_set_back_kills_nobody() {
    let (process, mut workers) = mk_process::<2>();
    process.now_ms.set(1_000);
    workers.iter_mut().for_each(Worker::tick);
    assert_eq!(gauges(&process), (Some(1), Some(2)));
}

#[test]
fn old_vms_without_streams_make_place_at_once() {
    let (process, mut old) = mk_process::<2>();
    pass(&process, 1_000);
    let mut new: [Worker; 2] = std::array::from_fn(|_| Worker::new(&process, 2));
    old.iter_mut().for_each(|worker| worker.delete(&worker.installed.clone()));
    assert_eq!(gauges(&process), (Some(1), Some(0)));
    new.iter_mut().for_each(Worker::tick);
    assert_eq!(gauges(&process), (Some(2), Some(2)));
}

#[test]
fn an_old_vm_that_streams_keep_alive_retires() {
    let (process, [mut old]) = mk_process::<1>();
    pass(&process, 1_000);
    let mut new = Worker::new(&process, 2);
    for second in 0..10 {
        old.tick();
        new.tick();
        assert_eq!(gauges(&process), (Some(1), Some(2)), "after {second} s");
        pass(&process, 1_000);
    }
    for _ in 0..3 {
        pass(&process, 1_000);
        old.tick();
        new.tick();
    }
    assert_eq!(gauges(&process), (Some(2), Some(1)));
    assert_eq!(old.place(), None);
    // Until it is given a configuration again.
    old.configure(3);
    new.configure(3);
    old.tick();
    assert_eq!(gauges(&process), (Some(3), Some(2)));
}

#[test]
fn an_old_root_context_is_silent_while_a_newer_one_lives() {
    let (process, [mut a]) = mk_process::<1>();
    let old = a.configure_beside(2);
    a.tick_of(&old);
    assert_eq!(gauges(&process), (Some(2), Some(1)));
    a.delete(&a.installed.clone());
    assert_eq!(gauges(&process), (Some(2), Some(0)));
    a.tick_of(&old);
    assert_eq!(gauges(&process), (Some(1), Some(1)));
}

#[test]
fn an_old_root_context_does_not_speak_for_the_role_when_newer_vms_do() {
    let (process, [mut a, mut b]) = mk_process::<2>();
    pass(&process, 1_000);
    let old = a.configure_beside(2);
    b.configure(2);
    a.delete(&a.installed.clone());
    a.tick_of(&old);
    b.tick();
    assert_eq!(gauges(&process), (Some(2), Some(1)));
}

#[test]
fn roles_are_reported_apart() {
    let (process, [mut a]) = mk_process::<1>();
    let filter = FilterId { role: Role::Outbound, group: None };
    let outbound = Installed { root: 9, filter, generation: 7, configured_ms: 0 };
    a.receipts.on_configure(&a.host, &mut a.metrics, &outbound);
    a.tick_of(&outbound);
    assert_eq!(process.metric("role=.=outbound;.;graylane_generation"), Some(7));
    assert_eq!(gauges(&process), (Some(1), Some(1)));
}

#[test]
fn groups_at_one_gateway_have_gauges_of_their_own() {
    let (process, [mut worker]) = mk_process::<1>();
    let of = |group: &str, generation| Installed {
        root: generation as u32,
        filter: FilterId { role: Role::Entry, group: Some(group.into()) },
        generation,
        configured_ms: 1_000_000,
    };
    let (a, b) = (of("demo/a", 7), of("demo/b", 1_000));
    for installed in [&a, &b] {
        worker.receipts.on_configure(&worker.host, &mut worker.metrics, installed);
    }
    pass(&process, 100);
    [&a, &b].iter().for_each(|installed| worker.tick_of(installed));
    let generation = |group: &str| process.metric(&format!("role=.=entry;.;group=.={group};.;{GENERATION}"));
    assert_eq!((generation("demo/a"), generation("demo/b")), (Some(7), Some(1_000)));
    // The one that goes takes nothing from the other.
    worker.delete(&a);
    worker.tick_of(&b);
    let workers = |group: &str| process.metric(&format!("role=.=entry;.;group=.={group};.;{WORKERS}"));
    assert_eq!((workers("demo/a"), workers("demo/b")), (Some(0), Some(1)));
}
