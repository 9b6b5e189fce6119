//! One pass over one lane group: dereference → validate → build → apply → releases → status.
//!
//! The pass begins from what stands in the cluster, whatever happened before: a controller that was killed
//! anywhere is followed by one that ends at the same objects. The number of a new generation is in the group's
//! status before the first object that carries it is written.

mod endings;
mod faults;
mod finalizer;
mod gateways;
mod generation;
mod lanes;
mod leftovers;
mod memory;
mod refusal;
mod releases;
mod status;

use std::cell::RefCell;
use std::collections::BTreeMap;

use envoy_config::istio::{GenerateError, IstioObject, clusters_of, generate, names};
use jiff::Timestamp;
use kube::api::Api;
use kube::runtime::events::{Recorder, Reporter};
use kube::{Client, ResourceExt as _};
use lane::metric::group_label;
use lane::model::{LaneGroupStatus, Object};

use super::accepted::{self, Verdict};
use super::apply::{self, ApplyError, Owned};
use super::clocks::Clocks;
use super::clusters;
use super::conditions;
use super::crd::LaneGroup;
use super::dereference::{self, Reading, Settings};
use super::lost_lanes::{self, Told};
use super::metrics::Metrics;
use super::neighbours;
use super::phases;
use super::receipts::{self, Answer, Scraper};
use super::world::World;

/// Everything that a pass uses.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The caches.
    pub world: World,
    /// What is the same for all groups.
    pub settings: Settings,
    /// Asks proxies.
    pub scraper: Scraper,
    /// Writes events.
    pub recorder: Recorder,
    /// In whose name events are written.
    pub reporter: Reporter,
    /// Counts passes.
    pub metrics: Metrics,
    /// What was written while this controller leads.
    pub memory: Memory,
}

pub use endings::changes_in;
pub use gateways::{entries_of, reconcile_gateway, serving};
pub use memory::Memory;

/// Why a pass failed; it is repeated.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// An object cannot be written.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Objects cannot be generated.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The group itself, or a lane, cannot be written.
    #[error("the status of {object} cannot be written: {source}")]
    Status {
        /// Kind, namespace and name.
        object: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// A cache is behind what this controller has written.
    #[error("the cache of {group} is behind")]
    Behind {
        /// Namespace and name.
        group: String,
    },
}

/// What a pass has left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Settled,
    /// Proxies that have not taken the newest rules: ask them again.
    Waiting,
    /// Nothing but proxies that cannot be asked: try them now and then.
    Unverified,
    /// The group is gone.
    Gone,
}

/// One pass over a group.
///
/// # Errors
/// A write failed; the next pass begins again.
pub async fn reconcile(ctx: &Context, group: &LaneGroup) -> Result<Outcome, ReconcileError> {
    if ctx.memory.is_ahead_of(group) {
        return Ok(Outcome::Waiting);
    }
    let mut pass = Pass::new(ctx, group);
    let outcome =
        if group.metadata.deletion_timestamp.is_some() { pass.clean_up().await } else { pass.run().await };
    match outcome {
        // What was read is old: a number given now could be one that was given before, and what is written
        // now could be older than what stands there.
        Err(ReconcileError::Status { source, .. }) if is_conflict(&source) => Ok(Outcome::Waiting),
        Err(ReconcileError::Behind { .. } | ReconcileError::Apply(ApplyError::Behind { .. })) => {
            Ok(Outcome::Waiting)
        }
        Ok(Outcome::Gone) => {
            ctx.memory.forget(group);
            Ok(Outcome::Gone)
        }
        Err(error) => {
            // Its gateways serve others too, who must not wait for it after a restart.
            if group.metadata.deletion_timestamp.is_none() && ctx.memory.in_force(group).is_none() {
                ctx.memory.put_in_force(group, gateways::by_status(ctx, group));
            }
            Err(error)
        }
        outcome => outcome,
    }
}

struct Pass<'a> {
    ctx: &'a Context,
    group: &'a LaneGroup,
    namespace: String,
    name: String,
    /// The version of the group that has been read or written last; nothing is written over another one.
    version: Option<String>,
    /// Likewise those of lanes that have been written, by name.
    lane_versions: RefCell<BTreeMap<String, String>>,
}

impl<'a> Pass<'a> {
    fn new(ctx: &'a Context, group: &'a LaneGroup) -> Self {
        Self {
            ctx,
            group,
            namespace: group.namespace().unwrap_or_default(),
            name: group.name_any(),
            version: group.resource_version(),
            lane_versions: RefCell::default(),
        }
    }

    async fn run(&mut self) -> Result<Outcome, ReconcileError> {
        self.hold().await?;
        let Some(wanted) = dereference::group_model(self.group) else { return Ok(Outcome::Settled) };
        let Verdict { in_force, accepted } =
            accepted::group(&wanted, self.group.metadata.generation.unwrap_or_default());
        let Some(in_force) = in_force else { return self.refuse(accepted, &wanted).await };
        if let Some(conflict) = neighbours::conflict(&self.ctx.world, self.group, &in_force.spec) {
            return self.give_way(&conflict, &wanted).await;
        }
        let model = Object { spec: in_force.spec.clone(), ..wanted };
        let mut lanes = self.lanes(&model);
        let status = LaneGroupStatus { accepted: Some(in_force), ..self.status() };
        let (now, followed) = (Timestamp::now(), self.followed(&status));
        let (phases, routed) = phases::next(
            &status.lanes,
            &lanes.in_force,
            &model.metadata.name,
            followed.filter(|_| !clusters::lack_routes(&status.clusters)),
            now,
        );
        let Some(mut reading) =
            dereference::read(&self.ctx.world, &self.ctx.settings, &self.namespace, model, &routed)
        else {
            return Ok(Outcome::Settled);
        };
        let settled = followed.is_some_and(|followed| followed >= clusters::SETTLING);
        let clusters = clusters::next(&status.clusters, &clusters_of(&reading.input), settled);
        reading.input.unrouted = clusters::unrouted(&clusters);
        let faults = self.faults(&reading.input.group, &lanes.in_force);
        reading.input.faults.clone_from(&faults.in_force);
        // Before anything is written, since it also says whether the API server takes the objects.
        let digest = match generation::digest(&reading.input) {
            Ok(digest) => digest,
            Err(GenerateError::Json(error)) => return Err(GenerateError::Json(error).into()),
            Err(error) => return self.too_large(&error, accepted, &reading, lanes).await,
        };
        self.put_in_force(&lanes.in_force).await?;
        let status = LaneGroupStatus { lanes: phases, clusters, faults: faults.names(), ..status };
        let status = self.next_generation(digest, &reading.proxies, status).await?;
        reading.input.generation = status.rules_generation;
        let generated = generate(&reading.input)?;
        let written = self.put_objects(&generated.objects).await;
        // Only now, since the gateways follow; also where a write has failed, since a rule that goes must go.
        if !matches!(written, Err(ReconcileError::Apply(ApplyError::Behind { .. }))) {
            self.ctx.memory.put_in_force(self.group, Some(reading.input.clone()));
        }
        written?;
        let answers = self.ask(&reading).await;
        let proxies = receipts::count(&answers, status.rules_generation);
        let lost: Vec<Told<'_>> = answers.iter().filter_map(Answer::lost).collect();
        let names: Vec<_> = status.lanes.iter().map(|lane| &lane.name).collect();
        let lost_lanes = lost_lanes::next(&status.lost_lanes, &lost, &names);
        let drafts = conditions::of_group(accepted, &reading, &generated.findings, proxies);
        let drafts = conditions::in_steps(drafts, clusters::are_moving(&status));
        let clocks = Clocks::of(&receipts::clocks(&answers), &status.clocks_apart);
        let clocks_apart = clocks.named.clone();
        let status = LaneGroupStatus { proxies, lost_lanes, clocks_apart, ..status };
        self.put_faults(&faults, &drafts).await?;
        self.step_releases(&mut lanes, &reading, &status).await;
        self.finish(status, drafts, clocks.condition(), &lanes).await
    }

    fn status(&self) -> LaneGroupStatus {
        self.group.status.clone().unwrap_or_default()
    }

    /// Asks the group's proxies what they run, what their applications have lost, and the time.
    async fn ask<'r>(&self, reading: &'r Reading) -> Vec<Answer<'r>> {
        let label = group_label(&self.namespace, &reading.input.group.metadata.name);
        self.ctx.scraper.ask(&reading.proxies, &label).await
    }

    fn groups(&self) -> Api<LaneGroup> {
        Api::namespaced(self.ctx.client.clone(), &self.namespace)
    }

    fn owned(&self) -> Owned<'_> {
        Owned {
            namespace: None,
            labels: vec![(names::GROUP_LABEL, &self.name), (names::GROUP_NAMESPACE_LABEL, &self.namespace)],
        }
    }

    fn failed(&self, source: kube::Error) -> ReconcileError {
        ReconcileError::Status {
            object: format!("LaneGroup {}/{}", self.namespace, self.name),
            source: Box::new(source),
        }
    }

    /// What serves requests, before what admits them is written by the pass over the gateway.
    async fn put_objects(&self, objects: &[IstioObject]) -> Result<(), ReconcileError> {
        let (client, world) = (&self.ctx.client, &self.ctx.world);
        let written = apply::write(client, world, objects).await?;
        let removed = apply::prune(client, world, &self.owned(), objects).await?;
        if written + removed > 0 {
            tracing::info!(
                group = format!("{}/{}", self.namespace, self.name),
                written,
                removed,
                "programmed"
            );
        }
        Ok(())
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}
