//! The trail: one header in which every hop writes who was reached, in which lane, and why.
//!
//! `gateway;lane=gray;why=rule:testers, a-gray;lane=gray;why=own, b-v1;lane=baseline;why=no-version`

use std::fmt;

use crate::name::{BASELINE, LaneName, RuleName, WorkloadName};

/// The longest trail that is written; a longer one is left alone.
pub const MAX_BYTES: usize = 4096;

/// The most hops that are written, so that a loop of calls cannot grow the header for ever.
pub const MAX_HOPS: usize = 32;

/// One hop of a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The workload or gateway.
    pub workload: WorkloadName,
    /// At the entry the lane that was decided, else the lane of the workload; `None` is the baseline.
    pub lane: Option<LaneName>,
    /// Why the request is there.
    pub why: Why,
}

/// Why a request is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Entry: this rule took it.
    Rule(RuleName),
    /// Entry: the share of a lane without rules took it.
    Share,
    /// Entry: no rule took it.
    None,
    /// It reached a workload of its own lane.
    Own,
    /// Its lane has no workload of this service.
    NoVersion,
    /// Its lane has workloads of this service, but none of them served it.
    Unavailable,
    /// Its lane is not known here.
    UnknownLane,
    /// It has no lane and reached the baseline.
    Baseline,
    /// It reached a workload of a lane that is not its own.
    Stray,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rule(name) => return write!(f, "rule:{name}"),
            Self::Share => "share",
            Self::None => "no-rule",
            Self::Own => "own",
            Self::NoVersion => "no-version",
            Self::Unavailable => "unavailable",
            Self::UnknownLane => "unknown-lane",
            Self::Baseline => "baseline",
            Self::Stray => "stray",
        })
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lane = self.lane.as_ref().map_or(BASELINE, LaneName::as_str);
        write!(f, "{};lane={lane};why={}", self.workload, self.why)
    }
}

/// The trail with one more hop; `None` when it would exceed [`MAX_BYTES`] or [`MAX_HOPS`].
#[must_use]
pub fn append(existing: Option<&[u8]>, hop: &Hop) -> Option<Vec<u8>> {
    let mut trail = existing.unwrap_or_default().to_vec();
    if !trail.is_empty() {
        if trail.split(|b| *b == b',').count() >= MAX_HOPS {
            return None;
        }
        trail.extend_from_slice(b", ");
    }
    trail.extend_from_slice(hop.to_string().as_bytes());
    (trail.len() <= MAX_BYTES).then_some(trail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop() -> Hop {
        Hop { workload: "b-v1".parse().unwrap(), lane: None, why: Why::NoVersion }
    }

    #[test]
    fn hops_are_appended_to_what_is_there() {
        assert_eq!(append(None, &hop()).unwrap(), b"b-v1;lane=baseline;why=no-version");
        assert_eq!(append(Some(b""), &hop()).unwrap(), b"b-v1;lane=baseline;why=no-version");
        assert_eq!(append(Some(b"\xff"), &hop()).unwrap(), b"\xff, b-v1;lane=baseline;why=no-version");
    }

    #[test]
    fn a_trail_stops_growing() {
        let mut trail = Vec::new();
        while let Some(longer) = append(Some(&trail), &hop()) {
            trail = longer;
        }
        assert_eq!(trail.split(|b| *b == b',').count(), MAX_HOPS);
        assert_eq!(append(Some(&[b'x'; MAX_BYTES]), &hop()), None);
    }
}
