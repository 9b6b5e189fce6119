//! A host in memory, with the quirks of Envoy's that matter.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::lines::tests::encode;

use super::{Clock, MetricId, MetricsHost, RequestHost, ResponseHost, SharedHost, Versioned};

/// What all VMs of one Envoy share.
#[derive(Default)]
pub(crate) struct Process {
    /// Milliseconds since 1970.
    pub(crate) now_ms: Cell<u64>,
    shared: RefCell<BTreeMap<String, Versioned>>,
    last_cas: Cell<u32>,
    metrics: RefCell<Vec<(String, u64)>>,
}

impl Process {
    /// The value of a metric; `None` when it was never defined.
    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        self.metrics.borrow().iter().find(|(found, _)| found == name).map(|(_, value)| *value)
    }

    /// How many metrics there are.
    pub(crate) fn metrics_len(&self) -> usize {
        self.metrics.borrow().len()
    }

    fn define(&self, name: &str) -> MetricId {
        let mut metrics = self.metrics.borrow_mut();
        let known = metrics.iter().position(|(found, _)| found == name);
        let place = known.unwrap_or_else(|| {
            metrics.push((name.to_owned(), 0));
            metrics.len() - 1
        });
        MetricId(u32::try_from(place).unwrap())
    }

    fn update(&self, metric: MetricId, value: impl FnOnce(u64) -> u64) {
        let mut metrics = self.metrics.borrow_mut();
        let (_, old) = &mut metrics[usize::try_from(metric.0).unwrap()];
        *old = value(*old);
    }
}

/// Something that another VM does in between.
pub(crate) type Interference = Box<dyn FnOnce()>;

/// One VM's view of the process, with a request at hand.
#[derive(Default)]
pub(crate) struct FakeHost {
    pub(crate) process: Rc<Process>,
    /// Header lines of the request.
    pub(crate) headers: RefCell<Vec<(String, Vec<u8>)>>,
    /// Header lines of the response.
    pub(crate) response: RefCell<Vec<(String, String)>>,
    pub(crate) properties: BTreeMap<String, Vec<u8>>,
    /// What `set_fault` was given.
    pub(crate) fault: RefCell<Option<String>>,
    /// What `set_lane` was given.
    pub(crate) lane: RefCell<Option<String>>,
    /// Names of the calls that read the request.
    pub(crate) reads: RefCell<Vec<String>>,
    /// Whether the header map is refused.
    pub(crate) headless: bool,
    /// Happens just before the next write to shared data.
    pub(crate) before_write: RefCell<Option<Interference>>,
    /// Happens just before the next gauge is set.
    pub(crate) before_record: RefCell<Option<Interference>>,
}

impl FakeHost {
    /// A VM of `process`.
    pub(crate) fn vm(process: &Rc<Process>) -> Self {
        Self { process: Rc::clone(process), ..Self::default() }
    }

    /// A VM with a request at hand.
    pub(crate) fn with_headers(headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Self { headers: RefCell::new(headers.collect()), ..Self::default() }
    }

    /// All lines of a header.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let headers = self.headers.borrow();
        let lines = headers.iter().filter(|(found, _)| found == name);
        lines.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    fn note(&self, read: impl Into<String>) {
        self.reads.borrow_mut().push(read.into());
    }
}

impl RequestHost for FakeHost {
    fn has_header(&self, name: &str) -> bool {
        self.note(name);
        self.headers.borrow().iter().any(|(found, _)| found == name)
    }

    fn headers(&self) -> Option<Vec<u8>> {
        self.note("map");
        (!self.headless).then(|| encode(&self.headers.borrow()))
    }

    fn property(&self, path: &str) -> Option<Vec<u8>> {
        self.note(path.replace('\0', "."));
        self.properties.get(&path.replace('\0', ".")).cloned()
    }

    fn set_header(&self, name: &str, value: &[u8]) {
        self.remove_header(name);
        self.headers.borrow_mut().push((name.to_owned(), value.to_vec()));
    }

    fn remove_header(&self, name: &str) {
        self.headers.borrow_mut().retain(|(found, _)| found != name);
    }

    fn set_lane(&self, lane: &str) {
        *self.lane.borrow_mut() = Some(lane.to_owned());
    }

    fn set_fault(&self, fault: &str) {
        *self.fault.borrow_mut() = Some(fault.to_owned());
    }
}

impl ResponseHost for FakeHost {
    fn add_response_header(&self, name: &str, value: &[u8]) {
        let value = String::from_utf8_lossy(value).into_owned();
        self.response.borrow_mut().push((name.to_owned(), value));
    }

    fn set_response_header(&self, name: &str, value: &[u8]) {
        self.response.borrow_mut().retain(|(found, _)| found != name);
        self.add_response_header(name, value);
    }
}

impl MetricsHost for FakeHost {
    fn define_counter(&self, name: &str) -> Option<MetricId> {
        Some(self.process.define(name))
    }

    fn define_gauge(&self, name: &str) -> Option<MetricId> {
        Some(self.process.define(name))
    }

    fn increment(&self, metric: MetricId) {
        self.process.update(metric, |old| old + 1);
    }

    fn record(&self, metric: MetricId, value: u64) {
        if let Some(interference) = self.before_record.take() {
            interference();
        }
        self.process.update(metric, |_| value);
    }
}

impl SharedHost for FakeHost {
    fn shared(&self, key: &str) -> Option<Versioned> {
        self.process.shared.borrow().get(key).cloned()
    }

    fn set_shared(&self, key: &str, value: &[u8], cas: u32) -> bool {
        if let Some(interference) = self.before_write.take() {
            interference();
        }
        let mut shared = self.process.shared.borrow_mut();
        if cas != 0 && shared.get(key).is_some_and(|found| found.cas != cas) {
            return false;
        }
        let cas = self.process.last_cas.get() + 1;
        self.process.last_cas.set(cas);
        shared.insert(key.to_owned(), Versioned { value: value.to_vec(), cas });
        true
    }
}

impl Clock for FakeHost {
    fn now_ns(&self) -> u64 {
        self.process.now_ms.get() * 1_000_000
    }
}
