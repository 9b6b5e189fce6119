//! The inbound role, in front of the application: write the trail, count fallbacks, note which trace arrived in
//! which lane.
//!
//! Only the callee knows who was reached, since the aggregate cluster chooses behind the caller's filter.

use super::{CounterList, PerLane, lane_named};
use crate::filter_config::{FilterConfig, LaneConfig, Role};
use crate::head::RequestHead;
use crate::metric::{CounterId, FALLBACKS_TOTAL, Metric, REQUESTS_TOTAL, SKIPPED_TOTAL, TRACES_TOTAL};
use crate::name::{BASELINE, LaneName};
use crate::outcome::{Edit, Outcome};
use crate::recovery::{self, Mark, Slots};
use crate::trail::{Hop, Why, append};

/// The compiled inbound role.
#[derive(Debug)]
pub(super) struct Inbound {
    requests: PerLane,
    unavailable: PerLane,
    no_version: PerLane,
    trail_skipped: CounterId,
    evicted: CounterId,
    ambiguous: CounterId,
}

impl Inbound {
    pub(super) fn compile(config: &FilterConfig, counters: &mut CounterList) -> Self {
        let role = Role::Inbound.as_str();
        let lane_label = |lane: Option<&LaneName>| lane.map_or(BASELINE, LaneName::as_str).to_owned();
        let fallbacks = |reason: &'static str| {
            move |lane: Option<&LaneName>| {
                Metric::new(
                    FALLBACKS_TOTAL,
                    [("role", role), ("lane", &lane_label(lane)), ("reason", reason)],
                )
            }
        };
        Self {
            requests: PerLane::new(config, counters, |lane| {
                Metric::new(REQUESTS_TOTAL, [("role", role), ("lane", &lane_label(lane))])
            }),
            unavailable: PerLane::new(config, counters, fallbacks("unavailable")),
            no_version: PerLane::new(config, counters, fallbacks("no-version")),
            trail_skipped: counters.add(Metric::new(SKIPPED_TOTAL, [("role", role), ("reason", "trail")])),
            evicted: counters.add(Metric::new(TRACES_TOTAL, [("role", role), ("reason", "evicted")])),
            ambiguous: counters.add(Metric::new(TRACES_TOTAL, [("role", role), ("reason", "ambiguous")])),
        }
    }

    pub(super) fn on_request<'a>(
        &self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        slots: &impl Slots,
        now_ms: u64,
    ) -> Outcome<'a> {
        let mut out = Outcome::default();
        let sent = head.header(config.lane_header.as_str());
        let known = sent.as_deref().and_then(|sent| lane_named(config, sent));
        let why = why(config, sent.is_some(), known.map(|(_, lane)| lane));
        let place = known.map(|(place, _)| place);
        out.lane = known.map(|(_, lane)| &lane.name);
        out.counters.push(self.requests.of(place));
        match why {
            Why::Unavailable => out.counters.push(self.unavailable.of(place)),
            Why::NoVersion => out.counters.push(self.no_version.of(place)),
            _ => {}
        }
        if let Some(trail) = &config.trail {
            // The lane of the workload that was reached, not of the request: that is what the trail is for.
            let hop = Hop { workload: config.workload.clone(), lane: config.own_lane.clone(), why };
            match append(head.header(trail.as_str()).as_deref(), &hop) {
                Some(value) => out.edits.push(Edit::Set { name: trail.as_str(), value: value.into() }),
                None => out.counters.push(self.trail_skipped),
            }
        }
        if let Some(recovery) = &config.recovery {
            let mark = Mark::of(sent.as_deref());
            let remembered = recovery::remember(config, recovery, head, mark, now_ms, slots);
            let counted = [(remembered.evicted, self.evicted), (remembered.ambiguous, self.ambiguous)];
            counted.into_iter().filter(|(is_so, _)| *is_so).for_each(|(_, id)| out.counters.push(id));
        }
        out
    }
}

fn why(config: &FilterConfig, carries_lane: bool, known: Option<&LaneConfig>) -> Why {
    match (known, &config.own_lane) {
        (Some(lane), Some(own)) if lane.name == *own => Why::Own,
        (_, Some(_)) => Why::Stray,
        (Some(lane), None) if lane.here => Why::Unavailable,
        (Some(_), None) => Why::NoVersion,
        (None, None) if carries_lane => Why::UnknownLane,
        (None, None) => Why::Baseline,
    }
}
