//! Conditions: what the controller says of an object, for people and for `kubectl wait`.

use envoy_config::istio::{Condition, Finding};
use jiff::Timestamp;
use lane::model::{ObjectCondition, ProxyCount};
use lane::problem::Problem;

use super::dereference::{Reading, Unresolved};
use crate::ending::Ending;

/// The object makes sense.
pub const ACCEPTED: &str = "Accepted";
/// What it refers to is there and can have lanes.
pub const RESOLVED_REFS: &str = "ResolvedRefs";
/// The proxies run it.
pub const PROGRAMMED: &str = "Programmed";
/// The lane ends soon, or has ended; not there as long as there is nothing to say.
pub const ENDING: &str = "Ending";
/// The proxies' clocks are the controller's, as far as can be told.
pub const CLOCKS_AGREE: &str = "ClocksAgree";

/// Why a condition is false, beside what generation finds; and why [`ENDING`] is true.
pub mod reason {
    /// The spec makes no sense.
    pub const INVALID: &str = "Invalid";
    /// An older group stands against it.
    pub const CONFLICTING_GROUP: &str = "ConflictingGroup";
    /// The group is not accepted, so that nothing else is looked at.
    pub const NOT_ACCEPTED: &str = "NotAccepted";
    /// A service is not there.
    pub const SERVICE_NOT_FOUND: &str = "ServiceNotFound";
    /// An entry is not there.
    pub const ENTRY_NOT_FOUND: &str = "EntryNotFound";
    /// A namespace has not consented.
    pub const NAMESPACE_NOT_GRANTED: &str = "NamespaceNotGranted";
    /// The API server would not take an object.
    pub const TOO_LARGE: &str = "TooLarge";
    /// Proxies have not followed.
    pub const PROXIES_BEHIND: &str = "ProxiesBehind";
    /// Proxies cannot be asked.
    pub const PROXIES_UNVERIFIED: &str = "ProxiesUnverified";
    /// A step is still to come.
    pub const IN_STEPS: &str = "InSteps";
    /// The group is going.
    pub const REMOVING: &str = "Removing";
    /// The clocks of proxies are not the controller's.
    pub const CLOCKS_APART: &str = "ClocksApart";
    /// The lane ends within minutes.
    pub const ENDS_SOON: &str = "EndsSoon";
    /// The end of the lane has come.
    pub const ENDED: &str = "Ended";
    /// All of them.
    pub const ALL: [&str; 14] = [
        INVALID,
        CONFLICTING_GROUP,
        NOT_ACCEPTED,
        SERVICE_NOT_FOUND,
        ENTRY_NOT_FOUND,
        NAMESPACE_NOT_GRANTED,
        TOO_LARGE,
        PROXIES_BEHIND,
        PROXIES_UNVERIFIED,
        IN_STEPS,
        REMOVING,
        CLOCKS_APART,
        ENDS_SOON,
        ENDED,
    ];
}

/// The longest message; an object has a limit too.
const MAX_MESSAGE_BYTES: usize = 4096;

/// One condition before it has a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    kind: &'static str,
    status: &'static str,
    reason: String,
    message: String,
}

impl Draft {
    /// All is well.
    #[must_use]
    pub fn good(kind: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { kind, status: "True", reason: reason.to_owned(), message: message.into() }
    }

    /// Something is wrong; the message says what to do.
    #[must_use]
    pub fn bad(kind: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { kind, status: "False", reason: reason.to_owned(), message: message.into() }
    }

    /// With one line more.
    #[must_use]
    pub fn and(mut self, line: &str) -> Self {
        self.message.push('\n');
        self.message.push_str(line);
        self
    }

    /// Whether all is well.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.status == "True"
    }

    /// Why, in one word.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Why, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `Ending`, of a lane; none as long as its end is far.
    #[must_use]
    pub fn ending(lane: &str, end: Timestamp, now: Timestamp) -> Option<Self> {
        let (reason, message) = match Ending::of(end, now) {
            Ending::Later => return None,
            Ending::Soon => (
                reason::ENDS_SOON,
                format!(
                    "nobody enters the lane from {end} on; `lanectl set-lane {lane} --expires` moves its end"
                ),
            ),
            Ending::Over => (
                reason::ENDED,
                format!("nobody enters the lane since {end}; `lanectl remove-lane {lane}` removes it"),
            ),
        };
        Some(Self::good(ENDING, reason, message))
    }

    /// Whether a condition says the same.
    #[must_use]
    pub fn is_said_by(&self, said: &ObjectCondition) -> bool {
        (self.kind, self.status, self.reason.as_str(), self.message.as_str())
            == (said.kind.as_str(), said.status.as_str(), said.reason.as_str(), said.message.as_str())
    }

    /// `Accepted`, from problems: false with the errors, or true with the warnings.
    #[must_use]
    pub fn accepted<'p>(problems: impl IntoIterator<Item = &'p Problem>) -> Self {
        let (errors, warnings): (Vec<&Problem>, Vec<&Problem>) =
            problems.into_iter().partition(|problem| problem.is_error());
        if errors.is_empty() {
            Self::good(ACCEPTED, ACCEPTED, lines(warnings))
        } else {
            Self::bad(ACCEPTED, reason::INVALID, lines(errors))
        }
    }

    /// The first of `findings`' reasons that makes `condition` false, with all their messages.
    fn found(kind: &'static str, condition: Condition, findings: &[Finding]) -> Option<Self> {
        let found: Vec<_> =
            findings.iter().filter(|finding| finding.reason.condition() == Some(condition)).collect();
        let first = found.first()?;
        let message = found.iter().map(|finding| sentence(finding)).collect::<Vec<_>>().join("\n");
        Some(Self::bad(kind, &first.reason.to_string(), message))
    }
}

/// The conditions of a group whose objects make sense.
#[must_use]
pub fn of_group(accepted: Draft, reading: &Reading, findings: &[Finding], proxies: ProxyCount) -> [Draft; 3] {
    let accepted = Draft::found(ACCEPTED, Condition::Accepted, findings)
        .filter(|_| accepted.is_good())
        .unwrap_or(accepted);
    let resolved = unresolved(RESOLVED_REFS, &reading.missing)
        .or_else(|| Draft::found(RESOLVED_REFS, Condition::ResolvedRefs, findings))
        .unwrap_or_else(|| Draft::good(RESOLVED_REFS, RESOLVED_REFS, ""));
    let programmed = unresolved(PROGRAMMED, &reading.not_granted)
        .or_else(|| Draft::found(PROGRAMMED, Condition::Programmed, findings))
        .unwrap_or_else(|| by_receipts(proxies));
    [accepted, resolved, programmed]
}

/// `Programmed`, by what the proxies say.
#[must_use]
pub fn by_receipts(ProxyCount { ready, total, unverified }: ProxyCount) -> Draft {
    let count = format!("{ready} of {total} proxies run the newest rules");
    if ready == total {
        Draft::good(PROGRAMMED, PROGRAMMED, count)
    } else if unverified > 0 {
        let remedy = "look whether their sidecars run and their metrics port can be reached";
        Draft::bad(
            PROGRAMMED,
            reason::PROXIES_UNVERIFIED,
            format!("{count}; {unverified} could not be asked: {remedy}"),
        )
    } else {
        Draft::bad(PROGRAMMED, reason::PROXIES_BEHIND, count)
    }
}

/// The conditions while clusters and their routes come or go one after the other; what is wrong anyway stays said.
#[must_use]
pub fn in_steps([accepted, resolved, programmed]: [Draft; 3], are_moving: bool) -> [Draft; 3] {
    let message = "clusters come before their routes and go after them; the next step follows in a moment";
    let in_steps = Draft::bad(PROGRAMMED, reason::IN_STEPS, message);
    [accepted, resolved, if are_moving && programmed.is_good() { in_steps } else { programmed }]
}

fn unresolved(kind: &'static str, list: &[Unresolved]) -> Option<Draft> {
    let first = list.first()?;
    let message = list.iter().map(|one| one.message.as_str()).collect::<Vec<_>>().join("\n");
    Some(Draft::bad(kind, first.reason, message))
}

fn sentence(finding: &Finding) -> String {
    match finding.port {
        Some(port) => format!("{} port {port}: {}", finding.service, finding.message),
        None => format!("{}: {}", finding.service, finding.message),
    }
}

fn lines(problems: Vec<&Problem>) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The conditions as they are written, each about a generation of the object: each keeps the time of its last
/// change of status.
#[must_use]
pub fn timed(
    drafts: impl IntoIterator<Item = (Draft, Option<i64>)>,
    former: &[ObjectCondition],
    now: Timestamp,
) -> Vec<ObjectCondition> {
    drafts
        .into_iter()
        .map(|(draft, generation)| {
            let unchanged = former.iter().find(|old| old.kind == draft.kind && old.status == draft.status);
            ObjectCondition {
                kind: draft.kind.to_owned(),
                status: draft.status.to_owned(),
                observed_generation: generation,
                last_transition_time: unchanged.map_or(now, |old| old.last_transition_time),
                reason: draft.reason,
                message: shortened(draft.message),
            }
        })
        .collect()
}

fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
        message.truncate(end);
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_as_long_as_its_status() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let draft = |ready, unverified| by_receipts(ProxyCount { ready, total: 2, unverified });
        let first = timed([(draft(0, 1), Some(1))], &[], at(1));
        assert_eq!(first[0].reason, "ProxiesUnverified");
        let second = timed([(draft(1, 0), Some(2))], &first, at(2));
        assert_eq!((second[0].reason.as_str(), second[0].last_transition_time), ("ProxiesBehind", at(1)));
        let third = timed([(draft(2, 0), Some(2))], &second, at(3));
        assert_eq!((third[0].status.as_str(), third[0].last_transition_time), ("True", at(3)));
    }
}
