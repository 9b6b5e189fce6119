//! What the controller counts of itself, for Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum PassResult {
    /// Nothing is left to do.
    settled,
    /// Proxies have to follow.
    waiting,
    /// It failed and is repeated.
    failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabels {
    result: PassResult,
}

/// The metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    passes: Family<PassLabels, Counter>,
    duration: Histogram,
    leading: Gauge,
    groups: Gauge<u64, AtomicU64>,
}

impl Metrics {
    /// The metrics, and the registry that writes them.
    #[must_use]
    pub fn new() -> (Self, Registry) {
        let metrics = Self {
            passes: Family::default(),
            // 1 ms to 16 s.
            duration: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            leading: Gauge::default(),
            groups: Gauge::default(),
        };
        let mut registry = Registry::with_prefix("graylane_controller");
        registry.register("passes", "Passes over lane groups, by result", metrics.passes.clone());
        registry.register_with_unit(
            "pass_duration",
            "How long a pass takes",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register("leading", "1 while this controller acts", metrics.leading.clone());
        registry.register("groups", "Lane groups in the cluster", metrics.groups.clone());
        (metrics, registry)
    }

    /// Counts a pass.
    pub fn passed(&self, result: PassResult, took: Duration) {
        self.passes.get_or_create(&PassLabels { result }).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// Notes whether this controller acts.
    pub fn lead(&self, leading: bool) {
        self.leading.set(i64::from(leading));
    }

    /// Notes how many groups there are.
    pub fn groups(&self, count: usize) {
        self.groups.set(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn names_and_labels_are_those_of_prometheus() {
        let (metrics, registry) = Metrics::new();
        metrics.passed(PassResult::settled, Duration::from_millis(3));
        metrics.lead(true);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(text.contains("graylane_controller_passes_total{result=\"settled\"} 1"), "{text}");
        assert!(text.contains("graylane_controller_pass_duration_seconds_bucket{le=\"0.004\"} 1"), "{text}");
        assert!(text.contains("graylane_controller_leading 1"), "{text}");
    }
}
