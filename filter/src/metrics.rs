//! Metrics by name, defined when first used and then known by their id.

use std::collections::BTreeMap;

use lane::metric::Metric;

use crate::host::{Host, MetricKind};

/// The most metrics that one VM defines. Envoy cannot delete a metric, so that names which come and go with
/// rules would add up; beyond this, new ones are not counted.
const MAX_METRICS: usize = 4096;

/// The ids of all metrics that this VM has defined; kept over changes of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    ids: BTreeMap<String, Option<u32>>,
}

impl Metrics {
    /// The id of a metric; `None` when the host refuses it or there are too many.
    pub(crate) fn id(&mut self, host: &impl Host, kind: MetricKind, metric: &Metric) -> Option<u32> {
        let name = metric.stat_name();
        if let Some(id) = self.ids.get(&name) {
            return *id;
        }
        if self.ids.len() >= MAX_METRICS {
            return None;
        }
        let id = host.define_metric(kind, &name);
        self.ids.insert(name, id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    #[test]
    fn a_metric_is_defined_once_and_their_number_is_bounded() {
        let host = FakeHost::default();
        let mut metrics = Metrics::default();
        let metric = |i: usize| Metric::new("m", [("lane", &*i.to_string())]);
        let first = metrics.id(&host, MetricKind::Counter, &metric(0));
        assert!(first.is_some());
        assert_eq!(metrics.id(&host, MetricKind::Counter, &metric(0)), first);
        for i in 0..MAX_METRICS {
            metrics.id(&host, MetricKind::Counter, &metric(i));
        }
        assert_eq!(metrics.id(&host, MetricKind::Counter, &metric(MAX_METRICS)), None);
        assert_eq!(metrics.id(&host, MetricKind::Counter, &metric(0)), first);
    }
}
