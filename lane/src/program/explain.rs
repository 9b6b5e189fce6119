//! Why a request was decided as it was: every rule's verdict, for people.

use super::decide::{Given, Rules, Stranger, bucket};
use super::gate::Opened;
use crate::filter_config::FilterConfig;
use crate::head::RequestHead;
use crate::model::{BucketRange, Rule};
use crate::name::LaneName;
use crate::source::SourceVerdict;
use crate::ticket::Refusal;

/// What one rule says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVerdict<'a> {
    /// The rule's lane.
    pub lane: &'a LaneName,
    /// The rule; `None` where the lane has a share and no rules.
    pub rule: Option<&'a Rule>,
    /// Whether the condition holds.
    pub holds: bool,
    /// Whether the lane's end has passed.
    pub ended: bool,
    /// What the lane's share says; `None` without one.
    pub share: Option<ShareVerdict<'a>>,
    /// What became of the request's ticket; `None` where the lane asks for none.
    pub ticket: Option<TicketVerdict>,
    /// What is made of the request's source; `None` where the lane asks for none.
    pub source: Option<SourceVerdict>,
    /// Whether this is the rule that takes the request.
    pub chosen: bool,
}

/// What a lane that asks for a ticket says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketVerdict {
    /// There is a ticket for the lane.
    Valid,
    /// There is no ticket.
    Missing,
    /// The ticket does not open the lane.
    Refused(Refusal),
}

impl TicketVerdict {
    fn of(lane: usize, looked: Option<Result<Opened, Refusal>>) -> Self {
        match looked {
            None => Self::Missing,
            Some(Ok(opened)) if opened.lane == lane => Self::Valid,
            Some(Ok(_)) => Self::Refused(Refusal::Lane),
            Some(Err(refusal)) => Self::Refused(refusal),
        }
    }
}

/// What a share says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareVerdict<'a> {
    /// The request's bucket, 0 to 9,999; `None` when it lacks the key.
    pub bucket: Option<u16>,
    /// The buckets that enter.
    pub buckets: &'a [BucketRange],
    /// Whether the bucket is one of them.
    pub takes: bool,
}

impl Rules {
    /// Every rule's verdict, in order of precedence.
    pub(super) fn explain<'a>(
        &self,
        config: &'a FilterConfig,
        head: &impl RequestHead,
        (now_ms, draw): (u64, u64),
        looked: Option<Result<Opened, Refusal>>,
    ) -> Vec<RuleVerdict<'a>> {
        let opened = looked.and_then(Result::ok).map(|opened| opened.lane);
        let given = Given { now_ms, draw, opened };
        let chosen = self.decide(config, head, given, &Stranger::default()).map(|decision| decision.rank);
        let preflight = self.preflight(head);
        let rules = self.in_order().enumerate();
        rules
            .filter_map(|(rank, (home, predicate))| {
                let lane = config.lanes.get(home.lane)?;
                let share = lane.share.as_ref().map(|share| {
                    let bucket = bucket(share, config, head, draw);
                    let takes =
                        bucket.is_some_and(|bucket| share.buckets.iter().any(|range| range.contains(bucket)));
                    ShareVerdict { bucket, buckets: &share.buckets, takes }
                });
                Some(RuleVerdict {
                    lane: &lane.name,
                    rule: home.rule.and_then(|rule| lane.rules.get(rule)),
                    holds: predicate.holds(head, preflight.as_ref()),
                    ended: !lane.is_active(now_ms),
                    share,
                    ticket: lane.ticket.then(|| TicketVerdict::of(home.lane, looked)),
                    source: lane.sources.as_ref().map(|sources| sources.verdict(head)),
                    chosen: chosen == Some(rank),
                })
            })
            .collect()
    }
}
