//! The entry role: strip what outsiders may not send, decide, stamp.

use super::browser::cookies;
use super::decide::{Decision, Given, Rules, Stranger};
use super::gate::{Gate, Opened};
use super::{CounterList, MAX_RULE_COUNTERS};
use crate::baggage;
use crate::filter_config::{FilterConfig, Role};
use crate::head::RequestHead;
use crate::metric::{CounterId, Metric, REQUESTS_TOTAL, SKIPPED_TOTAL, SOURCES_TOTAL, STRIPPED_TOTAL};
use crate::name::{BASELINE, LaneName};
use crate::outcome::{Edit, Outcome};
use crate::problem::Problem;
use crate::source::SourceVerdict;
use crate::ticket::{Refusal, Verifier};
use crate::trail::{Hop, Why, append};

/// The compiled entry role.
#[derive(Debug)]
pub(super) struct Entry {
    rules: Rules,
    gate: Option<Box<Gate>>,
    /// Per lane: the counter of a bare share, then one per rule.
    entered: Vec<Vec<CounterId>>,
    baseline: CounterId,
    stripped: CounterId,
    baggage_skipped: CounterId,
    /// Whether browsers can ask for a lane.
    has_browsers: bool,
    /// By verdict; none where no lane asks for a source.
    sources: Vec<(SourceVerdict, CounterId)>,
}

impl Entry {
    pub(super) fn compile(config: &FilterConfig, counters: &mut CounterList) -> Result<Self, Vec<Problem>> {
        let rules = Rules::compile(config)?;
        let role = Role::Entry.as_str();
        let requests = |lane: &str, rule: &str| {
            Metric::new(REQUESTS_TOTAL, [("role", role), ("lane", lane), ("rule", rule)])
        };
        let mut named: usize = 0;
        let entered = config.lanes.iter().map(|lane| {
            let share = counters.add(requests(lane.name.as_str(), "share"));
            let mut other = None;
            let rules = lane.rules.iter().map(|rule| {
                named = named.saturating_add(1);
                if named <= MAX_RULE_COUNTERS {
                    return counters.add(requests(lane.name.as_str(), rule.name.as_str()));
                }
                *other.get_or_insert_with(|| counters.add(requests(lane.name.as_str(), "other")))
            });
            std::iter::once(share).chain(rules.collect::<Vec<_>>()).collect()
        });
        let entered = entered.collect();
        Ok(Self {
            rules,
            gate: Gate::compile(config, counters).map(Box::new),
            entered,
            baseline: counters.add(requests(BASELINE, "none")),
            stripped: counters.add(Metric::new(STRIPPED_TOTAL, [("role", role)])),
            baggage_skipped: counters
                .add(Metric::new(SKIPPED_TOTAL, [("role", role), ("reason", "baggage")])),
            has_browsers: config.lanes.iter().any(|lane| lane.browser.is_some()),
            sources: source_counters(config, counters),
        })
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What the request's ticket opens; `None` where it has none.
    pub(super) fn ticket(
        &self,
        config: &FilterConfig,
        head: &impl RequestHead,
        now_ms: u64,
        verifier: &impl Verifier,
    ) -> Option<Result<Opened, Refusal>> {
        let gate = self.gate.as_ref()?;
        let shown = gate.shown(head).filter(|shown| !shown.is_farewell())?;
        Some(gate.open(&shown, config, now_ms, verifier))
    }

    pub(super) fn on_request<'a>(
        &'a self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        (now_ms, draw): (u64, u64),
        verifier: &impl Verifier,
    ) -> Outcome<'a> {
        let mut out = Outcome::default();
        let shown = self.gate.as_ref().and_then(|gate| Some((gate, gate.shown(head)?)));
        if let Some((gate, shown)) = &shown {
            gate.take(shown, head, &mut out);
        }
        if is_decided(config, head) {
            return out;
        }
        let opened = shown.filter(|(_, shown)| !shown.is_farewell()).and_then(|(gate, shown)| {
            let looked = gate.open(&shown, config, now_ms, verifier);
            gate.counter(looked).into_iter().for_each(|id| out.counters.push(id));
            looked.ok()
        });
        for name in &config.strip {
            if head.header(name.as_str()).is_some() {
                out.edits.push(Edit::Remove { name: name.as_str() });
            }
        }
        let stranger = Stranger::default();
        let given = Given { now_ms, draw, opened: opened.map(|opened| opened.lane) };
        let decision = self.rules.decide(config, head, given, &stranger);
        self.count_source(decision.as_ref(), &stranger, head, &mut out);
        out.lane = decision.map(|decision| &decision.lane.name);
        out.counters.push(self.counter(decision.as_ref()));
        if let Some(lane) = out.lane {
            out.edits.push(Edit::Set {
                name: config.lane_header.as_str(),
                value: lane.as_str().as_bytes().into(),
            });
        }
        self.edit_baggage(config, head, &mut out);
        if self.has_browsers {
            cookies(config, head, decision.map(|decision| decision.lane), opened, &mut out);
        }
        write_trail(config, decision.as_ref(), &mut out);
        out
    }

    fn counter(&self, decision: Option<&Decision<'_>>) -> CounterId {
        let home = decision.and_then(|decision| self.rules.home(decision));
        let place = |rule: Option<usize>| rule.map_or(0, |rule| rule.saturating_add(1));
        home.and_then(|home| self.entered.get(home.lane)?.get(place(home.rule)).copied())
            .unwrap_or(self.baseline)
    }

    /// Counts what was made of the source of a request that has entered a lane with sources, or else would have.
    fn count_source(
        &self,
        decision: Option<&Decision<'_>>,
        stranger: &Stranger,
        head: &impl RequestHead,
        out: &mut Outcome<'_>,
    ) {
        if self.sources.is_empty() {
            return;
        }
        let refused = stranger.get().filter(|(rank, _)| decision.is_none_or(|taken| *rank < taken.rank));
        let taken = || Some(decision?.lane.sources.as_ref()?.verdict(head));
        let Some(verdict) = refused.map(|(_, verdict)| verdict).or_else(taken) else { return };
        let counter = self.sources.iter().find(|(other, _)| *other == verdict);
        counter.into_iter().for_each(|(_, id)| out.counters.push(*id));
    }

    /// Replaces an outsider's lane member by ours, or removes it.
    fn edit_baggage(&self, config: &FilterConfig, head: &impl RequestHead, out: &mut Outcome<'_>) {
        let Some(key) = &config.baggage else { return };
        let sent = head.header(baggage::HEADER);
        let cleaned = sent.as_deref().and_then(|sent| baggage::remove(sent, key.as_str()));
        if cleaned.is_some() {
            out.counters.push(self.stripped);
        }
        let kept = cleaned.as_deref().or(sent.as_deref()).filter(|kept| !kept.is_empty());
        let stamped = out.lane.map(|lane| baggage::set(kept, key.as_str(), lane.as_str()));
        let edit = match (stamped, cleaned.as_deref()) {
            (Some(Ok(value)), _) => Some(Edit::Set { name: baggage::HEADER, value: value.into() }),
            (stamped, Some(cleaned)) => {
                self.count_skipped(stamped.is_some(), out);
                Some(set_or_remove(cleaned))
            }
            (stamped, None) => {
                self.count_skipped(stamped.is_some(), out);
                None
            }
        };
        out.edits.extend(edit);
    }

    fn count_skipped(&self, skipped: bool, out: &mut Outcome<'_>) {
        if skipped {
            out.counters.push(self.baggage_skipped);
        }
    }
}

fn source_counters(config: &FilterConfig, counters: &mut CounterList) -> Vec<(SourceVerdict, CounterId)> {
    if config.lanes.iter().all(|lane| lane.sources.is_none()) {
        return Vec::new();
    }
    let mut counter = |verdict: SourceVerdict| {
        let labels = [("role", Role::Entry.as_str()), ("reason", verdict.as_str())];
        (verdict, counters.add(Metric::new(SOURCES_TOTAL, labels)))
    };
    SourceVerdict::ALL.map(&mut counter).into()
}

/// Whether the filter of another group at the same gateway has given the request its lane: the listener has removed
/// what the client sent, unless that is left to this filter.
fn is_decided(config: &FilterConfig, head: &impl RequestHead) -> bool {
    !config.strip.contains(&config.lane_header) && head.header(config.lane_header.as_str()).is_some()
}

fn set_or_remove(cleaned: &[u8]) -> Edit<'static> {
    if cleaned.is_empty() {
        Edit::Remove { name: baggage::HEADER }
    } else {
        Edit::Set { name: baggage::HEADER, value: cleaned.to_vec().into() }
    }
}

/// Starts the trail; whatever an outsider sent under that name is replaced.
fn write_trail<'a>(config: &'a FilterConfig, decision: Option<&Decision<'a>>, out: &mut Outcome<'a>) {
    let Some(trail) = &config.trail else { return };
    let why = match decision {
        None => Why::None,
        Some(Decision { rule: Some(rule), .. }) => Why::Rule(rule.name.clone()),
        Some(Decision { rule: None, .. }) => Why::Share,
    };
    let lane: Option<LaneName> = decision.map(|decision| decision.lane.name.clone());
    let hop = Hop { workload: config.workload.clone(), lane, why };
    if let Some(value) = append(None, &hop) {
        out.edits.push(Edit::Set { name: trail.as_str(), value: value.into() });
    }
}
