//! What cannot have lanes, and what of the user's configuration was left alone.

use std::fmt;

use serde::Serialize;

/// One thing that whoever runs the group should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The service, `namespace/name`.
    pub service: String,
    /// The port, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What it is, for programs.
    pub reason: Reason,
    /// What it is, for people.
    pub message: String,
}

/// The kinds of [`Finding`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Reason {
    /// No label tells the baseline's pods from those of lanes.
    BaselineNotSelectable,
    /// The port speaks something that has no headers.
    UnsupportedPort,
    /// Istio has no subsets for such a service.
    UnsupportedService,
    /// A lane trusts addresses, and an entry cannot know them.
    ClientAddressUnknown,
    /// A VirtualService that cannot be read.
    UnreadableVirtualService,
    /// A route of the Gateway API whose place among the proxies' routes is not known.
    RouteUnsupported,
    /// A route without a name on a host that cannot be changed as a whole.
    RouteUnnamed,
    /// Two routes of one name on one host, of which not both can be changed alike.
    RouteNameShared,
    /// A route that cannot be repeated with the lane header in its match.
    RouteNotCopyable,
    /// A route to a port that the service does not have.
    PortUnknown,
    /// A route with several destinations keeps its weights.
    WeightedRoute,
    /// A redirect stays.
    RedirectRoute,
    /// A direct response stays.
    DirectResponseRoute,
    /// A route to a subset that the user chose stays.
    ExplicitSubset,
    /// A route to a host outside the group stays.
    OtherHost,
    /// A route that another VirtualService describes stays.
    DelegateRoute,
}

/// The conditions of a LaneGroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Condition {
    /// The group makes sense in this cluster.
    Accepted,
    /// What it refers to is there and can have lanes.
    ResolvedRefs,
    /// The proxies have it.
    Programmed,
}

impl Reason {
    /// The reasons for which a condition is false.
    pub const OF_CONDITIONS: [Self; 10] = [
        Self::BaselineNotSelectable,
        Self::UnsupportedPort,
        Self::UnsupportedService,
        Self::PortUnknown,
        Self::ClientAddressUnknown,
        Self::UnreadableVirtualService,
        Self::RouteUnsupported,
        Self::RouteUnnamed,
        Self::RouteNameShared,
        Self::RouteNotCopyable,
    ];

    /// The condition that is false because of it; `None` where the user's wish is just respected.
    #[must_use]
    pub fn condition(self) -> Option<Condition> {
        match self {
            Self::BaselineNotSelectable => Some(Condition::Accepted),
            Self::UnsupportedPort
            | Self::UnsupportedService
            | Self::PortUnknown
            | Self::ClientAddressUnknown => Some(Condition::ResolvedRefs),
            Self::UnreadableVirtualService
            | Self::RouteUnsupported
            | Self::RouteUnnamed
            | Self::RouteNameShared
            | Self::RouteNotCopyable => Some(Condition::Programmed),
            Self::WeightedRoute
            | Self::RedirectRoute
            | Self::DirectResponseRoute
            | Self::ExplicitSubset
            | Self::OtherHost
            | Self::DelegateRoute => None,
        }
    }
}

/// The reason as it stands in a condition: in CamelCase.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
