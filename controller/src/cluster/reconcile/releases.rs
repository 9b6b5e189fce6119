//! The step of a pass that carries promotions and rollbacks on.

use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::events::{Event, EventType};
use kube::{Resource as _, ResourceExt as _};
use lane::model::{LaneGroupStatus, LanePhase, Release, ReleaseAction, ReleasePhase, ReleaseStatus};
use tokio::time::Instant;

use super::Pass;
use super::generation::has_followed;
use super::lanes::Lanes;
use crate::cluster::crd::Lane;
use crate::cluster::dereference::Reading;
use crate::cluster::release::pairs::{self, Pair, Workloads};
use crate::cluster::release::template::Template;
use crate::cluster::release::workload::{Reference, Taking, WorkloadError};
use crate::cluster::release::{self, Observation, rollout};

/// How long a rollback waits for proxies that do not follow before it restores workloads all the same: the rules
/// come first, but a proxy that hangs must not keep a bad version in place.
const PATIENCE: Duration = Duration::from_secs(10);

impl Pass<'_> {
    /// Carries every release of the group one step on.
    pub(super) async fn step_releases(&self, lanes: &mut Lanes, reading: &Reading, status: &LaneGroupStatus) {
        for lane in self.lane_objects() {
            let name = lane.name_any();
            let Some(wanted) = lane.spec.0.release.as_ref() else { continue };
            let Some(current) = lanes.releases.get(&name).filter(|release| !release.phase.is_final()) else {
                continue;
            };
            let workloads = pairs::of(&reading.input.services, &name, &self.ctx.world);
            // By our own clock: the time in the status may have been written by another one.
            let step = format!("{} {:?}", current.request, current.phase);
            let elapsed = self.ctx.memory.in_step(self.group, &name, &step, Instant::now());
            let step =
                Step { pass: self, name: &name, wanted, current, elapsed, status, workloads: &workloads };
            let found = match step.waits_for(lanes) {
                Some(other) => Observation::Underway(format!("the release of lane {other} comes first")),
                None => step.observe().await,
            };
            let deadline = Duration::from_secs(wanted.deadline_seconds.into());
            let next = release::after(current, found.within(deadline, elapsed), Timestamp::now());
            if next.phase != current.phase {
                self.tell_of_release(&lane, &next).await;
            }
            lanes.releases.insert(name, next);
        }
    }

    async fn tell_of_release(&self, lane: &Lane, release: &ReleaseStatus) {
        let is_bad =
            matches!(release.phase, ReleasePhase::Refused | ReleasePhase::Failed | ReleasePhase::Restoring)
                && release.action == ReleaseAction::Promote;
        let event = Event {
            type_: if is_bad { EventType::Warning } else { EventType::Normal },
            reason: format!("{:?}", release.phase),
            note: Some(release.message.clone()).filter(|message| !message.is_empty()),
            action: format!("{:?}", release.action),
            secondary: None,
        };
        if let Err(error) = self.ctx.recorder.publish(&event, &lane.object_ref(&())).await {
            tracing::warn!(%error, "an event cannot be written");
        }
    }
}

/// One step of one release.
struct Step<'a> {
    pass: &'a Pass<'a>,
    name: &'a str,
    wanted: &'a Release,
    current: &'a ReleaseStatus,
    /// For how long it has been in its phase.
    elapsed: Duration,
    status: &'a LaneGroupStatus,
    workloads: &'a Workloads,
}

impl Step<'_> {
    /// Another lane's release that changes workloads now: two at once would each take the other's version for the
    /// former one.
    fn waits_for(&self, lanes: &Lanes) -> Option<String> {
        if self.current.phase != ReleasePhase::Checking {
            return None;
        }
        let mut others = lanes.releases.iter().filter(|(name, other)| {
            name.as_str() != self.name && !other.phase.is_final() && other.phase != ReleasePhase::Checking
        });
        others.next().map(|(name, _)| name.clone())
    }

    async fn observe(&self) -> Observation {
        let found = match self.current.phase {
            ReleasePhase::Checking => self.check().await,
            ReleasePhase::RollingOut => self.roll_out().await,
            ReleasePhase::Retiring => return self.retired(),
            ReleasePhase::Restoring => self.restore().await,
            ReleasePhase::Finishing => self.finish().await,
            _ => return Observation::Done,
        };
        match found {
            Ok(observation) => observation,
            Err(WorkloadError::Conflict(text) | WorkloadError::Refused(text)) => Observation::Failed(text),
            Err(error) => Observation::Underway(error.to_string()),
        }
    }

    /// Whether all workloads can take the lane's version; every obstacle is told, not only the first.
    async fn check(&self) -> Result<Observation, WorkloadError> {
        if self.phase_in_force() != Some(LanePhase::Admitted) {
            let text = format!("lane {} is not in force yet", self.name);
            return Ok(Observation::Underway(text));
        }
        let pairs = match self.workloads.pairs() {
            Ok(pairs) => pairs,
            Err(why) => return Ok(Observation::Failed(why)),
        };
        let mut obstacles = Vec::new();
        for pair in pairs {
            match self.version(pair).await? {
                Version::Ready(version) => {
                    match pair.baseline.would_take(&self.pass.ctx.client, &version, self.taking()).await {
                        Ok(_) => {}
                        Err(WorkloadError::Conflict(text) | WorkloadError::Refused(text)) => {
                            obstacles.push(text);
                        }
                        Err(error) => return Err(error),
                    }
                }
                Version::NotReady(why) => return Ok(why),
            }
        }
        Ok(if obstacles.is_empty() { Observation::Done } else { Observation::Failed(obstacles.join("\n")) })
    }

    /// The version that a lane's workload runs.
    async fn version(&self, pair: &Pair) -> Result<Version, WorkloadError> {
        let Some(live) = pair.lane.get(&self.pass.ctx.client).await? else {
            return Ok(Version::NotReady(Observation::Failed(format!("there is no {}", pair.lane))));
        };
        Ok(match rollout::of(&live) {
            Observation::Done => Version::Ready(Template::of(&live)),
            other => Version::NotReady(other),
        })
    }

    async fn roll_out(&self) -> Result<Observation, WorkloadError> {
        let pairs = match self.workloads.pairs() {
            Ok(pairs) => pairs,
            Err(why) => return Ok(Observation::Failed(why)),
        };
        let mut baselines = Vec::new();
        for pair in pairs {
            match self.version(pair).await? {
                Version::Ready(version) => {
                    pair.baseline.take(&self.pass.ctx.client, &version, self.taking()).await?;
                }
                Version::NotReady(why) => return Ok(why),
            }
            baselines.push(&pair.baseline);
        }
        self.rolled_out(&baselines).await
    }

    async fn rolled_out(&self, baselines: &[&Reference]) -> Result<Observation, WorkloadError> {
        let mut waiting = Vec::new();
        for baseline in baselines {
            let live = baseline.get(&self.pass.ctx.client).await?;
            match live.as_ref().map(rollout::of) {
                Some(Observation::Done) => {}
                Some(Observation::Underway(text)) => waiting.push(text),
                Some(failed) => return Ok(failed),
                None => return Ok(Observation::Failed(format!("{baseline}: it is gone"))),
            }
        }
        Ok(if waiting.is_empty() { Observation::Done } else { Observation::Underway(waiting.join("\n")) })
    }

    /// Whether the lane has ended as far as this release needs it: a promotion waits until nothing of it is in
    /// force; a rollback, which is in a hurry, until nobody enters it.
    fn retired(&self) -> Observation {
        let hurries = self.current.action == ReleaseAction::Rollback;
        let patience_is_over = self.elapsed >= PATIENCE;
        match self.phase_in_force() {
            None => Observation::Done,
            Some(LanePhase::Retiring)
                if hurries && (has_followed(self.status.proxies) || patience_is_over) =>
            {
                Observation::Done
            }
            Some(phase) => Observation::Underway(format!("lane {} is {phase:?}", self.name)),
        }
    }

    async fn restore(&self) -> Result<Observation, WorkloadError> {
        let Some(promotion) = &self.current.promotion else { return Ok(Observation::Done) };
        let client = &self.pass.ctx.client;
        let mut restored = Vec::new();
        let mut obstacles = Vec::new();
        for baseline in &self.workloads.baselines {
            let request = &self.current.request;
            match baseline.give_back(client, promotion, request, self.wanted.force_conflicts).await {
                Ok(true) => restored.push(baseline),
                Ok(false) => {}
                Err(WorkloadError::Conflict(text) | WorkloadError::Refused(text)) => obstacles.push(text),
                Err(error) => return Err(error),
            }
        }
        let found = self.rolled_out(&restored).await?;
        // The others have got back what they ran before one is given up.
        Ok(match found {
            Observation::Done if !obstacles.is_empty() => Observation::Failed(obstacles.join("\n")),
            other => other,
        })
    }

    async fn finish(&self) -> Result<Observation, WorkloadError> {
        if let Some(phase) = self.phase_in_force() {
            return Ok(Observation::Underway(format!("lane {} is {phase:?}", self.name)));
        }
        for workload in &self.workloads.lane {
            workload.put_away(&self.pass.ctx.client, self.wanted.workloads).await?;
        }
        Ok(Observation::Done)
    }

    fn phase_in_force(&self) -> Option<LanePhase> {
        let mut lanes = self.status.lanes.iter();
        lanes.find(|lane| lane.name.as_str() == self.name).map(|lane| lane.phase)
    }

    fn taking(&self) -> Taking<'_> {
        Taking { lane: self.name, request: &self.current.request, force: self.wanted.force_conflicts }
    }
}

/// The version of a lane's workload.
enum Version {
    Ready(Template),
    NotReady(Observation),
}
