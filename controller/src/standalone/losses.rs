//! Which hops have lost lanes, by what their proxies' filters have counted since they started.

use std::collections::BTreeMap;
use std::fmt;

use lane::filter_config::Role;
use lane::metric::{Metric, RESTORED_TOTAL, TRACES_TOTAL};
use serde::Serialize;

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
    pub fn all(stats: &BTreeMap<String, String>) -> Vec<Self> {
        stats.iter().filter_map(|(name, value)| Self::of(name, value)).collect()
    }

    fn of(name: &str, value: &str) -> Option<Self> {
        let (base, labels) = Metric::read(name.strip_prefix("wasmcustom.")?)?;
        let label = |key: &str| labels.iter().find(|(found, _)| *found == key).map(|(_, value)| *value);
        let (lane, reason) = (label("lane").map(str::to_owned), label("reason")?.to_owned());
        let is_loss = match base {
            RESTORED_TOTAL => lane.is_some(),
            TRACES_TOTAL => reason == "ambiguous" && label("role")? == Role::Outbound.as_str(),
            _ => false,
        };
        let requests = value.parse().ok().filter(|requests| *requests > 0)?;
        is_loss.then_some(Self { lane, reason, requests })
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
        let told: Vec<_> = Loss::all(&stats).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["gray: 7 found by trace", "2 ambiguous"]);
    }
}
