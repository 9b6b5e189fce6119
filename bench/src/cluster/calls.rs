//! What the controller asked of the API server, by its audit log.

use std::time::SystemTime;

use ::tests::cluster::{AuditEvent, Cluster};
use anyhow::Result;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The user that the measured controller speaks for, and nobody else.
pub(super) const USER: &str = "controller";

/// Requests to the API server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Requests that change nothing; watches count when they end.
    pub reads: usize,
    /// EnvoyFilters and DestinationRules that were written or removed.
    pub objects_written: usize,
    /// The size of what was sent for these, bytes of JSON.
    pub object_bytes: usize,
    /// Writes of the status, events and finalizers of lanes and groups.
    pub status_writes: usize,
    /// The size of what was sent for these, bytes of JSON.
    pub status_bytes: usize,
}

impl Calls {
    /// Counts those of the controller, its lease left out.
    pub(super) fn of(events: &[AuditEvent]) -> Self {
        let mut calls = Self::default();
        for event in events.iter().filter(|event| event.user == USER && event.resource != "leases") {
            let bytes = event.event.get("requestObject").map_or(0, |body| body.to_string().len());
            match (event.is_write(), event.group.as_str()) {
                (false, _) => calls.reads += 1,
                (true, "networking.istio.io") => {
                    calls.objects_written += 1;
                    calls.object_bytes += bytes;
                }
                (true, _) => {
                    calls.status_writes += 1;
                    calls.status_bytes += bytes;
                }
            }
        }
        calls
    }
}

/// The place in the audit log where something begins.
pub(super) struct Window {
    start: u64,
}

impl Window {
    pub(super) fn open(cluster: &Cluster) -> Result<Self> {
        Ok(Self { start: std::fs::metadata(cluster.audit_log())?.len() })
    }

    /// What was asked since.
    pub(super) fn events(&self, cluster: &Cluster) -> Result<Vec<AuditEvent>> {
        cluster.audit_events_from(self.start)
    }
}

/// When the first of the EnvoyFilters was written of which name and body are such.
pub(super) fn written(events: &[AuditEvent], is_such: impl Fn(&str, &str) -> bool) -> Option<SystemTime> {
    let writes = events.iter().filter(|event| {
        let is_filter = event.user == USER && event.resource == "envoyfilters" && event.is_write();
        is_filter && (200..300).contains(&event.code)
    });
    let such = writes.filter(|event| {
        let body = event.event.get("requestObject").map(ToString::to_string).unwrap_or_default();
        is_such(&event.name, &body)
    });
    such.filter_map(|event| {
        let time: Timestamp = event.event.get("stageTimestamp")?.as_str()?.parse().ok()?;
        Some(SystemTime::from(time))
    })
    .min()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(resource: &str, group: &str, verb: &str, second: &str) -> AuditEvent {
        AuditEvent {
            user: USER.to_owned(),
            user_agent: String::new(),
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: String::new(),
            name: "graylane.entry.gateway".to_owned(),
            code: 200,
            event: json!({ "requestObject": { "x": second },
                "stageTimestamp": format!("2026-01-01T00:00:{second}.000000Z") }),
        }
    }

    #[test]
    fn calls_are_told_apart_and_the_first_write_counts() {
        let events = [
            event("leases", "coordination.k8s.io", "update", "01"),
            event("envoyfilters", "networking.istio.io", "patch", "03"),
            event("envoyfilters", "networking.istio.io", "patch", "02"),
            event("lanegroups/status", "graylane.dev", "update", "04"),
            event("pods", "", "list", "05"),
        ];
        let calls =
            Calls { reads: 1, objects_written: 2, object_bytes: 20, status_writes: 1, status_bytes: 10 };
        assert_eq!(Calls::of(&events), calls);
        let at = |second: &str| {
            SystemTime::from(format!("2026-01-01T00:00:{second}Z").parse::<Timestamp>().unwrap())
        };
        assert_eq!(written(&events, |_, _| true), Some(at("02")));
        assert_eq!(written(&events, |_, body| body.contains("03")), Some(at("03")));
        assert_eq!(written(&events, |name, _| name.is_empty()), None);
    }
}
