//! The filter's configuration for each role of each workload, from the group and its lanes.

use lane::filter_config::{FORMAT_VERSION, FilterConfig, LaneConfig, Role, ShareConfig};
use lane::model::{Lane, LaneGroup, Propagation};
use lane::name::{LaneName, WorkloadName};

/// A proxy as far as its filters depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Name of the gateway or workload.
    pub name: &'a WorkloadName,
    /// Lane of the workload; `None` on the baseline and on gateways.
    pub lane: Option<&'a LaneName>,
    /// Whether an application stands behind the proxy.
    pub is_workload: bool,
    /// Whether it is an entry of the group.
    pub is_entry: bool,
}

/// The roles of the filter on requests that come into `place`, in the order in which they run.
///
/// They follow from the group and the place alone, so that no change of lanes touches a listener.
#[must_use]
pub fn incoming_roles(group: &LaneGroup, place: Place<'_>) -> Vec<Role> {
    let entry = place.is_entry.then_some(Role::Entry);
    let inbound = (place.is_workload && group.spec.propagation.trail.is_some()).then_some(Role::Inbound);
    entry.into_iter().chain(inbound).collect()
}

/// The roles of the filter on requests that the application at `place` sends: none where nothing could be
/// restored.
#[must_use]
pub fn outgoing_roles(group: &LaneGroup, place: Place<'_>) -> Vec<Role> {
    let Propagation { baggage, workload_lane, trail: _ } = &group.spec.propagation;
    let restores = baggage.is_some() || (*workload_lane && place.lane.is_some());
    (place.is_workload && restores).then_some(Role::Outbound).into_iter().collect()
}

/// The configuration of `role` at `place`.
///
/// `here` tells whether a lane has workloads of the place's service. Nothing is left to strip for the
/// entry role but the baggage member: the listener removes headers before it chooses a route.
#[must_use]
pub fn filter_config(
    group: &LaneGroup,
    lanes: &[&Lane],
    place: Place<'_>,
    role: Role,
    generation: u64,
    here: impl Fn(&LaneName) -> bool,
) -> FilterConfig {
    let propagation = &group.spec.propagation;
    // The outbound role stamps the lane that it finds here.
    let own_lane = place.lane.filter(|_| propagation.workload_lane || role != Role::Outbound);
    FilterConfig {
        version: FORMAT_VERSION,
        generation,
        group: group.metadata.name.clone(),
        group_namespace: None,
        role,
        workload: place.name.clone(),
        own_lane: own_lane.cloned(),
        lane_header: group.spec.lane_header.clone(),
        baggage: propagation.baggage.clone(),
        trail: propagation.trail.clone(),
        strip: Vec::new(),
        lanes: lanes.iter().map(|lane| lane_config(lane, role, &here)).collect(),
    }
}

fn lane_config(lane: &Lane, role: Role, here: impl Fn(&LaneName) -> bool) -> LaneConfig {
    let name = &lane.metadata.name;
    let bare = LaneConfig {
        name: name.clone(),
        priority: 0,
        expires_ms: lane.spec.expires.map(|end| u64::try_from(end.as_millisecond()).unwrap_or(0)),
        share: None,
        rules: Vec::new(),
        here: false,
    };
    match role {
        Role::Entry => LaneConfig {
            priority: lane.spec.priority,
            share: share_config(lane),
            rules: lane.spec.rules.clone(),
            ..bare
        },
        Role::Inbound => LaneConfig { here: here(name), ..bare },
        Role::Outbound => bare,
    }
}

/// The buckets are those that the lane holds in its status; a share that holds none takes nobody.
fn share_config(lane: &Lane) -> Option<ShareConfig> {
    let share = lane.spec.share.as_ref()?;
    let buckets = lane.status.as_ref().map(|status| status.buckets.clone()).unwrap_or_default();
    Some(ShareConfig { buckets, key: share.key.clone() })
}

#[cfg(test)]
mod tests;
