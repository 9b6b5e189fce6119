//! What the host keeps for a VM.

use std::collections::BTreeMap;

use super::guest::Handles;
use super::headers::{Header, HeaderMap};
use crate::random::Random;

/// What a module said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Level as in the ABI: 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 critical.
    pub level: u32,
    /// The message.
    pub text: String,
}

/// An answer that a filter gave without asking the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResponse {
    /// HTTP status.
    pub status: u32,
    /// What access logs show as `%RESPONSE_CODE_DETAILS%`.
    pub details: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
    /// Headers of the answer.
    pub headers: Vec<Header>,
    /// gRPC status; -1 for none.
    pub grpc_status: i32,
}

/// All that a VM's host calls read and write.
#[derive(Default)]
pub(super) struct State {
    /// Memory and allocator of the module; `None` until it is instantiated.
    pub(super) guest: Option<Handles>,
    pub(super) time_ns: u64,
    pub(super) random: Random,
    pub(super) tick_period_ms: u32,
    pub(super) configuration: Vec<u8>,
    pub(super) request: HeaderMap,
    /// By path, its parts joined by NUL.
    pub(super) properties: BTreeMap<Vec<u8>, Vec<u8>>,
    /// By path, its parts joined by `.`.
    pub(super) set_properties: BTreeMap<String, Vec<u8>>,
    pub(super) metrics: Metrics,
    pub(super) shared: BTreeMap<Vec<u8>, Shared>,
    pub(super) local_response: Option<LocalResponse>,
    pub(super) log: Vec<LogLine>,
    pub(super) host_calls: Vec<&'static str>,
    pub(super) allocations: u32,
}

impl State {
    /// Forgets the former request.
    pub(super) fn start_request(&mut self, request: HeaderMap) {
        self.request = request;
        self.set_properties.clear();
        self.local_response = None;
        self.host_calls.clear();
        self.allocations = 0;
    }
}

/// A value that VMs share, with its version.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) value: Vec<u8>,
    pub(super) cas: u32,
}

/// Kinds of metrics in the ABI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// Metrics by their number.
#[derive(Default)]
pub(super) struct Metrics(Vec<Metric>);

struct Metric {
    name: String,
    kind: MetricKind,
    value: i64,
}

impl Metrics {
    /// The number of the metric of that name, which is made when there is none.
    pub(super) fn define(&mut self, kind: MetricKind, name: String) -> usize {
        self.0.iter().position(|metric| metric.name == name).unwrap_or_else(|| {
            self.0.push(Metric { name, kind, value: 0 });
            self.0.len() - 1
        })
    }

    /// Adds to a counter or gauge; `None` when there is no such metric, or a counter would fall.
    pub(super) fn increment(&mut self, id: usize, offset: i64) -> Option<()> {
        let metric = self.0.get_mut(id)?;
        let falls = offset < 0 && metric.kind == MetricKind::Counter;
        if falls || metric.kind == MetricKind::Histogram {
            return None;
        }
        metric.value += offset;
        Some(())
    }

    /// Sets a gauge, adds to a counter, adds a value to a histogram (kept as the sum); `None` without metric.
    pub(super) fn record(&mut self, id: usize, value: i64) -> Option<()> {
        let metric = self.0.get_mut(id)?;
        metric.value = if metric.kind == MetricKind::Gauge { value } else { metric.value + value };
        Some(())
    }

    pub(super) fn get(&self, id: usize) -> Option<i64> {
        self.0.get(id).map(|metric| metric.value)
    }

    pub(super) fn values(&self) -> BTreeMap<String, i64> {
        self.0.iter().map(|metric| (metric.name.clone(), metric.value)).collect()
    }

    pub(super) fn changes_since(&self, before: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
        let change = |metric: &Metric| metric.value - before.get(&metric.name).copied().unwrap_or_default();
        self.0
            .iter()
            .filter(|metric| change(metric) != 0)
            .map(|metric| (metric.name.clone(), change(metric)))
            .collect()
    }
}
