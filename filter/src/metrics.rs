//! The numbers of metrics in this VM.
//!
//! Envoy gives a new number whenever a metric is defined, also under a known name, and never takes one back.
//! So each is defined once per VM, when it is first needed, and kept over all later configurations; what a
//! VM defines in its life is bounded.

use std::collections::BTreeMap;

use lane::metric::Metric;

use crate::host::{MetricId, MetricsHost};

/// The most counters that a VM defines; further ones are counted together, labelled `overflow`.
pub const MAX_COUNTERS: usize = 4096;

/// The metrics that this VM has defined.
#[derive(Debug, Default)]
pub struct MetricIds {
    by_name: BTreeMap<String, MetricId>,
}

impl MetricIds {
    /// The number of a counter; that of its overflow when there are too many.
    pub fn counter(&mut self, host: &impl MetricsHost, metric: &Metric) -> Option<MetricId> {
        let name = metric.stat_name();
        let is_full = self.by_name.len() >= MAX_COUNTERS && !self.by_name.contains_key(&name);
        let name = if is_full { overflow(metric).stat_name() } else { name };
        self.find_or(name, |name| host.define_counter(name))
    }

    /// The number of a gauge. The few that there are have their place even when counters overflow.
    pub fn gauge(&mut self, host: &impl MetricsHost, metric: &Metric) -> Option<MetricId> {
        self.find_or(metric.stat_name(), |name| host.define_gauge(name))
    }

    fn find_or(&mut self, name: String, define: impl FnOnce(&str) -> Option<MetricId>) -> Option<MetricId> {
        if let Some(id) = self.by_name.get(&name) {
            return Some(*id);
        }
        let id = define(&name)?;
        self.by_name.insert(name, id);
        Some(id)
    }
}

/// What stands for all counters of that base name for which there is no place.
fn overflow(metric: &Metric) -> Metric {
    Metric::new(metric.name, [("reason", "overflow")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;
    use lane::metric::{REQUESTS_TOTAL, WORKERS};

    fn rule(name: &str) -> Metric {
        Metric::new(REQUESTS_TOTAL, [("rule", name)])
    }

    #[test]
    fn a_metric_is_defined_once() {
        let (host, mut ids) = (FakeHost::default(), MetricIds::default());
        let first = ids.counter(&host, &rule("a"));
        assert_eq!(ids.counter(&host, &rule("a")), first);
        assert_ne!(ids.counter(&host, &rule("b")), first);
    }

    #[test]
    fn too_many_counters_are_counted_together() {
        let (host, mut ids) = (FakeHost::default(), MetricIds::default());
        for i in 0..MAX_COUNTERS {
            ids.counter(&host, &rule(&i.to_string()));
        }
        let over = ids.counter(&host, &rule("x")).unwrap();
        assert_eq!(ids.counter(&host, &rule("y")), Some(over));
        assert_eq!(host.process.metrics_len(), MAX_COUNTERS + 1);
        assert_eq!(host.process.metric("reason=.=overflow;.;graylane_requests_total"), Some(0));
        assert_ne!(ids.counter(&host, &rule("0")), Some(over));
        assert_ne!(ids.gauge(&host, &Metric::new(WORKERS, [])), Some(over));
    }
}
