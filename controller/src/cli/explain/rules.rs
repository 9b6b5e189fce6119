//! What each rule says to a request.

use lane::filter_config::{FilterConfig, LaneConfig};
use lane::head::MemoryHead;
use lane::model::{BucketRange, Condition, Rule};
use lane::name::LaneName;
use lane::program::{Program, RuleVerdict, TicketVerdict};
use lane::source::SourceVerdict;
use serde::Serialize;

use super::condition::{failure, is_named};
use crate::standalone::error::{Error, Result};

/// One rule, as `explain` shows it.
#[derive(Debug, Serialize)]
pub(super) struct RuleLine {
    pub(super) lane: String,
    pub(super) rule: String,
    pub(super) verdict: String,
    pub(super) chosen: bool,
    /// Whether the condition holds, or nearly does.
    #[serde(skip)]
    pub(super) is_near: bool,
    /// The conditions that do not hold.
    pub(super) fails: Vec<String>,
}

/// The name of a rule, also of a share without rules.
pub(super) fn rule_name(rule: Option<&Rule>) -> String {
    rule.map_or("share", |rule| rule.name.as_str()).to_owned()
}

/// The line of one rule; `bare` is the entry's configuration without lanes.
pub(super) fn rule_line(
    bare: &FilterConfig,
    verdict: &RuleVerdict<'_>,
    head: &MemoryHead,
) -> Result<RuleLine> {
    let mut line = RuleLine {
        lane: verdict.lane.to_string(),
        rule: rule_name(verdict.rule),
        verdict: String::new(),
        chosen: verdict.chosen,
        is_near: verdict.holds,
        fails: Vec::new(),
    };
    match verdict.rule {
        Some(rule) if !verdict.holds => {
            for condition in conjuncts(&rule.condition) {
                if holds_alone(bare, (verdict.lane, rule), condition, head)? {
                    line.is_near = true;
                } else {
                    line.is_near |= is_named(condition, head);
                    line.fails.push(failure(condition, head));
                }
            }
            line.verdict = if line.is_near { "nearly holds" } else { "does not hold" }.to_owned();
        }
        _ => line.verdict = holds(verdict),
    }
    Ok(line)
}

/// What there is to say to a rule whose condition holds.
fn holds(verdict: &RuleVerdict<'_>) -> String {
    let mut text = "holds".to_owned();
    if verdict.ended {
        text.push_str(", but the lane has ended");
    }
    if let Some(share) = &verdict.share {
        text.push_str(&match share.bucket {
            None => ", but the request lacks the key of the share".to_owned(),
            Some(bucket) => {
                let takes = if share.takes { "in" } else { "not in" };
                format!(", bucket {bucket} is {takes} {}", ranges(share.buckets))
            }
        });
    }
    let refused = verdict.ticket.and_then(ticket).or_else(|| verdict.source.and_then(source));
    text.extend(refused.iter().map(|refused| format!(", but {refused}")));
    let takes = refused.is_none() && verdict.share.is_none_or(|share| share.takes);
    if !verdict.chosen && !verdict.ended && takes {
        text.push_str(", but another rule comes first");
    }
    text
}

/// Why a ticket does not open the lane.
fn ticket(verdict: TicketVerdict) -> Option<String> {
    match verdict {
        TicketVerdict::Valid => None,
        TicketVerdict::Missing => Some("the lane asks for a ticket".to_owned()),
        TicketVerdict::Refused(refusal) => Some(format!("the ticket does not open the lane: {refusal}")),
    }
}

/// Why the lane does not trust the request's source.
fn source(verdict: SourceVerdict) -> Option<String> {
    let text = match verdict {
        SourceVerdict::Address | SourceVerdict::Principal => return None,
        SourceVerdict::Unlisted => "the lane does not list the client's address or principal",
        SourceVerdict::Unidentified => {
            "the lane asks for a source; say which: --source-ip, --source-identity"
        }
    };
    Some(text.to_owned())
}

fn ranges(buckets: &[BucketRange]) -> String {
    if buckets.is_empty() {
        return "no range".to_owned();
    }
    let texts: Vec<_> = buckets.iter().map(|range| format!("{}..{}", range.from, range.to)).collect();
    texts.join(", ")
}

/// The conditions that must all hold.
fn conjuncts(condition: &Condition) -> &[Condition] {
    match condition {
        Condition::All(conditions) => conditions,
        condition => std::slice::from_ref(condition),
    }
}

/// Whether a condition holds, said by the engine itself: as the only rule of the only lane.
fn holds_alone(
    bare: &FilterConfig,
    (lane, rule): (&LaneName, &Rule),
    condition: &Condition,
    head: &MemoryHead,
) -> Result<bool> {
    let rule = Rule { name: rule.name.clone(), condition: condition.clone() };
    let lane = LaneConfig {
        name: lane.clone(),
        priority: 0,
        expires_ms: None,
        ticket: false,
        sources: None,
        browser: None,
        share: None,
        rules: vec![rule],
        here: false,
    };
    let config = FilterConfig { lanes: vec![lane], ..bare.clone() };
    Ok(Program::compile(config).map_err(Error::Refused)?.decide(head, 0, 0).is_some())
}
