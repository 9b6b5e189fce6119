//! The faults of a group: which of them are in force, and what is said of each.
//!
//! An edit that makes no sense ends a fault, unlike a lane: nobody is to suffer from what nobody asks for any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::Api;
use lane::model::{
    LANE_FAULT, Lane as LaneModel, LaneFault as FaultModel, LaneFaultStatus, LaneGroup as GroupModel, Object,
};
use lane::name::FaultName;
use lane::problem::Problem;
use lane::time::ms_since_1970;
use lane::validate::{self, Facts};

use super::status::{status_params, status_patch};
use super::{Pass, ReconcileError};
use crate::cluster::conditions::{self, Draft};
use crate::cluster::crd::LaneFault;

/// The faults of a group: those that are in force, and what is said of each.
pub(super) struct Faults {
    pub(super) in_force: Vec<FaultModel>,
    verdicts: BTreeMap<String, Draft>,
}

impl Faults {
    /// The names of those that are in force.
    pub(super) fn names(&self) -> Vec<FaultName> {
        self.in_force.iter().map(|fault| fault.metadata.name.clone()).collect()
    }
}

impl Pass<'_> {
    /// The faults of the group, by name.
    pub(super) fn faults(&self, group: &GroupModel, lanes: &[LaneModel]) -> Faults {
        let mut wanted: Vec<FaultModel> =
            self.fault_objects().iter().filter_map(|fault| model(fault)).collect();
        wanted.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        let facts = Facts { now_ms: ms_since_1970(Timestamp::now()), ..Facts::default() };
        let problems = validate::faults(group, lanes, &wanted, &facts);
        let own = |fault: &FaultModel| -> Vec<Problem> {
            let prefix = format!("{LANE_FAULT}/{} ", fault.metadata.name);
            let found = problems.iter().filter_map(|problem| {
                let path = problem.path.strip_prefix(&prefix)?.to_owned();
                Some(Problem { path, ..problem.clone() })
            });
            found.collect()
        };
        let verdicts: BTreeMap<String, Draft> = wanted
            .iter()
            .map(|fault| (fault.metadata.name.to_string(), Draft::accepted(&own(fault))))
            .collect();
        wanted.retain(|fault| verdicts.get(fault.metadata.name.as_str()).is_some_and(Draft::is_good));
        Faults { in_force: wanted, verdicts }
    }

    fn fault_objects(&self) -> Vec<Arc<LaneFault>> {
        let mut faults = self.ctx.world.faults.state();
        faults.retain(|fault| {
            fault.namespace().as_deref() == Some(self.namespace.as_str())
                && fault.spec.0.group.as_str() == self.name
                && fault.metadata.deletion_timestamp.is_none()
        });
        faults
    }

    /// Writes what is said of each fault, where it differs from what stands there.
    pub(super) async fn put_faults(
        &self,
        faults: &Faults,
        [_, _, programmed]: &[Draft; 3],
    ) -> Result<(), ReconcileError> {
        for fault in self.fault_objects() {
            let Some(accepted) = faults.verdicts.get(&fault.name_any()) else { continue };
            let former = fault.status.clone().unwrap_or_default();
            let generation = fault.metadata.generation;
            let programmed = accepted.is_good().then(|| programmed.clone());
            let drafts = [Some(accepted.clone()), programmed].into_iter().flatten();
            let drafts = drafts.map(|draft| (draft, generation));
            let conditions = conditions::timed(drafts, &former.conditions, Timestamp::now());
            let next = LaneFaultStatus { observed_generation: generation, conditions };
            if next != former {
                self.put_fault(&fault, &next).await?;
            }
        }
        Ok(())
    }

    async fn put_fault(&self, fault: &LaneFault, status: &LaneFaultStatus) -> Result<(), ReconcileError> {
        let api: Api<LaneFault> = Api::namespaced(self.ctx.client.clone(), &self.namespace);
        let name = fault.name_any();
        let patch = status_patch(LANE_FAULT, fault.resource_version().as_deref(), status);
        match api.patch_status(&name, &status_params(), &patch).await {
            Ok(_) => Ok(()),
            // It was stopped meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(ReconcileError::Status {
                object: format!("{LANE_FAULT} {}/{name}", self.namespace),
                source: Box::new(source),
            }),
        }
    }
}

/// The fault as the model has it. `None` where its name is none, which the API server has refused.
fn model(fault: &LaneFault) -> Option<FaultModel> {
    Some(Object::new(LANE_FAULT, fault.name_any().parse().ok()?, fault.spec.0.clone()))
}
