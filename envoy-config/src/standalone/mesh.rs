//! What one rendering looks at: the group, its lanes, and the places of the proxies.

use std::net::SocketAddr;

use lane::model::{Fallback, Lane, LaneFault, LaneGroup};
use lane::name::{LaneName, ServiceName, WorkloadName};

use super::RenderOptions;
use crate::filter_configs::Place;
use crate::names::{fallback_cluster, subset_cluster};
use crate::topology::{Gateway, TopologySpec, Workload};

/// The input of a rendering.
pub(super) struct Mesh<'a> {
    pub(super) group: &'a LaneGroup,
    /// The lanes of the group.
    pub(super) lanes: Vec<&'a Lane>,
    /// Faults, also of other groups.
    pub(super) faults: &'a [LaneFault],
    pub(super) topology: &'a TopologySpec,
    pub(super) options: &'a RenderOptions,
}

/// The place of one proxy.
#[derive(Clone, Copy)]
pub(super) enum Site<'a> {
    Gateway(&'a Gateway),
    Workload(&'a Workload),
}

/// A lane's version of a service, as callers see it.
pub(super) struct Version<'a> {
    pub(super) lane: &'a LaneName,
    /// The lane's endpoints; none in a strict group where the lane has no version of the service.
    pub(super) endpoints: Vec<SocketAddr>,
    /// The cluster of the endpoints.
    pub(super) subset: String,
    /// The cluster that falls back to the baseline; `None` in a strict group.
    pub(super) fallback: Option<String>,
}

impl Version<'_> {
    /// The cluster that requests of the lane are routed to.
    pub(super) fn routed(&self) -> String {
        self.fallback.as_ref().unwrap_or(&self.subset).clone()
    }
}

impl<'a> Mesh<'a> {
    pub(super) fn new(
        group: &'a LaneGroup,
        lanes: &'a [Lane],
        faults: &'a [LaneFault],
        topology: &'a TopologySpec,
        options: &'a RenderOptions,
    ) -> Self {
        let lanes = lanes.iter().filter(|lane| lane.spec.group == group.metadata.name).collect();
        Self { group, lanes, faults, topology, options }
    }

    /// Whether the proxies have a place for faults.
    pub(super) fn is_armed(&self) -> bool {
        self.group.spec.faults.is_some()
    }

    /// All proxies.
    pub(super) fn sites(&self) -> impl Iterator<Item = Site<'a>> + use<'a> {
        let gateways = self.topology.gateways.iter().map(Site::Gateway);
        gateways.chain(self.topology.workloads.iter().map(Site::Workload))
    }

    /// Absolute path of a file of a proxy.
    pub(super) fn path(&self, site: Site<'_>, file: &str) -> String {
        format!("{}/proxies/{}/{file}", self.options.dir.trim_end_matches('/'), site.name())
    }

    /// The services that a proxy calls, in the group's order.
    pub(super) fn callees(&self, site: Site<'_>) -> Vec<&'a ServiceName> {
        let services = self.group.spec.services.iter().map(|service| &service.name);
        services.filter(|service| site.calls(service)).collect()
    }

    /// The addresses of the workloads of a service in a lane, or on the baseline for `None`.
    pub(super) fn endpoints(&self, service: &ServiceName, lane: Option<&LaneName>) -> Vec<SocketAddr> {
        self.topology.workloads_of(service, lane).map(|workload| workload.inbound).collect()
    }

    /// The versions of a service to route to: those of lanes that have workloads of it, and in a strict
    /// group those of all lanes, so that a request of a lane without one finds no endpoint.
    pub(super) fn versions(&self, service: &ServiceName) -> Vec<Version<'a>> {
        let strict = self.group.spec.fallback == Fallback::Strict;
        self.lanes
            .iter()
            .map(|lane| &lane.metadata.name)
            .map(|lane| Version {
                lane,
                endpoints: self.endpoints(service, Some(lane)),
                subset: subset_cluster(service, Some(lane)),
                fallback: (!strict).then(|| fallback_cluster(service, lane)),
            })
            .filter(|version| strict || !version.endpoints.is_empty())
            .collect()
    }
}

impl<'a> Site<'a> {
    pub(super) fn name(self) -> &'a WorkloadName {
        match self {
            Self::Gateway(gateway) => &gateway.name,
            Self::Workload(workload) => &workload.name,
        }
    }

    /// The name that others know it by: of the workload's service, or of the gateway.
    pub(super) fn called(self) -> &'a str {
        match self {
            Self::Gateway(gateway) => gateway.name.as_str(),
            Self::Workload(workload) => workload.service.as_str(),
        }
    }

    pub(super) fn admin(self) -> SocketAddr {
        match self {
            Self::Gateway(gateway) => gateway.admin,
            Self::Workload(workload) => workload.admin,
        }
    }

    pub(super) fn concurrency(self) -> Option<u32> {
        match self {
            Self::Gateway(gateway) => gateway.concurrency,
            Self::Workload(workload) => workload.concurrency,
        }
    }

    /// The place as its filters see it.
    pub(super) fn place(self, group: &LaneGroup) -> Place<'a> {
        let is_entry = group.spec.entries.iter().any(|entry| entry == self.name());
        match self {
            Self::Gateway(gateway) => Place { name: &gateway.name, lane: None, is_workload: false, is_entry },
            Self::Workload(workload) => {
                Place { name: &workload.name, lane: workload.lane.as_ref(), is_workload: true, is_entry }
            }
        }
    }

    fn calls(self, service: &ServiceName) -> bool {
        match self {
            Self::Gateway(gateway) => {
                gateway.service == *service || gateway.routes.iter().any(|route| route.service == *service)
            }
            Self::Workload(workload) => {
                workload.callees.as_ref().is_none_or(|callees| callees.contains(service))
            }
        }
    }
}
