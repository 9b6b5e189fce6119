//! Groups that have services or gateways in common.
//!
//! A gateway serves any number of groups, and a service may belong to several: its routes then know the lanes of all
//! of them. What cannot be is that two groups tell the versions of one service apart by different headers or labels.
//! The younger group then has nothing in force until one of the two changes; who is younger is decided by creation,
//! then by namespace and name, whatever a controller has seen first.

use std::collections::BTreeMap;

use envoy_config::istio::input::{Labels, SharedLanes};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use lane::model::{LaneGroup as GroupModel, LaneGroupSpec, Service};
use lane::name::NamespaceName;

use super::accepted;
use super::crd::LaneGroup;
use super::dereference;
use super::world::World;

/// Namespace and name of a service.
type Place<'s> = (&'s str, &'s str);

/// Why a group cannot be in force beside another one, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// For people.
    pub message: String,
}

/// The first service on which `group` disagrees with an older group that is in force; `spec` is what `group` says.
#[must_use]
pub fn conflict(world: &World, group: &LaneGroup, spec: &LaneGroupSpec) -> Option<Conflict> {
    let own = by_place(group, spec);
    let groups = world.groups.state();
    // There may be many groups, few of which have anything in common.
    let others = groups.iter().map(AsRef::as_ref).filter(|other| has_any(&own, other));
    let mut elders: Vec<&LaneGroup> = others.filter(|other| age(other) < age(group)).collect();
    elders.sort_by_key(|elder| age(elder));
    elders.into_iter().find_map(|elder| {
        let theirs = wanted(elder)?;
        let message = disagreement(world, (elder, &theirs), (group, spec))?;
        // Only now, since it looks at the elder's own elders.
        conflict(world, elder, &theirs).is_none().then_some(Conflict { message })
    })
}

/// Whether a group has one of these services, by what it says or by what is in force of it.
fn has_any(places: &BTreeMap<Place<'_>, &Service>, group: &LaneGroup) -> bool {
    let mut found = by_place(group, &group.spec.0).into_keys();
    let mut in_force = by_place(group, dereference::spec_in_force(group)).into_keys();
    found.any(|place| places.contains_key(&place)) || in_force.any(|place| places.contains_key(&place))
}

/// What a group would have in force if no other one stood against it.
fn wanted(group: &LaneGroup) -> Option<LaneGroupSpec> {
    let model = dereference::group_model(group)?;
    Some(accepted::group(&model, group.metadata.generation.unwrap_or_default()).in_force?.spec)
}

fn age(group: &LaneGroup) -> (Option<Timestamp>, String, String) {
    let created = group.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created, group.namespace().unwrap_or_default(), group.name_any())
}

/// What two groups say differently of a service that both have.
fn disagreement(
    world: &World,
    (elder, theirs): (&LaneGroup, &LaneGroupSpec),
    (group, ours): (&LaneGroup, &LaneGroupSpec),
) -> Option<String> {
    let services = by_place(elder, theirs);
    by_place(group, ours).into_iter().find_map(|(place, own)| {
        let their = services.get(&place)?;
        let (what, says, here) = differing(world, place, (theirs, their), (ours, own))?;
        let (namespace, name) = place;
        let elder = format!("LaneGroup {}/{}", elder.namespace().unwrap_or_default(), elder.name_any());
        Some(format!(
            "{elder}, which is older, gives service {namespace}/{name} the {what} {says}, and this group {here}; \
             write the same here, or take the service out of one of the two"
        ))
    })
}

/// The first thing in which two groups differ about a service: what it is, what they say, what we say.
fn differing(
    world: &World,
    (namespace, name): Place<'_>,
    (theirs, their): (&LaneGroupSpec, &Service),
    (ours, own): (&LaneGroupSpec, &Service),
) -> Option<(&'static str, String, String)> {
    if theirs.lane_header != ours.lane_header {
        return Some(("lane header", theirs.lane_header.to_string(), ours.lane_header.to_string()));
    }
    if theirs.lane_label != ours.lane_label {
        return Some(("lane label", theirs.lane_label.clone(), ours.lane_label.clone()));
    }
    if their.baseline == own.baseline {
        return None;
    }
    let found = world.services.get(&ObjectRef::new(name).within(namespace))?;
    let says = dereference::baseline_of(world, &found, their, &theirs.lane_label);
    let here = dereference::baseline_of(world, &found, own, &ours.lane_label);
    // Where there is none, the group does not route the service, and has a condition of its own.
    (says != here && !says.is_empty() && !here.is_empty()).then(|| ("baseline", list(&says), list(&here)))
}

fn list(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The services of a group by where they are.
fn by_place<'s>(group: &'s LaneGroup, spec: &'s LaneGroupSpec) -> BTreeMap<Place<'s>, &'s Service> {
    places(group.metadata.namespace.as_deref().unwrap_or_default(), spec)
}

fn places<'s>(own: &'s str, spec: &'s LaneGroupSpec) -> BTreeMap<Place<'s>, &'s Service> {
    let place = |service: &'s Service| {
        (service.namespace.as_ref().map_or(own, NamespaceName::as_str), service.name.as_str())
    };
    spec.services.iter().map(|service| (place(service), service)).collect()
}

/// Those of `all` that have a service in common with one of `some`.
#[must_use]
pub fn of<'g>(some: &[&LaneGroup], all: &[&'g LaneGroup]) -> Vec<&'g LaneGroup> {
    let theirs: BTreeMap<Place<'_>, &Service> =
        some.iter().flat_map(|group| by_place(group, dereference::spec_in_force(group))).collect();
    all.iter().copied().filter(|group| has_any(&theirs, group)).collect()
}

/// The lanes that other groups have in force at services of the group `model` in `namespace`.
#[must_use]
pub fn shared_lanes(world: &World, domain: &str, namespace: &str, model: &GroupModel) -> SharedLanes {
    let mut shared = SharedLanes::new();
    let own = places(namespace, &model.spec);
    let is_self = |other: &LaneGroup| {
        other.name_any() == model.metadata.name.as_str() && other.namespace().as_deref() == Some(namespace)
    };
    for other in world.groups.state() {
        if is_self(&other) || other.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let Some((status, accepted)) =
            other.status.as_ref().and_then(|status| Some((status, status.accepted.as_ref()?)))
        else {
            continue;
        };
        let theirs = by_place(&other, &accepted.spec);
        for (namespace, name) in own.keys().filter(|place| theirs.contains_key(*place)) {
            let lanes = status.lanes.iter().map(|lane| (lane.name.clone(), accepted.spec.fallback));
            shared.entry(format!("{name}.{namespace}.svc.{domain}")).or_default().extend(lanes);
        }
    }
    shared
}

#[cfg(test)]
mod tests;
