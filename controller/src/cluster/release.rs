//! Promotion and rollback: the controller carries out what a lane's `spec.release` asks for, one step per pass.
//!
//! ```text
//! promotion: Checking ─▶ RollingOut ─▶ Retiring ─▶ Finishing ─▶ Promoted
//!                │            └──(fails)─▶ Restoring ─▶ Failed
//!                └─▶ Refused
//! rollback:  Retiring ─▶ Restoring ─▶ Finishing ─▶ RolledBack
//! ```
//!
//! Where a release stands is in the lane's status, and what was done to a workload in an annotation of the workload
//! itself, written in one piece with the change: a controller that is killed anywhere is followed by one that goes
//! on from there, and nothing is done twice.

pub mod history;
pub mod managers;
pub mod pairs;
pub mod rollout;
pub mod template;
pub mod workload;

use std::time::Duration;

use jiff::Timestamp;
use lane::model::{LaneSpec, LaneStatus, Release, ReleaseAction, ReleasePhase, ReleaseStatus};

/// What a pass has found of the step that a release is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The step is done.
    Done,
    /// It goes on; the text says what is waited for.
    Underway(String),
    /// It cannot be done; the text says why, and what to do.
    Failed(String),
}

impl Observation {
    /// A step that has taken longer than it may is one that has failed.
    #[must_use]
    pub fn within(self, deadline: Duration, elapsed: Duration) -> Self {
        match self {
            Self::Underway(waiting) if elapsed > deadline => {
                Self::Failed(format!("{waiting}; it took longer than {} s", deadline.as_secs()))
            }
            other => other,
        }
    }
}

/// Where the release that a lane asks for stands; its beginning where nothing is known of this request.
#[must_use]
pub fn current(spec: &LaneSpec, status: &LaneStatus, now: Timestamp) -> Option<ReleaseStatus> {
    let Release { action, request, .. } = spec.release.as_ref()?;
    let known = status.release.as_ref().filter(|known| known.request == *request && known.action == *action);
    Some(known.cloned().unwrap_or_else(|| ReleaseStatus {
        request: request.clone(),
        action: *action,
        phase: match action {
            ReleaseAction::Promote => ReleasePhase::Checking,
            ReleaseAction::Rollback => ReleasePhase::Retiring,
        },
        promotion: match (action, &status.release) {
            (ReleaseAction::Promote, _) => Some(request.clone()),
            (ReleaseAction::Rollback, former) => former.as_ref().and_then(|former| former.promotion.clone()),
        },
        since: now,
        message: String::new(),
    }))
}

/// Whether nobody is to be admitted to the lane because of its release.
#[must_use]
pub fn has_ended(release: &ReleaseStatus) -> bool {
    let ends = matches!(
        release.phase,
        ReleasePhase::Retiring | ReleasePhase::Finishing | ReleasePhase::Promoted | ReleasePhase::RolledBack
    );
    ends || release.action == ReleaseAction::Rollback
}

/// Where the release stands after what has been found.
#[must_use]
pub fn after(release: &ReleaseStatus, observation: Observation, now: Timestamp) -> ReleaseStatus {
    use ReleaseAction::{Promote, Rollback};
    use ReleasePhase::{
        Checking, Failed, Finishing, Promoted, Refused, Restoring, Retiring, RolledBack, RollingOut,
    };
    let former = &release.message;
    let (phase, message) = match (release.phase, release.action, observation) {
        (phase, ..) if phase.is_final() => (phase, former.clone()),
        // The reason of a promotion that is being undone is not forgotten meanwhile.
        (Restoring, Promote, Observation::Underway(_)) => (Restoring, former.clone()),
        (phase, _, Observation::Underway(waiting)) => (phase, waiting),
        (Checking, _, Observation::Failed(why)) => (Refused, why),
        (Checking, _, Observation::Done) => (RollingOut, String::new()),
        (RollingOut, _, Observation::Failed(why)) => (Restoring, why),
        (RollingOut, _, Observation::Done) => (Retiring, String::new()),
        (Restoring, Promote, Observation::Failed(why)) => {
            (Failed, format!("{former}; nor has the former version come back: {why}"))
        }
        (Restoring, Promote, Observation::Done) => {
            (Failed, format!("{former}; the baseline runs what it ran before, and the lane serves"))
        }
        (Retiring, Promote, Observation::Done) | (Restoring, Rollback, Observation::Done) => {
            (Finishing, String::new())
        }
        (Retiring, Rollback, Observation::Done) => (Restoring, String::new()),
        (Finishing, Promote, Observation::Done) => (Promoted, String::new()),
        (Finishing, Rollback, Observation::Done) => (RolledBack, String::new()),
        (_, _, Observation::Failed(why)) => (Failed, why),
        (phase, _, Observation::Done) => (phase, String::new()),
    };
    let since = if phase == release.phase { release.since } else { now };
    ReleaseStatus { phase, since, message, ..release.clone() }
}

#[cfg(test)]
mod tests;
