//! Metrics as Envoy statistics: labels travel inside the name.
//!
//! A statistic is named `label=.=value;.;…name`, the form in which Istio's own tag regexes
//! (`([label]=\.=(.*?);\.;)`, its `extraStatTags`) find labels; [`TAGS`] lists the ones that we use.

use std::fmt::Write as _;

use crate::name::GroupName;

/// Index of a counter in its program's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterId(pub u32);

/// The labels of our metrics; each needs a tag regex in the bootstrap (`extraStatTags` under Istio).
pub const TAGS: [&str; 6] = ["role", "lane", "rule", "reason", "fault", GROUP];

/// The label of the group, where a proxy may serve several.
pub const GROUP: &str = "group";

/// Requests by role, lane and, at the entry, rule.
pub const REQUESTS_TOTAL: &str = "graylane_requests_total";
/// Requests of a lane that reached a baseline workload although the lane has workloads of the service
/// (`reason="unavailable"`) or because it has none (`reason="no-version"`).
pub const FALLBACKS_TOTAL: &str = "graylane_fallbacks_total";
/// Requests that had lost the lane header and were stamped again, by `reason` (`baggage`, `trace`, `workload`).
pub const RESTORED_TOTAL: &str = "graylane_restored_total";
/// What happened to traces, by `reason`. Inbound: `evicted` where a trace was forgotten before its time,
/// `ambiguous` where one became so. Outbound, of requests without a lane: `missed` where the trace is not
/// known, `untraced` where there is none, `ambiguous` where it stays on the baseline because nobody can tell.
pub const TRACES_TOTAL: &str = "graylane_traces_total";
/// Requests whose baggage or trail would have become too long and was left alone, by `reason`.
pub const SKIPPED_TOTAL: &str = "graylane_skipped_total";
/// Requests of an untrusted sender that carried a lane member in baggage, which was removed.
pub const STRIPPED_TOTAL: &str = "graylane_stripped_total";
/// Requests that carried a lane ticket, by what was made of it: `valid`, `cached` (valid, as was known already), or the
/// `reason` why it opened no lane.
pub const TICKETS_TOTAL: &str = "graylane_tickets_total";
/// Requests into which a fault was injected, by `fault`. More of them than the group lets suffer at one time pass
/// unharmed, which Envoy counts as `faults_overflow`.
pub const FAULTS_TOTAL: &str = "graylane_faults_total";
/// Requests that would have entered a lane with sources, by what was made of theirs: let in by `address` or `principal`,
/// or not, since it is `unlisted` or the client `unidentified`.
pub const SOURCES_TOTAL: &str = "graylane_sources_total";
/// Gauge: the smallest generation among the workers, per role and group.
pub const GENERATION: &str = "graylane_generation";
/// Gauge: workers (with Envoy's main thread) whose heartbeat is fresh, per role and group.
pub const WORKERS: &str = "graylane_workers";
/// Gauge: time of the last heartbeat of any worker, seconds since 1970, per role and group.
pub const HEARTBEAT_SECONDS: &str = "graylane_heartbeat_seconds";
/// Configurations that were refused, per role as far as it could be read.
pub const BAD_CONFIGS_TOTAL: &str = "graylane_bad_configs_total";

/// The base names of all metrics.
pub const NAMES: [&str; 13] = [
    REQUESTS_TOTAL,
    FALLBACKS_TOTAL,
    RESTORED_TOTAL,
    TRACES_TOTAL,
    SKIPPED_TOTAL,
    STRIPPED_TOTAL,
    TICKETS_TOTAL,
    FAULTS_TOTAL,
    SOURCES_TOTAL,
    GENERATION,
    WORKERS,
    HEARTBEAT_SECONDS,
    BAD_CONFIGS_TOTAL,
];

/// The value of the label [`GROUP`].
#[must_use]
pub fn group_label(namespace: &str, group: &GroupName) -> String {
    format!("{namespace}/{group}")
}

/// A metric with its labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Metric {
    /// Base name.
    pub name: &'static str,
    /// Labels, each key one of [`TAGS`].
    pub labels: Vec<(&'static str, String)>,
}

impl Metric {
    /// A metric with `labels`.
    #[must_use]
    pub fn new<const N: usize>(name: &'static str, labels: [(&'static str, &str); N]) -> Self {
        Self { name, labels: labels.map(|(key, value)| (key, value.to_owned())).into() }
    }

    /// The metric with one more label, if there is a value for it.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: Option<&str>) -> Self {
        self.labels.extend(value.map(|value| (key, value.to_owned())));
        self
    }

    /// The name under which the statistic is defined in Envoy, without Envoy's own `wasmcustom.` prefix.
    #[must_use]
    pub fn stat_name(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.labels {
            // Writing to a String cannot fail.
            let _ = write!(text, "{key}=.={value};.;");
        }
        text + self.name
    }
}

impl Metric {
    /// Base name and labels in what [`Self::stat_name`] wrote.
    #[must_use]
    pub fn read(stat_name: &str) -> Option<(&str, Vec<(&str, &str)>)> {
        let (labels, name) = stat_name.rsplit_once(";.;").unwrap_or(("", stat_name));
        let labels = labels.split(";.;").filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.split_once("=.=")).collect::<Option<_>>()?;
        Some((name, labels))
    }
}

/// The regex by which Envoy's tag extractor finds label `tag`: the first group is cut out, the second is
/// the value (Envoy: `TagSpecifier.regex`).
#[must_use]
pub fn tag_regex(tag: &str) -> String {
    format!(r"({tag}=\.=(.*?);\.;)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_the_tag_regexes() {
        let stat = Metric::new(REQUESTS_TOTAL, [("role", "entry"), ("lane", "gray")]).stat_name();
        assert_eq!(stat, "role=.=entry;.;lane=.=gray;.;graylane_requests_total");
        let labels = vec![("role", "entry"), ("lane", "gray")];
        assert_eq!(Metric::read(&stat), Some((REQUESTS_TOTAL, labels)));
        assert_eq!(Metric::read(GENERATION), Some((GENERATION, Vec::new())));
        assert_eq!(Metric::read("no label;.;x"), None);
        let lane = regex_lite::Regex::new(&tag_regex("lane")).unwrap();
        assert_eq!(&lane.captures(&stat).unwrap()[2], "gray");
    }
}
