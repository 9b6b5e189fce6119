//! Bringing the proxies from what was applied to what is wanted, make before break.
//!
//! ```text
//! applied ──▶ union (old and new together)   clusters → routes → filters
//!         ──▶ wanted                         filters → grace → routes → clusters
//! ```
//!
//! The first step is left out when nothing is added, the second when nothing is taken away. Between two
//! stages every proxy that runs must have taken the former one. A [`Plan`] is worked out before anything is
//! written, and all files lie ready on the disk before the first is put in force. [`State`] always says what
//! the proxies have for certain and what they may have, so that the next change finishes one that was cut off.

mod pass;
mod union;

use std::path::Path;
use std::time::Duration;

use envoy_config::standalone::{Proxy, RenderOptions, Stage, render};
use lane::model::{Lane, LaneStatus};
use lane::problem::Problem;
use lane::share;
use tokio::time::Instant;

use self::pass::{Pass, Rendering};
use self::union::union;
use super::error::{Error, Result};
use super::files::{self, DRAFT, Draft};
use super::receipts::{Answer, Verdict};
use super::store::{Objects, State, Store};

/// How a change is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether proxies that run must take each stage before the next is written.
    pub wait: bool,
    /// How long the whole change may take.
    pub timeout: Duration,
    /// How long requests in flight may use what is taken away.
    pub grace: Duration,
}

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The generation that is in force now.
    pub generation: u64,
    /// Whether anything was written.
    pub changed: bool,
    /// Warnings about the objects.
    pub warnings: Vec<Problem>,
    /// The proxies that do not run, so that nothing proves the change for them.
    pub unverified: Vec<String>,
}

/// Every stage, in the order in which something is added.
pub const STAGES: [Stage; 4] = [Stage::Static, Stage::Clusters, Stage::Routes, Stage::Filters];

/// What a change will do; nothing is written yet.
#[derive(Debug)]
pub struct Plan {
    wanted: Objects,
    topology_text: Option<String>,
    union: Objects,
    warnings: Vec<Problem>,
    forward: Option<Rendering>,
    backward: Option<Rendering>,
}

impl Plan {
    /// Works out the way from `state` to `wanted`.
    ///
    /// # Errors
    /// The objects are refused.
    pub fn new(store: &Store, state: &State, wanted: Objects, now_ms: u64) -> Result<Self> {
        let (wanted, warnings) = checked(wanted, now_ms)?;
        let union_with = |old| union(old, &wanted);
        let between = union_with(state.in_force());
        let adds = state.applied.as_ref().is_none_or(|applied| union_with(Some(applied)) != *applied);
        // Where nothing is added, a change that was cut off is taken back by the way that takes away.
        let takes = between != wanted || (!adds && state.begun.is_some());
        let mut generation = state.generation;
        let mut rendering = |objects: &Objects| {
            generation = generation.saturating_add(1);
            proxies(store, &state.module, objects, generation)
                .map(|proxies| Rendering { generation, proxies })
        };
        let forward = adds.then(|| rendering(&between)).transpose()?;
        let backward = takes.then(|| rendering(&wanted)).transpose()?;
        Ok(Self { wanted, topology_text: None, union: between, warnings, forward, backward })
    }

    /// Keeps the user's own text of the topology, comments and all.
    #[must_use]
    pub fn with_topology_text(self, text: String) -> Self {
        Self { topology_text: Some(text), ..self }
    }

    /// Whether anything is to be brought to the proxies.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.forward.is_some() || self.backward.is_some()
    }

    /// Warnings about the objects.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}

/// Carries a plan out. The caller holds the lock.
///
/// # Errors
/// A file could not be written, or proxies did not follow in time: the next change goes on from there.
pub async fn carry_out(store: &Store, state: State, plan: Plan, options: Options) -> Result<Done> {
    let deadline = Instant::now() + options.timeout;
    let Plan { wanted, topology_text, union, warnings, forward, backward } = plan;
    let objects = store.draft_objects(&wanted, topology_text.as_deref())?;
    let Some(last) = backward.as_ref().or(forward.as_ref()) else {
        put_objects(store, objects, &wanted)?;
        let changed = repair(store, &state, &wanted)?;
        return Ok(Done { generation: state.generation, changed, warnings, unverified: Vec::new() });
    };

    let state_with = |generation, applied, begun| {
        let module = state.module.clone();
        State { generation, module, applied, begun }
    };
    let ahead = forward.as_ref().map(|rendering| {
        let state = state_with(rendering.generation, state.applied.clone(), Some(union.clone()));
        Pass::prepare(store, &state, rendering, None, "forward")
    });
    let back = backward.as_ref().map(|rendering| {
        // By then all that is wanted is in force: it was before, or the way forward has brought it.
        let state = state_with(rendering.generation, Some(wanted.clone()), Some(union.clone()));
        Pass::prepare(store, &state, rendering, forward.as_ref(), "backward")
    });
    let (ahead, back) = (ahead.transpose()?, back.transpose()?);
    let applied = store.draft_state(&state_with(last.generation, Some(wanted.clone()), None), DRAFT)?;

    put_objects(store, objects, &wanted)?;
    let mut answers = Vec::new();
    if let Some(pass) = ahead {
        answers = pass.run(STAGES.into_iter(), options, deadline).await?;
    }
    if let Some(pass) = back {
        answers = pass.run(STAGES.into_iter().rev(), options, deadline).await?;
    }
    forget_proxies(store, &union, &wanted)?;
    applied.put()?;
    Ok(Done { generation: last.generation, changed: true, warnings, unverified: stopped(answers) })
}

/// The objects with the buckets that they hold from now on, and warnings about them.
///
/// # Errors
/// The objects are refused.
pub fn checked(objects: Objects, now_ms: u64) -> Result<(Objects, Vec<Problem>)> {
    let objects = with_buckets(objects);
    let (errors, warnings): (Vec<_>, Vec<_>) =
        objects.problems(now_ms).into_iter().partition(Problem::is_error);
    if errors.is_empty() { Ok((objects, warnings)) } else { Err(Error::Refused(errors)) }
}

/// Every file of every proxy for `objects`.
///
/// # Errors
/// The topology does not fit the group.
pub fn proxies(store: &Store, module: &Path, objects: &Objects, generation: u64) -> Result<Vec<Proxy>> {
    let options = RenderOptions {
        generation,
        module_path: module.to_string_lossy().into_owned(),
        dir: store.dir().to_string_lossy().into_owned(),
    };
    Ok(render(&objects.group, &objects.lanes, &objects.faults, &objects.topology, &options)?)
}

/// The objects with the hash buckets that each lane's share holds from now on.
#[must_use]
pub fn with_buckets(mut objects: Objects) -> Objects {
    let held = |lane: &Lane| lane.status.clone().unwrap_or_default().buckets;
    let current: Vec<_> = objects.lanes.iter().map(|lane| (lane.metadata.name.clone(), held(lane))).collect();
    let shares = objects.lanes.iter();
    let shares =
        shares.filter_map(|lane| Some((lane.metadata.name.clone(), lane.spec.share.as_ref()?.percent)));
    let allocated = share::allocate(&current, &shares.collect::<Vec<_>>());
    for lane in &mut objects.lanes {
        let buckets = allocated.iter().find(|(name, _)| *name == lane.metadata.name);
        lane.status =
            buckets.map(|(_, buckets)| LaneStatus { buckets: buckets.clone(), ..LaneStatus::default() });
    }
    objects
}

fn put_objects(store: &Store, drafts: Vec<Draft>, wanted: &Objects) -> Result<()> {
    drafts.into_iter().try_for_each(Draft::put)?;
    store.forget_others(wanted)
}

/// Writes files that somebody removed or changed; returns whether there were any.
fn repair(store: &Store, state: &State, objects: &Objects) -> Result<bool> {
    let mut repaired = false;
    for proxy in proxies(store, &state.module, objects, state.generation)? {
        for file in &proxy.files {
            let path = store.proxy_dir(proxy.name.as_str()).join(&file.path);
            if files::read(&path)?.as_deref() != Some(&file.content) {
                files::write(&path, file.content.as_bytes())?;
                repaired = true;
            }
        }
    }
    Ok(repaired)
}

/// Removes the files of proxies that are no more.
fn forget_proxies(store: &Store, union: &Objects, wanted: &Objects) -> Result<()> {
    let kept = wanted.places();
    let mut gone = union.places().into_iter().filter(|name| !kept.contains(name));
    gone.try_for_each(|name| files::remove(&store.proxy_dir(name.as_str())))
}

fn stopped(answers: Vec<Answer>) -> Vec<String> {
    let stopped = answers.into_iter().filter(|answer| answer.verdict == Verdict::Stopped);
    stopped.map(|answer| answer.proxy).collect()
}

#[cfg(test)]
mod tests;
