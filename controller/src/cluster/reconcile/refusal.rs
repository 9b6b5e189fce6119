//! Groups of which nothing is in force: those that have never made sense, and those that an older group stands
//! against; and groups whose newest rules cannot be written.

use envoy_config::istio::GenerateError;
use kube::ResourceExt as _;
use lane::model::{LaneGroup as GroupModel, LaneGroupStatus, ProxyCount};

use super::lanes::Lanes;
use super::{Outcome, Pass, ReconcileError, gateways};
use crate::cluster::conditions::{self, ACCEPTED, Draft, PROGRAMMED, RESOLVED_REFS, reason};
use crate::cluster::dereference::Reading;
use crate::cluster::neighbours::Conflict;

impl Pass<'_> {
    /// Says why nothing of a group is in force.
    pub(super) async fn refuse(
        &mut self,
        accepted: Draft,
        wanted: &GroupModel,
    ) -> Result<Outcome, ReconcileError> {
        let status = self.status();
        self.say(status, accepted, wanted).await
    }

    /// Takes the group out of force, also where it has been in force, and waits for the older one to change.
    pub(super) async fn give_way(
        &mut self,
        conflict: &Conflict,
        wanted: &GroupModel,
    ) -> Result<Outcome, ReconcileError> {
        self.ctx.memory.put_in_force(self.group, None);
        // The gateways first, which let the group go when its status says that nothing of it is in force.
        self.withdraw(false).await?;
        let status = LaneGroupStatus {
            accepted: None,
            lanes: Vec::new(),
            clusters: Vec::new(),
            // What is in force after this is a new generation, even if it says the same.
            rules_digest: String::new(),
            proxies: ProxyCount::default(),
            ..self.status()
        };
        let accepted = Draft::bad(ACCEPTED, reason::CONFLICTING_GROUP, &*conflict.message);
        self.say(status, accepted, wanted).await?;
        Ok(Outcome::Waiting)
    }

    /// Says that the API server would not take the objects of a group; those that stand are left as they are.
    pub(super) async fn too_large(
        &mut self,
        error: &GenerateError,
        accepted: Draft,
        reading: &Reading,
        mut lanes: Lanes,
    ) -> Result<Outcome, ReconcileError> {
        let status = self.status();
        self.keep_held(&mut lanes);
        if self.ctx.memory.in_force(self.group).is_none() {
            self.ctx.memory.put_in_force(self.group, gateways::by_status(self.ctx, self.group));
        }
        let [accepted, resolved, _] = conditions::of_group(accepted, reading, &[], status.proxies);
        let remedy = "use in-lists, prefixes or a share instead of single rules, or divide the group";
        let message = format!("{error}; {remedy}; what was programmed before stays in force");
        let programmed = Draft::bad(PROGRAMMED, reason::TOO_LARGE, message);
        self.finish(status, [accepted, resolved, programmed], None, &lanes).await
    }

    /// What lanes have in force stays what it was.
    fn keep_held(&self, lanes: &mut Lanes) {
        for lane in self.lane_objects() {
            let (name, held) = (lane.name_any(), lane.status.clone().unwrap_or_default());
            if let Some(verdict) = lanes.verdicts.get_mut(&name) {
                verdict.in_force = held.accepted.clone();
            }
            let model = lanes.in_force.iter_mut().find(|model| model.metadata.name.as_str() == name);
            if let Some(model) = model {
                model.status = Some(held);
            }
        }
    }

    async fn say(
        &mut self,
        status: LaneGroupStatus,
        accepted: Draft,
        wanted: &GroupModel,
    ) -> Result<Outcome, ReconcileError> {
        let unknown = |kind| Draft::bad(kind, reason::NOT_ACCEPTED, "the group is not accepted");
        let drafts = [accepted, unknown(RESOLVED_REFS), unknown(PROGRAMMED)];
        self.finish(status, drafts, None, &self.lanes(wanted)).await
    }
}
