//! Clocks of proxies: how far each is from the clock of whoever asks, by the `date` of the proxy's answer.
//!
//! A proxy judges the end of a lane, and the time of a ticket, by its own clock. Envoy dates whatever it answers by that
//! same clock, so that nothing has to be reported: its administration interface does, and so does the port for metrics
//! of a sidecar, which leads there.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use crate::spoken;

/// Clocks that are further apart than this are told of.
pub const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);
/// How old a date may be that is true: it has whole seconds, and Envoy renews it twice a second.
pub const BLUR: SignedDuration = SignedDuration::from_secs(2);

/// By how much the clock of whoever dated an answer is ahead of ours at the least; negative where it is behind, zero
/// where it may well be the same. `None` where the answer has no date.
#[must_use]
pub fn ahead(date: Option<&str>, asked: Timestamp, answered: Timestamp) -> Option<SignedDuration> {
    let date = rfc2822::parse(date?).ok()?.timestamp();
    let (early, late) = (date.duration_since(answered), date.duration_since(asked).saturating_add(BLUR));
    Some(if early.is_positive() {
        early
    } else if late.is_negative() {
        late
    } else {
        SignedDuration::ZERO
    })
}

/// Whether a clock that is ahead by this much is to be told of.
#[must_use]
pub fn is_apart(ahead: SignedDuration) -> bool {
    ahead.unsigned_abs() > TOLERANCE.unsigned_abs()
}

/// How a clock differs: `1h ahead`, `40s behind`.
#[must_use]
pub fn told(ahead: SignedDuration) -> String {
    format!("{} {}", spoken::length(ahead), if ahead.is_negative() { "behind" } else { "ahead" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    #[test]
    fn a_clock_differs_by_what_the_way_of_the_answer_does_not_explain() {
        for (date, asked, answered, seconds) in [
            // The same clock: cut to seconds, a second old, and after an answer that took long.
            ("21:00:55", "21:00:55.1", "21:00:55.2", 0),
            ("21:00:55", "21:00:56.9", "21:00:56.95", 0),
            ("21:00:55", "21:00:50", "21:00:59", 0),
            ("22:00:55", "21:00:54", "21:00:55", 3600),
            ("20:00:55", "21:00:57", "21:00:58", -3600),
            ("21:01:00", "21:00:53", "21:00:54", 6),
            ("21:00:40", "21:00:50", "21:00:55", -8),
        ] {
            let date = format!("Sat, 21 Nov 2026 {date} GMT");
            let found = ahead(Some(&date), at(asked), at(answered)).unwrap();
            assert_eq!(found.as_secs(), seconds, "{date} at {asked} to {answered}");
            assert_eq!(is_apart(found), seconds != 0);
        }
    }

    #[test]
    fn what_is_no_date_tells_nothing() {
        for date in
            [None, Some(""), Some("now"), Some("2026-11-21T21:00:55Z"), Some("Sun, 21 Nov 2026 21:00:55 GMT")]
        {
            assert_eq!(ahead(date, at("21:00:55"), at("21:00:56")), None, "{date:?}");
        }
    }

    #[test]
    fn people_read_which_way_it_is() {
        assert_eq!(told(SignedDuration::from_secs(3_599)), "1h ahead");
        assert_eq!(told(SignedDuration::from_secs(-40)), "40s behind");
    }
}
