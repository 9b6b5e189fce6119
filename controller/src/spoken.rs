//! Times as people read them.

use jiff::{RoundMode, SignedDuration, Span, SpanRound, Timestamp, Unit};

/// From here on the seconds of a length are left out.
const MINUTES: SignedDuration = SignedDuration::from_mins(10);
/// From here on the minutes of a length are left out.
const HOURS: SignedDuration = SignedDuration::from_hours(24);

/// A length of time without its sign, by its larger units: `2d 4h`, `1h 30m`, `9m 12s`.
#[must_use]
pub fn length(duration: SignedDuration) -> String {
    let duration = SignedDuration::try_from(duration.unsigned_abs()).unwrap_or(SignedDuration::MAX);
    let smallest = match duration {
        long if long >= HOURS => Unit::Hour,
        long if long >= MINUTES => Unit::Minute,
        _ => Unit::Second,
    };
    let round = SpanRound::new().largest(Unit::Day).smallest(smallest).mode(RoundMode::HalfExpand);
    let span = Span::try_from(duration).and_then(|span| span.round(round.days_are_24_hours()));
    span.map_or_else(|_| format!("{duration:#}"), |span| format!("{span:#}"))
}

/// A time as it is seen at another one: `in 9m 12s`, `4h ago`.
#[must_use]
pub fn seen_at(time: Timestamp, now: Timestamp) -> String {
    let away = time.duration_since(now);
    let length = length(away);
    if away.is_positive() { format!("in {length}") } else { format!("{length} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_no_more_units_than_people_want() {
        for (seconds, text) in [
            (0, "0s"),
            (7, "7s"),
            (-552, "9m 12s"),
            (599, "9m 59s"),
            (3_598, "1h"),
            (14_399, "4h"),
            (14_340, "3h 59m"),
            (187_200, "2d 4h"),
            (31_536_000, "365d"),
        ] {
            assert_eq!(length(SignedDuration::from_secs(seconds)), text, "{seconds}");
        }
        assert!(!length(SignedDuration::MIN).is_empty());
    }

    #[test]
    fn a_time_lies_ahead_or_behind() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(seen_at(at(90), at(30)), "in 1m");
        assert_eq!(seen_at(at(30), at(90)), "1m ago");
        assert_eq!(seen_at(at(30), at(30)), "0s ago");
    }
}
