//! The lanes of a group: which make sense, and which buckets they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::Api;
use lane::model::{Lane as LaneModel, LaneGroup as GroupModel, LaneStatus};
use lane::problem::Problem;
use lane::{share, validate};

use super::status::{status_params, status_patch};
use super::{Pass, ReconcileError};
use crate::cluster::conditions::Draft;
use crate::cluster::crd::Lane;
use crate::cluster::dereference;

/// The lanes of a group: those that make sense, with their buckets, and what is wrong with the others.
pub(super) struct Lanes {
    pub(super) sound: Vec<LaneModel>,
    pub(super) accepted: BTreeMap<String, Draft>,
}

impl Pass<'_> {
    /// The lanes of the group, by name.
    pub(super) fn lanes(&self, group: &GroupModel) -> Lanes {
        let mut all: Vec<LaneModel> =
            self.lane_objects().iter().filter_map(|lane| dereference::lane_model(lane)).collect();
        all.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        let facts = validate::Facts {
            now_ms: u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0),
            ..validate::Facts::default()
        };
        let problems = validate::lanes(group, &all, &facts);
        let of = |lane: &LaneModel| {
            let prefix = format!("Lane/{} ", lane.metadata.name);
            let own = problems.iter().filter_map(move |problem| {
                let path = problem.path.strip_prefix(&prefix)?.to_owned();
                Some(Problem { path, ..problem.clone() })
            });
            Draft::accepted(&own.collect::<Vec<_>>())
        };
        let accepted: BTreeMap<String, Draft> =
            all.iter().map(|lane| (lane.metadata.name.to_string(), of(lane))).collect();
        all.retain(|lane| accepted.get(lane.metadata.name.as_str()).is_some_and(Draft::is_good));
        with_buckets(&mut all);
        Lanes { sound: all, accepted }
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

    /// Writes down the buckets that lanes hold, before any rule uses them.
    pub(super) async fn put_buckets(&self, lanes: &[LaneModel]) -> Result<(), ReconcileError> {
        for lane in self.lane_objects() {
            let wanted = lanes.iter().find(|sound| sound.metadata.name.as_str() == lane.name_any());
            let Some(wanted) = wanted.and_then(|sound| sound.status.as_ref()) else { continue };
            let held = lane.status.clone().unwrap_or_default();
            if held.buckets != wanted.buckets {
                self.put_lane(&lane, &LaneStatus { buckets: wanted.buckets.clone(), ..held }).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn put_lane(&self, lane: &Lane, status: &LaneStatus) -> Result<(), ReconcileError> {
        let api: Api<Lane> = Api::namespaced(self.ctx.client.clone(), &self.namespace);
        let name = lane.name_any();
        match api.patch_status(&name, &status_params(), &status_patch("Lane", None, status)).await {
            Ok(_) => Ok(()),
            // It was removed meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(ReconcileError::Status {
                object: format!("Lane {}/{name}", self.namespace),
                source: Box::new(source),
            }),
        }
    }
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
