//! The outbound role, behind the application: stamp requests that lost their lane.
//!
//! The lane is taken from the lane header, else from baggage, else from what arrived with the same trace, else
//! from the workload's own lane. A lane that has ended is neither restored nor stamped; a request that
//! already carries it is left alone. So is one whose trace is ambiguous: it stays on the baseline.

use super::{CounterList, lane_named};
use crate::baggage;
use crate::filter_config::{FilterConfig, LaneConfig, Role};
use crate::head::RequestHead;
use crate::metric::{CounterId, Metric, RESTORED_TOTAL, TRACES_TOTAL};
use crate::outcome::{Edit, Outcome};
use crate::recovery::{self, Mark, Recalled, Slots};

/// The compiled outbound role.
#[derive(Debug)]
pub(super) struct Outbound {
    from_baggage: Vec<CounterId>,
    from_trace: Vec<CounterId>,
    from_workload: Vec<CounterId>,
    /// By place in the configuration, where lanes are recovered.
    marks: Vec<Mark>,
    missed: CounterId,
    untraced: CounterId,
    ambiguous: CounterId,
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
        let (from_baggage, from_trace, from_workload) =
            (restored("baggage"), restored("trace"), restored("workload"));
        let mut traces = |reason: &str| {
            let labels = [("role", Role::Outbound.as_str()), ("reason", reason)];
            counters.add(Metric::new(TRACES_TOTAL, labels))
        };
        Self {
            from_baggage,
            from_trace,
            from_workload,
            marks: config.lanes.iter().map(|lane| Mark::of(Some(lane.name.as_str().as_bytes()))).collect(),
            missed: traces("missed"),
            untraced: traces("untraced"),
            ambiguous: traces("ambiguous"),
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
        if let Some(sent) = head.header(config.lane_header.as_str()) {
            out.lane = lane_named(config, &sent).map(|(_, lane)| &lane.name);
            return out;
        }
        if self.restore_from_baggage(config, head, now_ms, &mut out).is_some() {
            return out;
        }
        if self.restore_from_trace(config, head, slots, now_ms, &mut out) == Search::Open {
            self.stamp_own_lane(config, head, now_ms, &mut out);
        }
        out
    }

    fn restore_from_trace<'a>(
        &self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        slots: &impl Slots,
        now_ms: u64,
        out: &mut Outcome<'a>,
    ) -> Search {
        let Some(recovery) = &config.recovery else { return Search::Open };
        match recovery::recall(config, recovery, head, now_ms, slots) {
            Recalled::Untraced => out.counters.push(self.untraced),
            Recalled::Missed => out.counters.push(self.missed),
            Recalled::Known(Mark::Baseline) => {}
            Recalled::Known(Mark::Ambiguous) => {
                out.counters.push(self.ambiguous);
                return Search::Over;
            }
            Recalled::Known(mark) => {
                let place = self.marks.iter().position(|known| *known == mark);
                let lane = place.and_then(|place| Some((place, config.lanes.get(place)?)));
                if let Some((place, lane)) = lane.filter(|(_, lane)| lane.is_active(now_ms)) {
                    stamp(config, lane, self.from_trace.get(place), out);
                    add_to_baggage(config, lane, head, out);
                    return Search::Over;
                }
            }
        }
        Search::Open
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
        add_to_baggage(config, lane, head, out);
        Some(())
    }
}

/// Whether a lane is still to be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    Open,
    Over,
}

/// Adds the lane to the request's baggage, so that the next hop finds it there; not where it does not fit.
fn add_to_baggage<'a>(
    config: &'a FilterConfig,
    lane: &LaneConfig,
    head: &impl RequestHead,
    out: &mut Outcome<'a>,
) -> Option<()> {
    let key = config.baggage.as_ref()?;
    let header = head.header(baggage::HEADER);
    let value = baggage::set(header.as_deref(), key.as_str(), lane.name.as_str()).ok()?;
    out.edits.push(Edit::Set { name: baggage::HEADER, value: value.into() });
    Some(())
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
