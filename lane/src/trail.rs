//! The trail: one header in which every hop writes who was reached, in which lane, and why.
//!
//! `gateway;lane=gray;why=rule:testers, a-gray;lane=gray;why=own, b-v1;lane=baseline;why=no-version`

use std::fmt;
use std::str::FromStr;

use crate::name::{BASELINE, LaneName, RuleName, WorkloadName};

/// The longest trail that is written; a longer one is left alone.
pub const MAX_BYTES: usize = 4096;

/// The most hops that are written, so that a loop of calls cannot grow the header for ever.
pub const MAX_HOPS: usize = 32;

/// A text is no hop of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no hop as a-gray;lane=gray;why=own")]
pub struct InvalidHop;

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

impl FromStr for Why {
    type Err = InvalidHop;

    fn from_str(text: &str) -> Result<Self, InvalidHop> {
        Ok(match text {
            "share" => Self::Share,
            "no-rule" => Self::None,
            "own" => Self::Own,
            "no-version" => Self::NoVersion,
            "unavailable" => Self::Unavailable,
            "unknown-lane" => Self::UnknownLane,
            "baseline" => Self::Baseline,
            "stray" => Self::Stray,
            _ => {
                let rule = text.strip_prefix("rule:").and_then(|rule| rule.parse().ok());
                Self::Rule(rule.ok_or(InvalidHop)?)
            }
        })
    }
}

/// As people read it: `a-gray[gray]`.
impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.workload, self.lane_name())
    }
}

impl Hop {
    fn lane_name(&self) -> &str {
        self.lane.as_ref().map_or(BASELINE, LaneName::as_str)
    }

    /// As it stands in the header.
    fn to_header(&self) -> String {
        format!("{};lane={};why={}", self.workload, self.lane_name(), self.why)
    }
}

/// Parameters that are not known are passed over, so that a later version may add some.
impl FromStr for Hop {
    type Err = InvalidHop;

    fn from_str(text: &str) -> Result<Self, InvalidHop> {
        let mut parts = text.split(';').map(str::trim);
        let workload = parts.next().unwrap_or_default().parse().map_err(|_| InvalidHop)?;
        let parameter = |name: &str| parts.clone().find_map(|p| p.strip_prefix(name)?.strip_prefix('='));
        let lane = match parameter("lane").ok_or(InvalidHop)? {
            BASELINE => None,
            lane => Some(lane.parse().map_err(|_| InvalidHop)?),
        };
        Ok(Self { workload, lane, why: parameter("why").ok_or(InvalidHop)?.parse()? })
    }
}

/// The hops of a trail in their order; what is no hop is left out.
#[must_use]
pub fn parse(trail: &[u8]) -> Vec<Hop> {
    let hops = trail.split(|b| *b == b',').filter_map(|hop| std::str::from_utf8(hop).ok()?.parse().ok());
    hops.collect()
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
    trail.extend_from_slice(hop.to_header().as_bytes());
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

    #[test]
    fn every_reason_survives_the_header() {
        let lane: Option<LaneName> = Some("gray".parse().unwrap());
        let whys = [
            (Why::Rule("testers".parse().unwrap()), "rule:testers"),
            (Why::Share, "share"),
            (Why::None, "no-rule"),
            (Why::Own, "own"),
            (Why::NoVersion, "no-version"),
            (Why::Unavailable, "unavailable"),
            (Why::UnknownLane, "unknown-lane"),
            (Why::Baseline, "baseline"),
            (Why::Stray, "stray"),
        ];
        let hops: Vec<Hop> = whys
            .into_iter()
            .map(|(why, text)| {
                assert_eq!(why.to_string(), text);
                Hop { workload: "a-gray".parse().unwrap(), lane: lane.clone(), why }
            })
            .chain([hop()])
            .collect();
        let trail = hops.iter().fold(Vec::new(), |trail, hop| append(Some(&trail), hop).unwrap());
        assert_eq!(parse(&trail), hops);
        assert_eq!(
            (hops[0].to_string(), hop().to_string()),
            ("a-gray[gray]".into(), "b-v1[baseline]".into())
        );
    }

    #[test]
    fn what_is_no_hop_is_left_out() {
        for (trail, want) in [
            ("", ""),
            ("b-v1;lane=baseline;why=no-version", "b-v1[baseline]"),
            (" a ; why=own ; x=1 ; lane=gray ,,", "a[gray]"),
            ("forged, a;lane=gray;why=rule:r, a;lane=Gray;why=own, a;lane=gray", "a[gray]"),
            ("a;lane=gray;why=because, a;lane=gray;why=rule:, a;lane=;why=own, A;lane=gray;why=own", ""),
        ] {
            let hops: Vec<_> = parse(trail.as_bytes()).iter().map(ToString::to_string).collect();
            assert_eq!(hops.join(" "), want, "{trail}");
        }
        assert_eq!(parse(b"\xff;lane=gray;why=own, a;lane=gray;why=own").len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_trap(trail in "[a-z=;:, -]{0,60}", bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let hops = parse(trail.as_bytes());
            let again = hops.iter().try_fold(Vec::new(), |trail, hop| append(Some(&trail), hop));
            proptest::prop_assert_eq!(parse(&again.unwrap()), hops);
        }
    }
}
