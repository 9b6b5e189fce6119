//! A host in memory, for tests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Host, MetricKind};
use crate::lines::Lines;
use crate::lines::tests::encode;

/// What all VMs of one process share.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub(crate) shared: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    pub(crate) metrics: RefCell<BTreeMap<String, u64>>,
    names: RefCell<Vec<String>>,
    pub(crate) now_ms: Cell<u64>,
}

/// One VM's host.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeHost {
    pub(crate) process: Rc<Process>,
    pub(crate) headers: RefCell<Vec<(String, Vec<u8>)>>,
    pub(crate) properties: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(crate) header_reads: Cell<usize>,
    pub(crate) map_reads: Cell<usize>,
}

impl Host for FakeHost {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.header_reads.set(self.header_reads.get() + 1);
        let headers = self.headers.borrow();
        headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
    }

    fn lines(&self) -> Lines {
        self.map_reads.set(self.map_reads.get() + 1);
        Lines::new(encode(&self.headers.borrow()))
    }

    fn set_header(&self, name: &str, value: &[u8]) {
        self.remove_header(name);
        self.headers.borrow_mut().push((name.to_owned(), value.to_vec()));
    }

    fn remove_header(&self, name: &str) {
        self.headers.borrow_mut().retain(|(n, _)| n != name);
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.properties.borrow().get(&path.join(".")).cloned()
    }

    fn set_property(&self, name: &str, value: &[u8]) {
        self.properties.borrow_mut().insert(name.to_owned(), value.to_vec());
    }

    fn define_metric(&self, _kind: MetricKind, name: &str) -> Option<u32> {
        let mut names = self.process.names.borrow_mut();
        let place = names.iter().position(|n| n == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        u32::try_from(place).ok()
    }

    fn increment(&self, metric: u32) {
        let name = self.process.names.borrow()[metric as usize].clone();
        *self.process.metrics.borrow_mut().entry(name).or_default() += 1;
    }

    fn record(&self, metric: u32, value: u64) {
        let name = self.process.names.borrow()[metric as usize].clone();
        self.process.metrics.borrow_mut().insert(name, value);
    }

    fn shared(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.process.shared.borrow().get(key).cloned()
    }

    fn set_shared(&self, key: &str, value: &[u8], version: u32) -> bool {
        let mut shared = self.process.shared.borrow_mut();
        let known = shared.get(key).map(|(_, version)| *version);
        // Envoy ignores the version where the key is absent.
        if known.is_some_and(|known| version != 0 && version != known) {
            return false;
        }
        shared.insert(key.to_owned(), (value.to_vec(), known.unwrap_or(0) + 1));
        true
    }

    fn now_nanos(&self) -> u64 {
        self.process.now_ms.get() * 1_000_000
    }

    fn warn(&self, _message: &str) {}
}
