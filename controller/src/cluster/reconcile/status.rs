//! What a pass writes into the status of the group and its lanes.

use envoy_config::istio::names;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::runtime::events::{Event, EventType};
use kube::{Resource as _, ResourceExt as _};
use lane::model::{HistoryEntry, LaneGroupStatus, LaneInForce, LaneStatus, ObjectCondition};
use serde::Serialize;
use serde_json::{Value, json};

use super::generation::has_followed;
use super::lanes::Lanes;
use super::{Outcome, Pass, ReconcileError};
use crate::cluster::conditions::{self, CLOCKS_AGREE, Draft};
use crate::cluster::crd::LaneGroup;
use crate::cluster::release::history::{self, CHANGED_BY, Seen};
use crate::cluster::{clusters, phases, release};

impl Pass<'_> {
    /// Writes what the pass has found, where it differs from what stands there. What is said of clocks stays where
    /// none has been read.
    pub(super) async fn finish(
        &mut self,
        status: LaneGroupStatus,
        drafts: [Draft; 3],
        clocks: Option<Draft>,
        lanes: &Lanes,
    ) -> Result<Outcome, ReconcileError> {
        let [accepted, resolved, programmed] = drafts;
        let generation = self.group.metadata.generation;
        // From now on, where they follow; and not from when the next pass comes.
        self.followed(&status);
        let is_released = lanes.releases.values().all(|release| release.phase.is_final());
        let is_moving = phases::are_moving(&status.lanes) || clusters::are_moving(&status);
        let settled = status.proxies.ready == status.proxies.total && !is_moving && is_released;
        let namespaces = self.owned().namespaces(&self.ctx.world).into_iter().collect();
        let in_force = status.accepted.as_ref().map(|accepted| accepted.generation).or(generation);
        let former = self.status().conditions;
        let clocks_stay = former.iter().filter(|known| known.kind == CLOCKS_AGREE && clocks.is_none());
        let clocks_stay: Vec<ObjectCondition> = clocks_stay.cloned().collect();
        let stamped = [(accepted, generation), (resolved, in_force), (programmed.clone(), in_force)];
        let stamped = stamped.into_iter().chain(clocks.map(|clocks| (clocks, in_force)));
        let mut conditions = conditions::timed(stamped, &former, Timestamp::now());
        conditions.extend(clocks_stay);
        let history = self.history(lanes, &status.lanes);
        let next =
            LaneGroupStatus { observed_generation: generation, namespaces, history, conditions, ..status };
        if next != self.status() {
            self.put_group(&next).await?;
            self.tell(&next.conditions).await;
        }
        let now = Timestamp::now();
        for lane in self.lane_objects() {
            let Some(verdict) = lanes.verdicts.get(&lane.name_any()) else { continue };
            let former = lane.status.clone().unwrap_or_default();
            let generation = lane.metadata.generation;
            let programmed = verdict.in_force.as_ref().map(|it| (programmed.clone(), Some(it.generation)));
            let is_over = lanes.releases.get(&lane.name_any()).is_some_and(release::has_ended);
            let ending = match verdict.in_force.as_ref().filter(|_| !is_over) {
                Some(it) => self.ending(&lane, &it.spec, now).await.map(|said| (said, Some(it.generation))),
                None => None,
            };
            let stamped = [Some((verdict.accepted.clone(), generation)), programmed, ending];
            let conditions = conditions::timed(stamped.into_iter().flatten(), &former.conditions, now);
            let model = lanes.in_force.iter().find(|model| model.metadata.name.as_str() == lane.name_any());
            let buckets = model.and_then(|model| model.status.as_ref()).map(|status| status.buckets.clone());
            let next = LaneStatus {
                observed_generation: generation,
                conditions,
                buckets: buckets.unwrap_or_default(),
                accepted: verdict.in_force.clone(),
                release: lanes.releases.get(&lane.name_any()).cloned(),
            };
            if next != former {
                self.put_lane(&lane, &next).await?;
            }
        }
        Ok(if settled {
            Outcome::Settled
        } else if !is_moving && is_released && has_followed(next.proxies) {
            Outcome::Unverified
        } else {
            Outcome::Waiting
        })
    }

    fn history(&self, lanes: &Lanes, in_force: &[LaneInForce]) -> Vec<HistoryEntry> {
        let objects = self.lane_objects();
        let seen = objects.iter().filter_map(|lane| {
            let name = lane.name_any();
            let accepted = &lanes.verdicts.get(&name)?.accepted;
            Some(Seen {
                generation: lane.metadata.generation.unwrap_or_default(),
                by: lane.annotations().get(CHANGED_BY).cloned(),
                refusal: (!accepted.is_good()).then(|| accepted.message().to_owned()),
                wants: lane.spec.0.release.as_ref(),
                release: lanes.releases.get(&name),
                name: name.parse().ok()?,
            })
        });
        history::after(&self.status().history, &seen.collect::<Vec<_>>(), in_force, Timestamp::now())
    }

    /// An event for each condition whose status has changed.
    pub(super) async fn tell(&self, conditions: &[ObjectCondition]) {
        let former = self.status().conditions;
        let is_new = |condition: &&ObjectCondition| {
            former.iter().all(|old| old.kind != condition.kind || old.status != condition.status)
        };
        for condition in conditions.iter().filter(is_new) {
            let is_good = condition.status == "True";
            let event = Event {
                type_: if is_good { EventType::Normal } else { EventType::Warning },
                reason: condition.reason.clone(),
                note: Some(condition.message.clone()),
                action: condition.kind.clone(),
                secondary: None,
            };
            if let Err(error) = self.ctx.recorder.publish(&event, &self.group.object_ref(&())).await {
                tracing::warn!(%error, "an event cannot be written");
            }
        }
    }

    /// Takes down what the API server has made of a write of the group.
    pub(super) fn wrote(&mut self, group: &LaneGroup) {
        self.ctx.memory.written(group);
        self.version = group.resource_version();
    }

    pub(super) async fn put_group(&mut self, status: &LaneGroupStatus) -> Result<(), ReconcileError> {
        let patch = status_patch("LaneGroup", self.version.as_deref(), status);
        let patched = self.groups().patch_status(&self.name, &status_params(), &patch).await;
        self.wrote(&patched.map_err(|error| self.failed(error))?);
        Ok(())
    }
}

/// The status belongs to the controller alone.
pub(super) fn status_params() -> PatchParams {
    PatchParams::apply(names::MANAGER).force()
}

/// With a `version` the patch is refused where the object has another one.
pub(super) fn status_patch(kind: &str, version: Option<&str>, status: &impl Serialize) -> Patch<Value> {
    let mut patch = json!({ "apiVersion": lane::model::API_VERSION, "kind": kind, "status": status });
    if let (Some(version), Some(fields)) = (version, patch.as_object_mut()) {
        fields.insert("metadata".to_owned(), json!({ "resourceVersion": version }));
    }
    Patch::Apply(patch)
}
