//! The outbound role, behind the application: stamp requests that lost their lane.
//!
//! The lane is taken from the lane header, else from baggage, else from the workload's own lane. A lane
//! that has ended is neither restored nor stamped; a request that already carries it is left alone.

use super::{CounterList, lane_named};
use crate::baggage;
use crate::filter_config::{FilterConfig, LaneConfig, Role};
use crate::head::RequestHead;
use crate::metric::{CounterId, Metric, RESTORED_TOTAL};
use crate::outcome::{Edit, Outcome};

/// The compiled outbound role.
#[derive(Debug)]
pub(super) struct Outbound {
    from_baggage: Vec<CounterId>,
    from_workload: Vec<CounterId>,
}

impl Outbound {
    pub(super) fn compile(config: &FilterConfig, counters: &mut CounterList) -> Self {
        let mut restored = |reason: &str| {
            let labels = |lane: &LaneConfig| {
                Metric::new(
                    RESTORED_TOTAL,
                    [("role", Role::Outbound.as_str()), ("lane", lane.name.as_str()), ("reason", reason)],
                )
            };
            config.lanes.iter().map(|lane| counters.add(labels(lane))).collect()
        };
        Self { from_baggage: restored("baggage"), from_workload: restored("workload") }
    }

    pub(super) fn on_request<'a>(
        &self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        now_ms: u64,
    ) -> Outcome<'a> {
        let mut out = Outcome::default();
        if let Some(sent) = head.header(config.lane_header.as_str()) {
            out.lane = lane_named(config, &sent).map(|(_, lane)| &lane.name);
            return out;
        }
        if self.restore_from_baggage(config, head, now_ms, &mut out).is_none() {
            self.stamp_own_lane(config, head, now_ms, &mut out);
        }
        out
    }

    fn restore_from_baggage<'a>(
        &self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        now_ms: u64,
        out: &mut Outcome<'a>,
    ) -> Option<()> {
        let key = config.baggage.as_ref()?;
        let header = head.header(baggage::HEADER)?;
        let (place, lane) = lane_named(config, &baggage::get(&header, key.as_str())?)?;
        lane.is_active(now_ms).then_some(())?;
        stamp(config, lane, self.from_baggage.get(place), out);
        Some(())
    }

    fn stamp_own_lane<'a>(
        &self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        now_ms: u64,
        out: &mut Outcome<'a>,
    ) -> Option<()> {
        let own = config.own_lane.as_ref()?;
        let (place, lane) = lane_named(config, own.as_str().as_bytes())?;
        lane.is_active(now_ms).then_some(())?;
        stamp(config, lane, self.from_workload.get(place), out);
        let key = config.baggage.as_ref()?;
        let header = head.header(baggage::HEADER);
        let value = baggage::set(header.as_deref(), key.as_str(), own.as_str()).ok()?;
        out.edits.push(Edit::Set { name: baggage::HEADER, value: value.into() });
        Some(())
    }
}

fn stamp<'a>(
    config: &'a FilterConfig,
    lane: &'a LaneConfig,
    counter: Option<&CounterId>,
    out: &mut Outcome<'a>,
) {
    out.lane = Some(&lane.name);
    let value = lane.name.as_str().as_bytes().into();
    out.edits.push(Edit::Set { name: config.lane_header.as_str(), value });
    if let Some(counter) = counter {
        out.counters.push(*counter);
    }
}
