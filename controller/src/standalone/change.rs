//! Bringing the proxies from what was applied to what is wanted, make before break.
//!
//! ```text
//! applied ──▶ union (old and new together)   clusters → routes → filters
//!         ──▶ wanted                         filters → grace → routes → clusters
//! ```
//!
//! The first step is left out when nothing is added, the second when nothing is taken away. Between two
//! stages every proxy that runs must have taken the former one. What is wanted is written down before the
//! first step and what was applied after the last, so that a change which was cut off is finished by the next.

use std::time::Duration;

use envoy_config::standalone::{Proxy, RenderOptions, Stage, render};
use lane::model::{Lane, LaneStatus};
use lane::problem::Problem;
use lane::share;
use tokio::time::Instant;

use super::error::{Error, Result};
use super::files;
use super::receipts;
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
    /// Milliseconds since 1970.
    pub now_ms: u64,
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
}

/// Every stage, in the order in which something is added.
pub const STAGES: [Stage; 4] = [Stage::Static, Stage::Clusters, Stage::Routes, Stage::Filters];

/// Brings everything to `wanted`. The caller holds the lock.
///
/// # Errors
/// The objects are refused (nothing was changed), a file could not be written, or proxies did not follow in
/// time (what is wanted is then written down, and the next change goes on from there).
pub async fn carry_out(store: &Store, mut state: State, wanted: Objects, options: Options) -> Result<Done> {
    let wanted = with_buckets(wanted);
    let (errors, warnings) = wanted.problems(options.now_ms).into_iter().partition(Problem::is_error);
    let errors: Vec<Problem> = errors;
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let union = union(state.applied.as_ref(), &wanted);
    let adds = state.applied.as_ref() != Some(&union);
    let takes = union != wanted;
    // Rendered before the first write, so that nothing is begun that cannot be finished.
    let generation = state.generation.saturating_add(1);
    let final_generation = if adds && takes { generation.saturating_add(1) } else { generation };
    let union_files = proxies(store, &state, &union, generation)?;
    let final_files = proxies(store, &state, &wanted, final_generation)?;
    if !adds && !takes {
        store.write_objects(&wanted)?;
        let repaired = repair(store, &state, &wanted)?;
        return Ok(Done { generation: state.generation, changed: repaired, warnings });
    }

    let deadline = Instant::now() + options.timeout;
    let step = Step { store, options, deadline };
    store.write_objects(&wanted)?;
    state.generation = final_generation;
    store.write_state(&state)?;
    if adds {
        step.forward(&union_files, generation).await?;
    }
    if takes {
        step.backward(&final_files, final_generation).await?;
        forget(store, state.applied.as_ref(), &wanted)?;
    }
    state.applied = Some(wanted);
    store.write_state(&state)?;
    Ok(Done { generation: final_generation, changed: true, warnings })
}

/// Every file of every proxy for `objects`.
///
/// # Errors
/// The topology does not fit the group.
pub fn proxies(store: &Store, state: &State, objects: &Objects, generation: u64) -> Result<Vec<Proxy>> {
    let options = RenderOptions {
        generation,
        module_path: state.module.to_string_lossy().into_owned(),
        dir: store.dir().to_string_lossy().into_owned(),
    };
    Ok(render(&objects.group, &objects.lanes, &objects.topology, &options)?)
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
        lane.status = buckets.map(|(_, buckets)| LaneStatus { buckets: buckets.clone() });
    }
    objects
}

/// What is wanted, and beside it the lanes and places that were applied and are wanted no more.
fn union(applied: Option<&Objects>, wanted: &Objects) -> Objects {
    let mut union = wanted.clone();
    let Some(applied) = applied else { return union };
    let old_lanes = applied.lanes.iter().filter(|lane| wanted.lane(&lane.metadata.name).is_none());
    union.lanes.extend(old_lanes.cloned());
    union.lanes.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let services = &wanted.group.spec.services;
    let spec = &mut union.topology.spec;
    for workload in &applied.topology.spec.workloads {
        let known = spec.workloads.iter().any(|w| w.name == workload.name);
        if !known && services.iter().any(|service| service.name == workload.service) {
            spec.workloads.push(workload.clone());
        }
    }
    for gateway in &applied.topology.spec.gateways {
        if !spec.gateways.iter().any(|g| g.name == gateway.name) {
            spec.gateways.push(gateway.clone());
        }
    }
    // An old place that collides with a new one (a renamed workload on the same port) cannot stay.
    let collides =
        envoy_config::topology::validate(&union.topology, &union.group).iter().any(Problem::is_error);
    if collides {
        union.topology = wanted.topology.clone();
    }
    union
}

/// Writes files that somebody removed or changed; returns whether there were any.
fn repair(store: &Store, state: &State, objects: &Objects) -> Result<bool> {
    let mut repaired = false;
    for proxy in proxies(store, state, objects, state.generation)? {
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
fn forget(store: &Store, applied: Option<&Objects>, wanted: &Objects) -> Result<()> {
    let names = |objects: &Objects| -> Vec<String> {
        let spec = &objects.topology.spec;
        let workloads = spec.workloads.iter().map(|w| w.name.to_string());
        spec.gateways.iter().map(|g| g.name.to_string()).chain(workloads).collect()
    };
    let kept = names(wanted);
    for name in applied.map(names).unwrap_or_default() {
        if !kept.contains(&name) {
            files::remove(&store.proxy_dir(&name))?;
        }
    }
    Ok(())
}

/// One rendering on its way to the proxies.
struct Step<'a> {
    store: &'a Store,
    options: Options,
    deadline: Instant,
}

impl Step<'_> {
    async fn forward(&self, proxies: &[Proxy], generation: u64) -> Result<()> {
        for stage in STAGES {
            self.write(proxies, stage)?;
            self.receive(proxies, stage, generation).await?;
        }
        Ok(())
    }

    async fn backward(&self, proxies: &[Proxy], generation: u64) -> Result<()> {
        for stage in STAGES.into_iter().rev() {
            self.write(proxies, stage)?;
            self.receive(proxies, stage, generation).await?;
            if stage == Stage::Filters && self.options.wait {
                tokio::time::sleep(self.options.grace).await;
            }
        }
        Ok(())
    }

    fn write(&self, proxies: &[Proxy], stage: Stage) -> Result<()> {
        for proxy in proxies {
            for file in proxy.files.iter().filter(|file| file.stage == stage) {
                let path = self.store.proxy_dir(proxy.name.as_str()).join(&file.path);
                // A file that says the same already is left alone: bootstrap and listeners stay untouched.
                if files::read(&path)?.as_deref() != Some(&file.content) {
                    files::write(&path, file.content.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    async fn receive(&self, proxies: &[Proxy], stage: Stage, generation: u64) -> Result<()> {
        if !self.options.wait {
            return Ok(());
        }
        receipts::wait(proxies, &[stage], generation, self.deadline, false).await
    }
}

#[cfg(test)]
mod tests;
