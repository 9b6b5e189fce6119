//! The filter's configuration for each role of each workload, from the group and its lanes.

mod browsers;

use lane::filter_config::{
    FORMAT_VERSION, FORMAT_WITH_TICKETS, FORMAT_WITHOUT_TICKETS, FaultConfig, FilterConfig, LaneConfig,
    RecoveryConfig, Role, ShareConfig, TicketConfig, TicketKeyConfig,
};
use lane::model::{Lane, LaneGroup, Propagation, Recovery, TicketKey, Trust};
use lane::name::{LaneName, WorkloadName};
use lane::time::ms_since_1970;

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
    let Propagation { trail, recovery, .. } = &group.spec.propagation;
    let has_duty = trail.is_some() || recovery.is_some() || group.spec.faults.is_some();
    let inbound = (place.is_workload && has_duty).then_some(Role::Inbound);
    entry.into_iter().chain(inbound).collect()
}

/// The roles of the filter on requests that the application at `place` sends: none where nothing could be
/// restored and no fault injected.
#[must_use]
pub fn outgoing_roles(group: &LaneGroup, place: Place<'_>) -> Vec<Role> {
    let Propagation { baggage, workload_lane, trail: _, recovery } = &group.spec.propagation;
    let restores = baggage.is_some() || recovery.is_some() || (*workload_lane && place.lane.is_some());
    let has_duty = restores || group.spec.faults.is_some();
    (place.is_workload && has_duty).then_some(Role::Outbound).into_iter().collect()
}

/// Whether Envoy's fault filter stands behind a role. Behind the entry of a workload it stands once, behind the
/// inbound role.
#[must_use]
pub fn injects(group: &LaneGroup, place: Place<'_>, role: Role) -> bool {
    group.spec.faults.is_some() && !(role == Role::Entry && place.is_workload)
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
    let tickets = (role == Role::Entry).then(|| ticket_config(group)).flatten();
    let lanes: Vec<_> = lanes.iter().map(|lane| lane_config(group, lane, role, &here)).collect();
    FilterConfig {
        version: format_of(tickets.as_ref(), &lanes),
        generation,
        group: group.metadata.name.clone(),
        group_namespace: None,
        role,
        workload: place.name.clone(),
        own_lane: own_lane.cloned(),
        lane_header: group.spec.lane_header.clone(),
        baggage: propagation.baggage.clone(),
        trail: propagation.trail.clone(),
        recovery: propagation.recovery.as_ref().filter(|_| role != Role::Entry).map(recovery_config),
        strip: Vec::new(),
        tickets,
        faults: Vec::new(),
        lanes,
    }
}

/// The configuration with faults. A module that knows none would claim to run them.
#[must_use]
pub fn with_faults(config: FilterConfig, faults: Vec<FaultConfig>) -> FilterConfig {
    let version = if faults.is_empty() { config.version } else { FORMAT_VERSION };
    FilterConfig { version, faults, ..config }
}

/// The oldest format that says it all. A module that knows no sources, tickets or browsers would let everybody in, or pass
/// a ticket on; so it is made to refuse them.
fn format_of(tickets: Option<&TicketConfig>, lanes: &[LaneConfig]) -> u32 {
    if lanes.iter().any(|lane| lane.sources.is_some() || lane.browser.is_some()) {
        FORMAT_VERSION
    } else if tickets.is_some() || lanes.iter().any(|lane| lane.ticket) {
        FORMAT_WITH_TICKETS
    } else {
        FORMAT_WITHOUT_TICKETS
    }
}

fn ticket_config(group: &LaneGroup) -> Option<TicketConfig> {
    let tickets = group.spec.tickets.as_ref()?;
    let key = |key: &TicketKey| TicketKeyConfig {
        id: key.id.clone(),
        public_key: key.public_key.clone(),
        expires_ms: key.expires.map(ms_since_1970),
    };
    Some(TicketConfig {
        header: tickets.header.clone(),
        cookie: tickets.cookie.clone(),
        keys: tickets.keys.iter().map(key).collect(),
    })
}

fn lane_config(group: &LaneGroup, lane: &Lane, role: Role, here: impl Fn(&LaneName) -> bool) -> LaneConfig {
    let name = &lane.metadata.name;
    let bare = LaneConfig {
        name: name.clone(),
        priority: 0,
        expires_ms: lane.spec.expires.map(ms_since_1970),
        ticket: false,
        sources: None,
        browser: None,
        share: None,
        rules: Vec::new(),
        here: false,
    };
    match role {
        Role::Entry => LaneConfig {
            priority: lane.spec.priority,
            ticket: lane.spec.trust == Trust::Ticket,
            // A lane that asks for a source and names none admits nobody.
            sources: (lane.spec.trust == Trust::Source)
                .then(|| lane.spec.sources.clone().unwrap_or_default()),
            browser: browsers::config(group, lane),
            share: share_config(lane),
            rules: lane.spec.rules.iter().cloned().chain(browsers::rule(group, lane)).collect(),
            ..bare
        },
        Role::Inbound => LaneConfig { here: here(name), ..bare },
        Role::Outbound => bare,
    }
}

fn recovery_config(recovery: &Recovery) -> RecoveryConfig {
    let Recovery { headers, ttl_seconds, slots } = recovery;
    let ttl_ms = u64::from(*ttl_seconds).saturating_mul(1_000);
    RecoveryConfig { headers: headers.clone(), ttl_ms, slots: *slots }
}

/// The buckets are those that the lane holds in its status; a share that holds none takes nobody.
fn share_config(lane: &Lane) -> Option<ShareConfig> {
    let share = lane.spec.share.as_ref()?;
    let buckets = lane.status.as_ref().map(|status| status.buckets.clone()).unwrap_or_default();
    Some(ShareConfig { buckets, key: share.key.clone() })
}

#[cfg(test)]
mod tests;
