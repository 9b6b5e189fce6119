//! Gateways, which may serve several groups: one object for all of them, and a pass of its own.
//!
//! The pass writes what the passes over its groups have put in force, each under the number that the group's status
//! has. Objects name the groups that they serve, so that a group which has left a gateway, or is gone, is found there.

use std::collections::{BTreeMap, BTreeSet};

use envoy_config::istio::input::{Entry, EntryKind, Input};
use envoy_config::istio::{GenerateError, IstioObject, gateway, names};
use kube::ResourceExt as _;
use lane::name::NamespaceName;

use super::{Context, Outcome, Pass, ReconcileError, generation};
use crate::cluster::apply::{self, ApplyError, Owned};
use crate::cluster::crd::LaneGroup;
use crate::cluster::queue::Place;
use crate::cluster::world::World;
use crate::cluster::{clusters, dereference, phases};

/// The objects that one group alone would want for its gateways: what they say of it.
pub(super) fn of_group(input: &Input) -> Result<Vec<IstioObject>, GenerateError> {
    let objects = gateways(input).map(|entry| gateway::filters(entry, &[input]));
    Ok(objects.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn gateways(input: &Input) -> impl Iterator<Item = &Entry> {
    input.entries.iter().filter(|entry| entry.kind == EntryKind::Gateway)
}

/// Whether the object of a gateway with these annotations serves a group.
pub(super) fn serves(annotations: &BTreeMap<String, String>, namespace: &str, name: &str) -> bool {
    groups(annotations).any(|group| (group.namespace.as_str(), group.name.as_str()) == (namespace, name))
}

/// The entries of a group, gateways among them.
pub fn entries_of(group: &LaneGroup) -> impl Iterator<Item = Place> {
    let own = group.metadata.namespace.as_deref().unwrap_or_default();
    dereference::spec_in_force(group).entries.iter().map(move |entry| Place {
        namespace: entry.namespace.as_ref().map_or(own, NamespaceName::as_str).to_owned(),
        name: entry.name.to_string(),
    })
}

/// The gateways for which there are objects, and the groups that each serves.
#[must_use]
pub fn serving(world: &World) -> BTreeMap<Place, BTreeSet<Place>> {
    let objects = world.envoy_filters.state().into_iter();
    let ours = objects.filter(|object| dereference::is_ours(object)).filter_map(|object| {
        let name = object.labels().get(names::ENTRY_LABEL)?.clone();
        Some((Place { namespace: object.namespace()?, name }, groups(object.annotations()).collect()))
    });
    ours.collect()
}

/// The groups that the object of a gateway with these annotations serves.
fn groups(annotations: &BTreeMap<String, String>) -> impl Iterator<Item = Place> {
    let groups = annotations.get(names::GROUPS_ANNOTATION).map(String::as_str).unwrap_or_default();
    groups.split(',').filter_map(|group| {
        let (namespace, name) = group.split_once('/')?;
        Some(Place { namespace: namespace.to_owned(), name: name.to_owned() })
    })
}

/// One pass over a gateway: writes what its groups have in force, or removes what none of them wants.
///
/// # Errors
/// A write failed, or the groups want more than fits into an object; the next pass begins again.
pub async fn reconcile_gateway(ctx: &Context, place: &Place) -> Result<Outcome, ReconcileError> {
    let Ok((namespace, name)) = place.parse() else { return Ok(Outcome::Gone) };
    let groups = ctx.world.groups.state();
    let groups: Vec<&LaneGroup> =
        groups.iter().map(AsRef::as_ref).filter(|group| has_entry(group, place)).collect();
    let mut inputs = Vec::new();
    for group in groups {
        match ctx.memory.in_force(group) {
            Some(input) => inputs.push(input),
            None if has_any_in_force(group) => {
                tracing::debug!(gateway = %place, group = %Place::of(group), "waits for the group's first pass");
                return Ok(Outcome::Waiting);
            }
            None => {}
        }
    }
    let inputs: Vec<&Input> = inputs.iter().map(AsRef::as_ref).collect();
    let is_here = |entry: &&Entry| (&entry.namespace, &entry.name) == (&namespace, &name);
    let object = match inputs.iter().find_map(|input| gateways(input).find(is_here)) {
        Some(entry) => gateway::filters(entry, &inputs)?,
        None => None,
    };
    let Some(object) = object else {
        let labels = vec![(names::ENTRY_LABEL, place.name.as_str())];
        let owned = Owned { namespace: Some(&place.namespace), labels };
        let removed = apply::prune(&ctx.client, &ctx.world, &owned, &[]).await;
        return unless_behind(removed, |_| Outcome::Gone);
    };
    let written = apply::write(&ctx.client, &ctx.world, &[object]).await;
    unless_behind(written, |written| {
        if written > 0 {
            tracing::info!(gateway = %place, groups = inputs.len(), "programmed");
        }
        Outcome::Settled
    })
}

/// What follows from so many changes; a pass on old ground is made again.
fn unless_behind(
    changed: Result<usize, ApplyError>,
    outcome: impl FnOnce(usize) -> Outcome,
) -> Result<Outcome, ReconcileError> {
    match changed {
        Ok(changed) => Ok(outcome(changed)),
        Err(ApplyError::Behind { .. }) => Ok(Outcome::Waiting),
        Err(error) => Err(error.into()),
    }
}

/// Whether a group has something in force that the pass over it is still to find out.
fn has_any_in_force(group: &LaneGroup) -> bool {
    group.status.as_ref().is_some_and(|status| status.accepted.is_some())
}

/// What a group has in force by its status, for one whose newest rules cannot be written; `None` where what lanes
/// say by now is not what the status has a number for: two things must not be said under one number.
pub(super) fn by_status(ctx: &Context, group: &LaneGroup) -> Option<Input> {
    let status = group.status.as_ref().filter(|status| status.accepted.is_some())?;
    let model = dereference::group_in_force(group)?;
    let pass = Pass::new(ctx, group);
    let lanes: Vec<_> =
        pass.lane_objects().iter().filter_map(|lane| dereference::lane_in_force(lane)).collect();
    let faults = pass.faults(&model, &lanes).in_force;
    let lanes = phases::as_in_force(&status.lanes, &lanes, &model.metadata.name);
    let input = dereference::read(&ctx.world, &ctx.settings, &group.namespace()?, model, &lanes)?.input;
    let input = Input { unrouted: clusters::unrouted(&status.clusters), faults, ..input };
    (generation::digest(&input).ok()? == status.rules_digest).then_some(input)
}

/// Whether a group that is here to stay names the gateway as an entry.
fn has_entry(group: &LaneGroup, gateway: &Place) -> bool {
    group.metadata.deletion_timestamp.is_none() && entries_of(group).any(|entry| entry == *gateway)
}

impl Pass<'_> {
    /// Whether a gateway still admits requests for the group.
    pub(super) fn is_at_gateways(&self) -> bool {
        let own = Place { namespace: self.namespace.clone(), name: self.name.clone() };
        serving(&self.ctx.world).values().any(|groups| groups.contains(&own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_among_those_of_an_object() {
        let annotations =
            |groups: &str| BTreeMap::from([(names::GROUPS_ANNOTATION.to_owned(), groups.to_owned())]);
        assert!(serves(&annotations("a/shop,b/shop"), "b", "shop"));
        for groups in ["a/shop", "b/shopping", "xb/shop", ""] {
            assert!(!serves(&annotations(groups), "b", "shop"), "{groups}");
        }
        assert!(!serves(&BTreeMap::new(), "b", "shop"));
    }
}
