//! Make before break: which lanes are routed, and which of them admit requests.
//!
//! A new lane is routed first, and admits nobody until the proxies have the routes. A lane that is removed admits
//! nobody any more, and keeps its routes until the proxies have taken that and the requests in flight have had
//! time to end. Each step is one generation; the next one waits for the receipts of the former.

use std::time::Duration;

use jiff::Timestamp;
use lane::model::{Lane, LaneInForce, LanePhase, LaneSpec, Object, Trust};
use lane::name::GroupName;

/// How long requests in flight may use the routes of a lane that is gone.
pub const GRACE: Duration = Duration::from_secs(5);

/// The lanes of the next generation and their phases, from those in force and those that are wanted.
///
/// `followed` says for how long the proxies have been seen to run the generation in force; `None`: they do not.
#[must_use]
pub fn next(
    in_force: &[LaneInForce],
    wanted: &[Lane],
    group: &GroupName,
    followed: Option<Duration>,
    now: Timestamp,
) -> (Vec<LaneInForce>, Vec<Lane>) {
    let entering = wanted.iter().map(|lane| {
        let name = &lane.metadata.name;
        let former = in_force.iter().find(|former| former.name == *name);
        let phase = match former.map(|former| former.phase) {
            Some(LanePhase::Admitted) => LanePhase::Admitted,
            Some(LanePhase::Routed) if followed.is_some() => LanePhase::Admitted,
            // A lane that comes back while it is leaving has its routes still.
            Some(LanePhase::Retiring) if followed.is_some() => LanePhase::Admitted,
            _ => LanePhase::Routed,
        };
        let lane = if phase == LanePhase::Admitted { lane.clone() } else { bare(lane.clone()) };
        (in_phase(former, lane.metadata.name.clone(), phase, now), lane)
    });
    let is_wanted = |former: &&LaneInForce| wanted.iter().any(|lane| lane.metadata.name == former.name);
    let leaving = in_force.iter().filter(|former| !is_wanted(former)).filter_map(|former| {
        let is_over = followed.is_some_and(|followed| followed >= GRACE);
        let has_ended = former.phase == LanePhase::Retiring && is_over;
        let lane = Object::new(lane::model::LANE, former.name.clone(), no_rules(group));
        (!has_ended).then(|| (in_phase(Some(former), former.name.clone(), LanePhase::Retiring, now), lane))
    });
    let mut all: Vec<_> = entering.chain(leaving).collect();
    all.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    all.into_iter().unzip()
}

/// The lanes as they are in force, without a step.
#[must_use]
pub fn as_in_force(in_force: &[LaneInForce], wanted: &[Lane], group: &GroupName) -> Vec<Lane> {
    let lanes = in_force.iter().map(|former| {
        let found = wanted.iter().find(|lane| lane.metadata.name == former.name).cloned();
        match (former.phase, found) {
            (LanePhase::Admitted, Some(lane)) => lane,
            (_, Some(lane)) => bare(lane),
            (_, None) => Object::new(lane::model::LANE, former.name.clone(), no_rules(group)),
        }
    });
    lanes.collect()
}

/// Whether a lane waits for something: receipts, or the end of requests in flight.
#[must_use]
pub fn are_moving(lanes: &[LaneInForce]) -> bool {
    lanes.iter().any(|lane| lane.phase != LanePhase::Admitted)
}

fn in_phase(
    former: Option<&LaneInForce>,
    name: lane::name::LaneName,
    phase: LanePhase,
    now: Timestamp,
) -> LaneInForce {
    let since = former.filter(|former| former.phase == phase).map_or(now, |former| former.since);
    LaneInForce { name, phase, since }
}

/// The lane without anything by which a request enters it.
fn bare(lane: Lane) -> Lane {
    Object { spec: LaneSpec { rules: Vec::new(), share: None, cookie_from_query: None, ..lane.spec }, ..lane }
}

fn no_rules(group: &GroupName) -> LaneSpec {
    LaneSpec {
        group: group.clone(),
        priority: 0,
        rules: Vec::new(),
        share: None,
        trust: Trust::default(),
        cookie_from_query: None,
        sources: None,
        expires: None,
        owner: None,
        release: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lane(name: &str) -> Lane {
        let rule = json!({ "name": "r", "match": { "header": { "name": "x" } } });
        let value = json!({ "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane", "metadata": { "name": name },
                            "spec": { "group": "shop", "rules": [rule] } });
        lane::parse::lane(value).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Seconds for which proxies have followed.
    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    /// One step, and what it makes of the lanes: name, phase, whether requests may enter.
    fn step(
        in_force: &mut Vec<LaneInForce>,
        wanted: &[Lane],
        followed: Option<Duration>,
        second: i64,
    ) -> Vec<(String, LanePhase, bool)> {
        let (phases, lanes) = next(in_force, wanted, &"shop".parse().unwrap(), followed, at(second));
        let seen = phases.iter().zip(&lanes);
        let seen =
            seen.map(|(phase, lane)| (phase.name.to_string(), phase.phase, !lane.spec.rules.is_empty()));
        let seen = seen.collect();
        *in_force = phases;
        seen
    }

    #[test]
    fn a_lane_is_routed_before_it_admits_and_after_it_has_ended() {
        let gray = [lane("gray")];
        let mut in_force = Vec::new();
        let seen = |phase, admits| vec![("gray".to_owned(), phase, admits)];
        assert_eq!(step(&mut in_force, &gray, seconds(0), 0), seen(LanePhase::Routed, false));
        assert_eq!(step(&mut in_force, &gray, None, 1), seen(LanePhase::Routed, false));
        assert_eq!(step(&mut in_force, &gray, seconds(0), 2), seen(LanePhase::Admitted, true));
        assert_eq!(step(&mut in_force, &gray, None, 3), seen(LanePhase::Admitted, true));
        assert_eq!(step(&mut in_force, &[], seconds(9), 4), seen(LanePhase::Retiring, false));
        assert_eq!(step(&mut in_force, &[], None, 20), seen(LanePhase::Retiring, false));
        assert_eq!(step(&mut in_force, &[], seconds(9), 21), []);
    }

    #[test]
    fn requests_in_flight_have_time_to_end_from_when_nobody_enters_any_more() {
        let mut in_force =
            vec![LaneInForce { name: "gray".parse().unwrap(), phase: LanePhase::Admitted, since: at(0) }];
        step(&mut in_force, &[], seconds(9), 10);
        // Whatever the clocks say: that the proxies have followed is what counts.
        assert!(!step(&mut in_force, &[], seconds(4), 3600).is_empty());
        assert!(step(&mut in_force, &[], seconds(5), 0).is_empty());
    }

    #[test]
    fn a_lane_that_comes_back_is_routed_already() {
        let gray = [lane("gray")];
        let mut in_force =
            vec![LaneInForce { name: "gray".parse().unwrap(), phase: LanePhase::Admitted, since: at(0) }];
        step(&mut in_force, &[], seconds(9), 1);
        let seen = step(&mut in_force, &gray, seconds(0), 2);
        assert_eq!(seen, [("gray".to_owned(), LanePhase::Admitted, true)]);
    }
}
