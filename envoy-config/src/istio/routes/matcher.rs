//! One matcher for each route of the user: it chooses the cluster, and all else that the route says stays.

use super::{LaneRoute, RouteEmitter};
use crate::envoy::retry::RetryPriorityPatch;
use crate::envoy::route::{RouteActionPatch, RoutePatch};
use crate::istio::envoy_filter::ConfigPatch;
use crate::istio::finding::Finding;
use crate::routing::{cluster_by_lane, other_priorities};

/// For proxies of Istio 1.30 and newer.
pub(super) struct MatcherRoutes;

impl RouteEmitter for MatcherRoutes {
    fn patches(&self, route: &LaneRoute<'_>, _: &mut Vec<Finding>) -> Vec<ConfigPatch> {
        let header = &route.mesh.input.group.spec.lane_header;
        // Without lanes there is no aggregate, whose other member a retry would have to go to.
        let retries =
            (!route.lanes.is_empty()).then(|| RetryPriorityPatch { retry_priority: other_priorities() });
        let fields = RoutePatch {
            route: RouteActionPatch {
                cluster_specifier: cluster_by_lane(header, &route.lanes, route.baseline.clone()),
                retry_policy: retries,
            },
            metadata: route.metadata(),
            headers: route.headers(),
        };
        let (host, name) = (route.host.name.clone(), route.change.name.clone());
        vec![ConfigPatch::merge_route(route.context, host, name, fields)]
    }
}
