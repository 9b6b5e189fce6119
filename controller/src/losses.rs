//! Which hops have lost lanes, by what their proxies' filters have counted since they started.

use std::collections::BTreeMap;
use std::fmt;

use lane::filter_config::Role;
use lane::metric::{Metric, RESTORED_TOTAL, TRACES_TOTAL};
use serde::Serialize;

/// The reason of a lane that was found in baggage.
const BAGGAGE: &str = "baggage";
/// The reason of a trace that tells no lane.
const AMBIGUOUS: &str = "ambiguous";

/// Requests that an application sent without the lane that it had been given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// The lane, where it was found again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// What it was found again by (`baggage`, `trace`, `workload`), or why it was not (`ambiguous`).
    pub reason: String,
    /// How many.
    pub requests: u64,
}

impl Loss {
    /// What a proxy's statistics tell, by name and value. A trace that is not known tells nothing: its request
    /// may as well belong to the baseline.
    #[must_use]
    pub fn of_statistics(stats: &BTreeMap<String, String>) -> Vec<Self> {
        let losses = stats.iter().filter_map(|(name, value)| {
            let (base, labels) = Metric::read(name.strip_prefix("wasmcustom.")?)?;
            Self::of(base, &labels, value)
        });
        losses.collect()
    }

    /// The same of statistics in Prometheus' text format, where the proxy finds our labels in their names.
    #[must_use]
    pub fn of_prometheus(text: &str) -> Vec<Self> {
        let losses = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (name, labels) = series.strip_suffix('}')?.split_once('{')?;
            // Neither lanes nor reasons hold a comma or a quote.
            let labels = labels.split(',').filter_map(|label| label.split_once('='));
            let labels: Vec<_> = labels.map(|(key, value)| (key, value.trim_matches('"'))).collect();
            Self::of(name, &labels, value)
        });
        losses.collect()
    }

    fn of(base: &str, labels: &[(&str, &str)], value: &str) -> Option<Self> {
        let label = |key: &str| labels.iter().find(|(found, _)| *found == key).map(|(_, value)| *value);
        let (lane, reason) = (label("lane").map(str::to_owned), label("reason")?.to_owned());
        let is_loss = match base {
            RESTORED_TOTAL => lane.is_some(),
            TRACES_TOTAL => reason == AMBIGUOUS && label("role")? == Role::Outbound.as_str(),
            _ => false,
        };
        let requests = value.parse().ok().filter(|requests| *requests > 0)?;
        is_loss.then_some(Self { lane, reason, requests })
    }

    /// Whether the application has sent on nothing that carries a lane: baggage does.
    #[must_use]
    pub fn is_of_all(&self) -> bool {
        self.reason != BAGGAGE
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lane, reason, requests } = self;
        match lane {
            Some(lane) => write!(f, "{lane}: {requests} found by {reason}"),
            None => write!(f, "{requests} {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(losses: &[Loss]) -> Vec<String> {
        losses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_was_lost_is_told() {
        let outbound = "wasmcustom.role=.=outbound;.;";
        let stats = [
            (format!("{outbound}lane=.=gray;.;reason=.=trace;.;graylane_restored_total"), "7"),
            (format!("{outbound}lane=.=gray;.;reason=.=baggage;.;graylane_restored_total"), "0"),
            (format!("{outbound}reason=.=ambiguous;.;graylane_traces_total"), "2"),
            (format!("{outbound}reason=.=missed;.;graylane_traces_total"), "9"),
            ("wasmcustom.role=.=inbound;.;reason=.=ambiguous;.;graylane_traces_total".to_owned(), "1"),
            ("wasmcustom.role=.=outbound;.;graylane_generation".to_owned(), "3"),
            ("server.uptime".to_owned(), "3"),
        ];
        let stats = stats.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        assert_eq!(told(&Loss::of_statistics(&stats)), ["gray: 7 found by trace", "2 ambiguous"]);
    }

    #[test]
    fn prometheus_tells_the_same() {
        let text = "# TYPE graylane_restored_total counter\n\
            graylane_restored_total{role=\"outbound\",lane=\"gray\",reason=\"trace\"} 7\n\
            graylane_restored_total{lane=\"gray\",reason=\"workload\",role=\"outbound\",x=\"a,b\"} 1\n\
            graylane_restored_total{role=\"outbound\",lane=\"gray\",reason=\"baggage\"} 3\n\
            graylane_traces_total{role=\"outbound\",reason=\"ambiguous\"} 2\n\
            graylane_traces_total{role=\"inbound\",reason=\"ambiguous\"} 5\n\
            graylane_traces_total{role=\"outbound\",reason=\"missed\"} 9\n\
            graylane_generation{role=\"outbound\"} 4\nnothing\n";
        let losses = Loss::of_prometheus(text);
        let want = [
            "gray: 7 found by trace",
            "gray: 1 found by workload",
            "gray: 3 found by baggage",
            "2 ambiguous",
        ];
        assert_eq!(told(&losses), want);
        assert_eq!(losses.iter().filter(|loss| loss.is_of_all()).count(), 3);
    }
}
