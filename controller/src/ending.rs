//! How near the end of a lane is, as people are told of it.
//!
//! Proxies judge an end by themselves, at each request; nothing here decides about one.

use jiff::{SignedDuration, Timestamp};

use crate::spoken;

/// How long before its end a lane is announced as ending; one that lasts less is announced at once.
pub const NOTICE: SignedDuration = SignedDuration::from_mins(10);

/// How near an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Not worth a word yet.
    Later,
    /// It comes within [`NOTICE`].
    Soon,
    /// It has come.
    Over,
}

impl Ending {
    /// How near `end` is.
    #[must_use]
    pub fn of(end: Timestamp, now: Timestamp) -> Self {
        match end.duration_since(now) {
            away if !away.is_positive() => Self::Over,
            away if away <= NOTICE => Self::Soon,
            _ => Self::Later,
        }
    }
}

/// How long it is until [`Ending::of`] says something else; `None` where it never does.
#[must_use]
pub fn changes_in(end: Timestamp, now: Timestamp) -> Option<SignedDuration> {
    let away = end.duration_since(now);
    match Ending::of(end, now) {
        Ending::Later => Some(away.saturating_sub(NOTICE)),
        Ending::Soon => Some(away),
        Ending::Over => None,
    }
}

/// The end of a lane as a cell of a table: `in 3h 59m`, `2m ago`, or `-` where it has none.
#[must_use]
pub fn cell(end: Option<Timestamp>, now: Timestamp) -> String {
    end.map_or_else(|| "-".to_owned(), |end| spoken::seen_at(end, now))
}

/// A line about the end of a lane, where there is something to say.
#[must_use]
pub fn line(lane: &str, end: Timestamp, now: Timestamp) -> Option<String> {
    let when = spoken::seen_at(end, now);
    match Ending::of(end, now) {
        Ending::Later => None,
        Ending::Soon => Some(format!("lane {lane} ends {when}, at {end}")),
        Ending::Over => Some(format!("lane {lane} ended {when}, at {end}: nobody enters it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    #[test]
    fn an_end_comes_nearer_until_it_is_over() {
        use Ending::{Later, Over, Soon};
        let end = at("18:00:00");
        for (now, wanted, changes_in_seconds, told) in [
            ("14:00:00", Later, Some(13_800.0), None),
            ("17:49:59.5", Later, Some(0.5), None),
            ("17:50:00", Soon, Some(600.0), Some("lane gray ends in 10m, at 2026-11-21T18:00:00Z")),
            ("17:59:59", Soon, Some(1.0), Some("lane gray ends in 1s, at 2026-11-21T18:00:00Z")),
            (
                "18:00:00",
                Over,
                None,
                Some("lane gray ended 0s ago, at 2026-11-21T18:00:00Z: nobody enters it"),
            ),
            (
                "20:00:00",
                Over,
                None,
                Some("lane gray ended 2h ago, at 2026-11-21T18:00:00Z: nobody enters it"),
            ),
        ] {
            assert_eq!(Ending::of(end, at(now)), wanted, "{now}");
            let changes = changes_in(end, at(now)).map(|it| it.as_secs_f64());
            assert_eq!(changes, changes_in_seconds, "{now}");
            assert_eq!(line("gray", end, at(now)).as_deref(), told, "{now}");
        }
    }

    #[test]
    fn a_cell_says_when() {
        assert_eq!(cell(None, at("10:00:00")), "-");
        assert_eq!(cell(Some(at("10:00:00")), at("09:30:00")), "in 30m");
    }
}
