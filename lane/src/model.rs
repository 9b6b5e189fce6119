//! What a user writes: lane groups and lanes, as Kubernetes-style objects.
//!
//! The types are tolerant when read (an older program must read newer objects); unknown fields are
//! reported by [`crate::parse`], and what serde cannot check by [`crate::validate`].

pub mod browser;
pub mod condition;
pub mod fault;
pub mod group;
pub mod lane;
pub mod release;
pub mod status;
pub mod trust;

use serde::{Deserialize, Serialize};

pub use browser::CookieFromQuery;
pub use condition::{Condition, NamedMatch, Rule, ValueMatch};
pub use fault::{At, Delay, Faults, LaneFaultSpec, Normal, Uniform};
pub use group::{Fallback, LaneGroupSpec, Propagation, Recovery, RouteMode, Service};
pub use lane::{BucketRange, LaneSpec, Share, StickyKey};
pub use release::{Afterwards, Change, HistoryEntry, Release, ReleaseAction, ReleasePhase, ReleaseStatus};
pub use status::{
    AcceptedSpec, ClockApart, ClusterInForce, ClusterPhase, LaneFaultStatus, LaneGroupStatus, LaneInForce,
    LanePhase, LaneStatus, LostLane, ObjectCondition, ProxyCount,
};
pub use trust::{Sources, TicketKey, Tickets, Trust};

/// The `apiVersion` of every object of this model.
pub const API_VERSION: &str = "graylane.dev/v1alpha1";

/// The name and labels of an object, as in Kubernetes' `ObjectMeta`; other fields are kept out of the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata<N> {
    /// The object's name.
    pub name: N,
}

/// An object around its spec, as in a manifest file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object<N, S, T = ()> {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// `LaneGroup`, `Lane` or `LaneFault`.
    pub kind: String,
    /// The object's name.
    pub metadata: Metadata<N>,
    /// What the user wants.
    pub spec: S,
    /// What was made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<T>,
}

/// A lane group as an object.
pub type LaneGroup = Object<crate::name::GroupName, LaneGroupSpec, LaneGroupStatus>;

/// A lane as an object.
pub type Lane = Object<crate::name::LaneName, LaneSpec, LaneStatus>;

/// A fault as an object.
pub type LaneFault = Object<crate::name::FaultName, LaneFaultSpec, LaneFaultStatus>;

impl<N, S, T> Object<N, S, T> {
    /// An object of `kind` named `name`, without status.
    pub fn new(kind: &str, name: N, spec: S) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: kind.to_owned(),
            metadata: Metadata { name },
            spec,
            status: None,
        }
    }
}

/// The `kind` of a [`LaneGroup`].
pub const LANE_GROUP: &str = "LaneGroup";

/// The `kind` of a [`Lane`].
pub const LANE: &str = "Lane";

/// The `kind` of a [`LaneFault`].
pub const LANE_FAULT: &str = "LaneFault";
