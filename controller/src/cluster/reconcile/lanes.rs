//! The lanes of a group: what of each is in force, and which buckets they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::Api;
use lane::model::{Lane as LaneModel, LaneGroup as GroupModel, LaneSpec, LaneStatus, Object, ReleaseStatus};
use lane::share;

use super::status::{status_params, status_patch};
use super::{Pass, ReconcileError};
use crate::cluster::accepted::{self, Verdict, Wanted};
use crate::cluster::conditions::Draft;
use crate::cluster::crd::Lane;
use crate::cluster::{dereference, release};

/// The lanes of a group: those that are in force, with their buckets, and what is said of each.
pub(super) struct Lanes {
    pub(super) in_force: Vec<LaneModel>,
    pub(super) verdicts: BTreeMap<String, Verdict<LaneSpec>>,
    /// Where the promotions and rollbacks of lanes stand.
    pub(super) releases: BTreeMap<String, ReleaseStatus>,
}

impl Pass<'_> {
    /// The lanes of the group, by name.
    pub(super) fn lanes(&self, group: &GroupModel) -> Lanes {
        let mut wanted: Vec<Wanted> = self.lane_objects().iter().filter_map(|lane| wanted(lane)).collect();
        wanted.sort_by(|a, b| a.lane.metadata.name.cmp(&b.lane.metadata.name));
        let now = Timestamp::now();
        let releases: BTreeMap<String, ReleaseStatus> =
            wanted.iter().filter_map(|Wanted { lane, .. }| Some((name(lane), release(lane, now)?))).collect();
        // A lane that has ended takes no place from others.
        let (ended, wanted): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|Wanted { lane, .. }| {
            releases.get(lane.metadata.name.as_str()).is_some_and(release::has_ended)
        });
        let verdicts = accepted::lanes(group, &wanted, now);
        let lane = |(wanted, verdict): (&Wanted, &Verdict<LaneSpec>)| {
            let accepted = verdict.in_force.clone()?;
            let spec = accepted.spec.clone();
            let status = wanted.lane.status.clone().unwrap_or_default();
            let status = Some(LaneStatus { accepted: Some(accepted), ..status });
            Some(Object { spec, status, ..wanted.lane.clone() })
        };
        let mut in_force: Vec<LaneModel> = wanted.iter().zip(&verdicts).filter_map(lane).collect();
        with_buckets(&mut in_force);
        let verdicts = wanted.iter().map(|wanted| name(&wanted.lane)).zip(verdicts);
        let of_ended = ended.iter().map(|Wanted { lane, .. }| {
            let in_force = lane.status.as_ref().and_then(|status| status.accepted.clone());
            (name(lane), Verdict { in_force, accepted: Draft::accepted([]) })
        });
        Lanes { in_force, verdicts: verdicts.chain(of_ended).collect(), releases }
    }

    pub(super) fn lane_objects(&self) -> Vec<Arc<Lane>> {
        let mut lanes = self.ctx.world.lanes.state();
        lanes.retain(|lane| {
            lane.namespace().as_deref() == Some(self.namespace.as_str())
                && lane.spec.0.group.as_str() == self.name
                && lane.metadata.deletion_timestamp.is_none()
        });
        lanes
    }

    /// Writes down which spec is in force and which buckets lanes hold, before any rule says so.
    pub(super) async fn put_in_force(&self, lanes: &[LaneModel]) -> Result<(), ReconcileError> {
        for lane in self.lane_objects() {
            let wanted = lanes.iter().find(|model| model.metadata.name.as_str() == lane.name_any());
            let Some(wanted) = wanted.and_then(|model| model.status.clone()) else { continue };
            let held = lane.status.clone().unwrap_or_default();
            if (&held.buckets, &held.accepted) != (&wanted.buckets, &wanted.accepted) {
                let LaneStatus { buckets, accepted, .. } = wanted;
                self.put_lane(&lane, &LaneStatus { buckets, accepted, ..held }).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn put_lane(&self, lane: &Lane, status: &LaneStatus) -> Result<(), ReconcileError> {
        let api: Api<Lane> = Api::namespaced(self.ctx.client.clone(), &self.namespace);
        let name = lane.name_any();
        let written = self.lane_versions.borrow().get(&name).cloned();
        let version = written.or_else(|| lane.resource_version());
        let patch = status_patch("Lane", version.as_deref(), status);
        match api.patch_status(&name, &status_params(), &patch).await {
            Ok(lane) => {
                self.lane_versions
                    .borrow_mut()
                    .extend(lane.resource_version().map(|version| (name, version)));
                Ok(())
            }
            // It was removed meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(ReconcileError::Status {
                object: format!("Lane {}/{name}", self.namespace),
                source: Box::new(source),
            }),
        }
    }
}

fn name(lane: &LaneModel) -> String {
    lane.metadata.name.to_string()
}

fn release(lane: &LaneModel, now: Timestamp) -> Option<ReleaseStatus> {
    release::current(&lane.spec, &lane.status.clone().unwrap_or_default(), now)
}

fn wanted(lane: &Lane) -> Option<Wanted> {
    let generation = lane.metadata.generation.unwrap_or_default();
    Some(Wanted { lane: dereference::lane_model(lane)?, generation })
}

/// Gives each lane with a share the buckets that it holds from now on.
fn with_buckets(lanes: &mut [LaneModel]) {
    let held = |lane: &LaneModel| lane.status.clone().unwrap_or_default().buckets;
    let current: Vec<_> = lanes.iter().map(|lane| (lane.metadata.name.clone(), held(lane))).collect();
    let shares = lanes.iter();
    let shares =
        shares.filter_map(|lane| Some((lane.metadata.name.clone(), lane.spec.share.as_ref()?.percent)));
    let allocated = share::allocate(&current, &shares.collect::<Vec<_>>());
    for lane in lanes {
        let buckets = allocated.iter().find(|(name, _)| *name == lane.metadata.name);
        let buckets = buckets.map(|(_, buckets)| buckets.clone()).unwrap_or_default();
        lane.status = Some(LaneStatus { buckets, ..lane.status.clone().unwrap_or_default() });
    }
}
