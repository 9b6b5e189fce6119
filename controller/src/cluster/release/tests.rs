//! The order of the steps of promotion and rollback.

use super::*;
use ReleaseAction::{Promote, Rollback};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn begun(action: ReleaseAction) -> ReleaseStatus {
    let release = Release {
        action,
        request: "r1".to_owned(),
        workloads: lane::model::Afterwards::default(),
        force_conflicts: false,
        deadline_seconds: 60,
        by: None,
    };
    let spec = LaneSpec {
        group: "shop".parse().unwrap(),
        priority: 0,
        rules: Vec::new(),
        share: None,
        trust: lane::model::Trust::default(),
        cookie_from_query: None,
        sources: None,
        expires: None,
        owner: None,
        release: Some(release),
    };
    current(&spec, &LaneStatus::default(), at(0)).unwrap()
}

/// The phases that a release goes through, each with whether the lane has ended, and the last message.
fn run(action: ReleaseAction, observations: &[Observation]) -> (Vec<(ReleasePhase, bool)>, String) {
    let mut release = begun(action);
    let mut seen = vec![(release.phase, has_ended(&release))];
    for observation in observations {
        release = after(&release, observation.clone(), at(1));
        seen.push((release.phase, has_ended(&release)));
    }
    (seen, release.message)
}

fn failed(why: &str) -> Observation {
    Observation::Failed(why.to_owned())
}

#[test]
fn the_lane_serves_until_the_baseline_has_its_version() {
    use ReleasePhase::{Checking, Finishing, Promoted, Retiring, RollingOut};
    let waits = Observation::Underway("1 of 2 pods".to_owned());
    let (seen, message) = run(
        Promote,
        &[Observation::Done, waits, Observation::Done, Observation::Done, Observation::Done, failed("late")],
    );
    let want = [
        (Checking, false),
        (RollingOut, false),
        (RollingOut, false),
        (Retiring, true),
        (Finishing, true),
        (Promoted, true),
        (Promoted, true),
    ];
    assert_eq!((seen.as_slice(), message.as_str()), (&want[..], ""));
}

#[test]
fn what_cannot_be_promoted_is_refused_before_anything_changes() {
    let (seen, message) = run(Promote, &[failed("b: argocd manages the image")]);
    let want = [(ReleasePhase::Checking, false), (ReleasePhase::Refused, false)];
    assert_eq!((seen.as_slice(), message.as_str()), (&want[..], "b: argocd manages the image"));
}

#[test]
fn a_promotion_that_does_not_roll_out_is_undone_and_the_lane_serves_on() {
    use ReleasePhase::{Checking, Failed, Restoring, RollingOut};
    let (seen, message) = run(
        Promote,
        &[
            Observation::Done,
            failed("b: no pod is ready"),
            Observation::Underway("b: 0 of 1".to_owned()),
            Observation::Done,
        ],
    );
    let want =
        [(Checking, false), (RollingOut, false), (Restoring, false), (Restoring, false), (Failed, false)];
    assert_eq!(seen, want);
    assert_eq!(message, "b: no pod is ready; the baseline runs what it ran before, and the lane serves");
}

#[test]
fn a_rollback_ends_the_lane_first() {
    use ReleasePhase::{Finishing, Restoring, Retiring, RolledBack};
    let (seen, _) = run(Rollback, &[Observation::Done, Observation::Done, Observation::Done]);
    assert_eq!(seen, [(Retiring, true), (Restoring, true), (Finishing, true), (RolledBack, true)]);
    let (seen, message) = run(Rollback, &[Observation::Done, failed("b was changed since")]);
    assert_eq!(seen.last(), Some(&(ReleasePhase::Failed, true)));
    assert_eq!(message, "b was changed since");
}

#[test]
fn a_step_has_a_deadline() {
    let waits = || Observation::Underway("b: 0 of 1".to_owned());
    let (deadline, late) = (Duration::from_secs(60), Duration::from_secs(61));
    assert_eq!(waits().within(deadline, deadline), waits());
    assert_eq!(waits().within(deadline, late), failed("b: 0 of 1; it took longer than 60 s"));
    assert_eq!(Observation::Done.within(deadline, late), Observation::Done);
}

#[test]
fn another_request_begins_anew() {
    let mut status = LaneStatus { release: Some(begun(Promote)), ..LaneStatus::default() };
    status.release.as_mut().unwrap().phase = ReleasePhase::Promoted;
    let mut spec: LaneSpec = serde_json::from_value(serde_json::json!({
        "group": "shop", "release": { "action": "Promote", "request": "r1" } }))
    .unwrap();
    assert_eq!(current(&spec, &status, at(9)).unwrap().phase, ReleasePhase::Promoted);
    spec.release.as_mut().unwrap().action = Rollback;
    assert_eq!(current(&spec, &status, at(9)).unwrap().phase, ReleasePhase::Retiring);
    spec.release = None;
    assert_eq!(current(&spec, &status, at(9)), None);
}
