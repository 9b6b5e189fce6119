//! Deciding at the entry: the rule of highest precedence that takes the request.

use std::cell::Cell;
use std::cmp::Reverse;

use super::announced::Announced;
use crate::filter_config::{FilterConfig, LaneConfig, ShareConfig};
use crate::head::RequestHead;
use crate::index::{Index, Rank};
use crate::model::Rule;
use crate::precedence::{Precedence, Specificity};
use crate::predicate::Predicate;
use crate::preflight::Preflight;
use crate::problem::Problem;
use crate::share;
use crate::source::SourceVerdict;
use crate::subject::sticky_value;

/// The most rules that one program holds.
pub const MAX_RULES: usize = 100_000;

/// The rules of all lanes, in order of precedence, with their index.
#[derive(Debug)]
pub(super) struct Rules {
    ranked: Vec<RankedRule>,
    predicates: Vec<Predicate>,
    index: Index,
    announced: Announced,
}

/// A rule's home: its lane and, unless it is a bare share, its place there.
#[derive(Clone, Copy, Debug)]
pub(super) struct RankedRule {
    pub(super) lane: usize,
    pub(super) rule: Option<usize>,
}

/// What decides beside rules and request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    /// Milliseconds since 1970.
    pub(super) now_ms: u64,
    /// For shares without a key.
    pub(super) draw: u64,
    /// The lane that the request has a ticket for.
    pub(super) opened: Option<usize>,
}

/// The rule of highest precedence that fits a request from a source which its lane does not trust.
pub(super) type Stranger = Cell<Option<(Rank, SourceVerdict)>>;

/// The rule that takes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The lane that the request enters.
    pub lane: &'a LaneConfig,
    /// The rule; `None` where the lane has a share and no rules.
    pub rule: Option<&'a Rule>,
    pub(super) rank: Rank,
}

impl Rules {
    /// Compiles the rules of all lanes.
    pub(super) fn compile(config: &FilterConfig) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut found = Vec::new();
        for (i, lane) in config.lanes.iter().enumerate() {
            for (j, rule) in lane.rules.iter().enumerate() {
                let path = format!("lanes[{i}].rules[{j}].match");
                let predicate = Predicate::compile(&rule.condition, &path, &mut problems);
                found.push((precedence(lane, j), RankedRule { lane: i, rule: Some(j) }, predicate));
            }
            if lane.rules.is_empty() && lane.share.is_some() {
                let always = Predicate::All(Vec::new());
                found.push((precedence(lane, 0), RankedRule { lane: i, rule: None }, always));
            }
        }
        if found.len() > MAX_RULES {
            problems.push(Problem::error(
                "lanes",
                format!("{} rules are more than {MAX_RULES}", found.len()),
                "divide the group, or use in-lists",
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        found.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let (ranked, predicates): (Vec<_>, Vec<_>) =
            found.into_iter().map(|(_, ranked, predicate)| (ranked, predicate)).unzip();
        let index = Index::build(predicates.iter());
        let announced = Announced::new(&predicates);
        Ok(Self { ranked, predicates, index, announced })
    }

    /// The rules with their predicates, in order of precedence.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (RankedRule, &Predicate)> {
        self.ranked.iter().copied().zip(&self.predicates)
    }

    /// The rule of highest precedence that takes the request; `stranger` learns whom it did not let in.
    pub(super) fn decide<'a>(
        &self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        given: Given,
        stranger: &Stranger,
    ) -> Option<Decision<'a>> {
        let preflight = self.preflight(head);
        let accepts = |rank| self.accepts(rank, config, (head, preflight.as_ref()), given, stranger);
        let found = self.index.first(head, accepts);
        let sooner = preflight.as_ref().and_then(|_| self.announced.first_before(found, accepts));
        let rank = sooner.or(found)?;
        let RankedRule { lane, rule } = *self.ranked.get(rank)?;
        let lane = config.lanes.get(lane)?;
        Some(Decision { lane, rule: rule.and_then(|rule| lane.rules.get(rule)), rank })
    }

    /// The request as a preflight, if it is one that names a header of a rule.
    pub(super) fn preflight<'h>(&self, head: &'h impl RequestHead) -> Option<Preflight<'h>> {
        self.announced.preflight(head)
    }

    /// The home of a decision's rule.
    pub(super) fn home(&self, decision: &Decision<'_>) -> Option<RankedRule> {
        self.ranked.get(decision.rank).copied()
    }

    fn accepts(
        &self,
        rank: Rank,
        config: &FilterConfig,
        (head, preflight): (&impl RequestHead, Option<&Preflight<'_>>),
        given: Given,
        stranger: &Stranger,
    ) -> bool {
        let (Some(ranked), Some(predicate)) = (self.ranked.get(rank), self.predicates.get(rank)) else {
            return false;
        };
        let Some(lane) = config.lanes.get(ranked.lane) else {
            return false;
        };
        lane.is_active(given.now_ms)
            && (!lane.ticket || given.opened == Some(ranked.lane))
            && predicate.holds(head, preflight)
            && lane.share.as_ref().is_none_or(|share| takes(share, config, head, given.draw))
            && is_trusted(lane, head, rank, stranger)
    }
}

/// Whether the request comes from a source of the lane; asked last, since the host's answers are dear.
fn is_trusted(lane: &LaneConfig, head: &impl RequestHead, rank: Rank, stranger: &Stranger) -> bool {
    let Some(sources) = &lane.sources else { return true };
    let verdict = sources.verdict(head);
    if !verdict.is_trusted() && stranger.get().is_none_or(|(first, _)| rank < first) {
        stranger.set(Some((rank, verdict)));
    }
    verdict.is_trusted()
}

fn precedence(lane: &LaneConfig, rule: usize) -> Precedence {
    let condition = lane.rules.get(rule).map(|rule| &rule.condition);
    Precedence {
        priority: Reverse(lane.priority),
        specificity: Reverse(condition.map_or_else(Specificity::default, Specificity::of)),
        shared: lane.share.is_some(),
        lane: lane.name.clone(),
        rule,
    }
}

/// The bucket of a request in a share; `None` when the request lacks the key.
pub(super) fn bucket(
    share: &ShareConfig,
    config: &FilterConfig,
    head: &impl RequestHead,
    draw: u64,
) -> Option<u16> {
    match &share.key {
        Some(key) => sticky_value(key, head).map(|value| share::bucket(&config.group, &value)),
        None => Some(share::bucket_of_draw(draw)),
    }
}

fn takes(share: &ShareConfig, config: &FilterConfig, head: &impl RequestHead, draw: u64) -> bool {
    bucket(share, config, head, draw)
        .is_some_and(|bucket| share.buckets.iter().any(|range| range.contains(bucket)))
}
