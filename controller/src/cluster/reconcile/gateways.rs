//! Gateways, which may serve several groups: one object for all of them.
//!
//! Every pass over a group writes the objects of its gateways anew, from what all their groups have in force.
//! Names are compared before anything is read, since there may be many groups.

use std::collections::BTreeMap;

use envoy_config::istio::input::{Entry, EntryKind, Input};
use envoy_config::istio::{GenerateError, IstioObject, gateway, names};
use kube::ResourceExt as _;
use lane::name::{NamespaceName, WorkloadName};

use super::{Pass, ReconcileError};
use crate::cluster::apply::{self, Owned};
use crate::cluster::crd::LaneGroup;
use crate::cluster::{dereference, phases};

/// Namespace and name of a gateway.
type Place = (NamespaceName, WorkloadName);

/// The objects that one group alone would want for its gateways: what they say of it.
pub(super) fn of_group(input: &Input) -> Result<Vec<IstioObject>, GenerateError> {
    let objects = gateways(input).map(|entry| gateway::filters(entry, &[input]));
    Ok(objects.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn gateways(input: &Input) -> impl Iterator<Item = &Entry> {
    input.entries.iter().filter(|entry| entry.kind == EntryKind::Gateway)
}

impl Pass<'_> {
    /// Writes the objects of the group's gateways, and of those that it has left; `own` is what the group wants
    /// now, nothing where it is going.
    pub(super) async fn put_gateways(&self, own: Option<&Input>) -> Result<usize, ReconcileError> {
        let mut places: BTreeMap<Place, Vec<Input>> =
            self.written().into_iter().map(|place| (place, Vec::new())).collect();
        let own_places = own.into_iter().flat_map(gateways);
        places.extend(own_places.map(|entry| ((entry.namespace.clone(), entry.name.clone()), Vec::new())));
        let mut changed = 0;
        for (place, mut inputs) in places {
            inputs.extend(own.cloned());
            inputs.extend(self.others_at(&place)?);
            changed += self.put_gateway(&place, &inputs.iter().collect::<Vec<_>>()).await?;
        }
        Ok(changed)
    }

    async fn put_gateway(&self, place: &Place, inputs: &[&Input]) -> Result<usize, ReconcileError> {
        let (client, world) = (&self.ctx.client, &self.ctx.world);
        let is_here = |entry: &&Entry| (&entry.namespace, &entry.name) == (&place.0, &place.1);
        let entry = inputs.iter().find_map(|input| gateways(input).find(is_here));
        let object = match entry {
            Some(entry) => gateway::filters(entry, inputs)?,
            None => None,
        };
        if let Some(object) = object {
            return Ok(apply::write(client, world, &[object]).await?);
        }
        let owned =
            Owned { namespace: Some(place.0.as_str()), labels: vec![(names::ENTRY_LABEL, place.1.as_str())] };
        Ok(apply::prune(client, world, &owned, &[]).await?)
    }

    /// The gateways for which there are objects.
    fn written(&self) -> Vec<Place> {
        let objects = self.ctx.world.envoy_filters.state().into_iter();
        let places = objects.filter(|object| dereference::is_ours(object)).filter_map(|object| {
            let name = object.labels().get(names::ENTRY_LABEL)?.parse().ok()?;
            Some((object.namespace()?.parse().ok()?, name))
        });
        places.collect()
    }

    /// What other groups have in force at a gateway.
    fn others_at(&self, place: &Place) -> Result<Vec<Input>, ReconcileError> {
        let groups = self.ctx.world.groups.state();
        let others = groups.iter().filter(|group| !self.is_own(group) && has_entry(group, place));
        let others: Vec<_> = others.collect();
        if let Some(behind) = others.iter().find(|group| self.ctx.memory.is_ahead_of(group)) {
            let (namespace, name) = (behind.namespace().unwrap_or_default(), behind.name_any());
            return Err(ReconcileError::Behind { group: format!("{namespace}/{name}") });
        }
        Ok(others.into_iter().filter_map(|group| self.in_force(group)).collect())
    }

    fn is_own(&self, group: &LaneGroup) -> bool {
        group.name_any() == self.name && group.namespace().as_deref() == Some(self.namespace.as_str())
    }

    fn in_force(&self, group: &LaneGroup) -> Option<Input> {
        let status = group.status.as_ref().filter(|status| status.accepted.is_some())?;
        let model = dereference::group_in_force(group)?;
        let objects = Pass::new(self.ctx, group).lane_objects();
        let lanes: Vec<_> = objects.iter().filter_map(|lane| dereference::lane_in_force(lane)).collect();
        let lanes = phases::as_in_force(&status.lanes, &lanes, &model.metadata.name);
        let (world, settings) = (&self.ctx.world, &self.ctx.settings);
        Some(dereference::read(world, settings, &group.namespace()?, model, &lanes)?.input)
    }
}

/// Whether a group that is here to stay names the gateway as an entry.
fn has_entry(group: &LaneGroup, (namespace, name): &Place) -> bool {
    let own = group.namespace();
    group.metadata.deletion_timestamp.is_none()
        && dereference::spec_in_force(group).entries.iter().any(|entry| {
            let entry_namespace = entry.namespace.as_ref().map(NamespaceName::as_str).or(own.as_deref());
            entry.name == *name && entry_namespace == Some(namespace.as_str())
        })
}
