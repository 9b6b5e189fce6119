//! What has happened to the lanes of a group: who asked for what and when, and what became of it.
//!
//! The controller writes it down from what it sees, so that a change by `kubectl` is in it too.

use jiff::Timestamp;
use lane::model::{Change, HistoryEntry, LaneInForce, LanePhase, Release, ReleaseAction, ReleaseStatus};
use lane::name::LaneName;

/// Annotation of a lane with who has changed it last; `lanectl` writes it.
pub const CHANGED_BY: &str = "graylane.dev/changed-by";

/// How many entries are kept.
pub const LIMIT: usize = 50;

/// A change that has been overtaken before anything came of it.
const OVERTAKEN: &str = "Overtaken";
/// A change of which nothing has come yet.
const PENDING: &str = "Pending";
const REMOVED: &str = "Removed";

/// A lane that is there.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// Its name.
    pub name: LaneName,
    /// Its `metadata.generation`.
    pub generation: i64,
    /// Who has changed it last, as far as they have said so.
    pub by: Option<String>,
    /// Why it is not accepted, if it is not.
    pub refusal: Option<String>,
    /// What it asks for.
    pub wants: Option<&'a Release>,
    /// How far that has come.
    pub release: Option<&'a ReleaseStatus>,
}

/// The history after a look at the lanes of a group and at those that proxies know.
#[must_use]
pub fn after(
    former: &[HistoryEntry],
    lanes: &[Seen<'_>],
    in_force: &[LaneInForce],
    now: Timestamp,
) -> Vec<HistoryEntry> {
    let mut entries = former.to_vec();
    for lane in lanes {
        let result = result(lane, in_force);
        let last = entries.iter_mut().rev().find(|entry| entry.lane == lane.name);
        match last {
            Some(entry) if entry.generation == Some(lane.generation) => entry.result = result,
            last => {
                overtake(last);
                entries.push(HistoryEntry {
                    time: now,
                    lane: lane.name.clone(),
                    generation: Some(lane.generation),
                    change: change(lane),
                    by: lane.wants.map_or_else(|| lane.by.clone(), |release| release.by.clone()),
                    result,
                });
            }
        }
    }
    for gone in names(&entries).into_iter().filter(|name| lanes.iter().all(|lane| lane.name != *name)) {
        let is_known = in_force.iter().any(|known| known.name == gone);
        let result = if is_known { PENDING } else { REMOVED };
        let last = entries.iter_mut().rev().find(|entry| entry.lane == gone);
        match last {
            Some(entry) if entry.change == Change::Remove => result.clone_into(&mut entry.result),
            last => {
                overtake(last);
                entries.push(HistoryEntry {
                    time: now,
                    lane: gone,
                    generation: None,
                    change: Change::Remove,
                    by: None,
                    result: result.to_owned(),
                });
            }
        }
    }
    let surplus = entries.len().saturating_sub(LIMIT);
    entries.split_off(surplus)
}

/// Nothing will come of a change any more that is still pending when another one is made.
fn overtake(last: Option<&mut HistoryEntry>) {
    if let Some(pending) = last.filter(|entry| entry.result == PENDING) {
        OVERTAKEN.clone_into(&mut pending.result);
    }
}

fn names(entries: &[HistoryEntry]) -> Vec<LaneName> {
    let mut names: Vec<LaneName> = entries.iter().map(|entry| entry.lane.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn change(lane: &Seen<'_>) -> Change {
    match lane.wants.map(|release| release.action) {
        None => Change::Set,
        Some(ReleaseAction::Promote) => Change::Promote,
        Some(ReleaseAction::Rollback) => Change::Rollback,
    }
}

fn result(lane: &Seen<'_>, in_force: &[LaneInForce]) -> String {
    if let Some(release) = lane.release {
        let phase = format!("{:?}", release.phase);
        let is_said = release.phase.is_final() && !release.message.is_empty();
        return if is_said { format!("{phase}: {}", release.message) } else { phase };
    }
    if let Some(refusal) = &lane.refusal {
        return format!("Refused: {refusal}");
    }
    let is_admitted =
        in_force.iter().any(|known| known.name == lane.name && known.phase == LanePhase::Admitted);
    if is_admitted { format!("{:?}", LanePhase::Admitted) } else { PENDING.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(name: &str, generation: i64) -> Seen<'static> {
        Seen {
            name: name.parse().unwrap(),
            generation,
            by: Some("jane".to_owned()),
            refusal: None,
            wants: None,
            release: None,
        }
    }

    fn known(phase: LanePhase) -> Vec<LaneInForce> {
        vec![LaneInForce { name: "gray".parse().unwrap(), phase, since: at(0) }]
    }

    fn lines(entries: &[HistoryEntry]) -> Vec<String> {
        let line = |entry: &HistoryEntry| {
            let by = entry.by.as_deref().unwrap_or("-");
            format!("{} {:?} {} {by} {}", entry.time.as_second(), entry.change, entry.lane, entry.result)
        };
        entries.iter().map(line).collect()
    }

    #[test]
    fn a_lane_is_followed_from_its_beginning_to_its_end() {
        let mut all = after(&[], &[seen("gray", 1)], &[], at(1));
        assert_eq!(lines(&all), ["1 Set gray jane Pending"]);
        all = after(&all, &[seen("gray", 1)], &known(LanePhase::Admitted), at(2));
        assert_eq!(lines(&all), ["1 Set gray jane Admitted"]);
        let refused = Seen { refusal: Some("a bad regex".to_owned()), ..seen("gray", 2) };
        all = after(&all, &[refused], &known(LanePhase::Admitted), at(3));
        assert_eq!(lines(&all)[1..], ["3 Set gray jane Refused: a bad regex"]);
        all = after(&all, &[], &known(LanePhase::Retiring), at(4));
        all = after(&all, &[], &[], at(5));
        assert_eq!(lines(&all)[2..], ["4 Remove gray - Removed"]);
        // It does not go a second time, and may come again.
        assert_eq!(after(&all, &[], &[], at(6)), all);
        all = after(&all, &[seen("gray", 1)], &[], at(7));
        assert_eq!(lines(&all)[3..], ["7 Set gray jane Pending"]);
    }

    #[test]
    fn what_is_overtaken_is_said_to_be() {
        let first = after(&[], &[seen("gray", 1)], &[], at(1));
        let second = after(&first, &[seen("gray", 2)], &known(LanePhase::Admitted), at(2));
        assert_eq!(lines(&second), ["1 Set gray jane Overtaken", "2 Set gray jane Admitted"]);
        let removed = after(&first, &[], &[], at(2));
        assert_eq!(lines(&removed), ["1 Set gray jane Overtaken", "2 Remove gray - Removed"]);
    }

    #[test]
    fn only_the_newest_entries_are_kept() {
        let mut all = Vec::new();
        for generation in 0..60 {
            all = after(&all, &[seen("gray", generation)], &known(LanePhase::Admitted), at(generation));
        }
        assert_eq!((all.len(), all.first().map(|entry| entry.generation)), (LIMIT, Some(Some(10))));
    }
}
