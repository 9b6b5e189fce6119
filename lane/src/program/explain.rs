//! Why a request was decided as it was: every rule's verdict, for people.

use super::decide::{Rules, bucket};
use crate::filter_config::FilterConfig;
use crate::head::RequestHead;
use crate::model::{BucketRange, Rule};
use crate::name::LaneName;

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
    /// Whether this is the rule that takes the request.
    pub chosen: bool,
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
        now_ms: u64,
        draw: u64,
    ) -> Vec<RuleVerdict<'a>> {
        let chosen = self.decide(config, head, now_ms, draw).map(|decision| decision.rank);
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
                    holds: predicate.holds(head),
                    ended: !lane.is_active(now_ms),
                    share,
                    chosen: chosen == Some(rank),
                })
            })
            .collect()
    }
}
