//! Promotion and rollback: what somebody asks for, how far it has come, and what has happened so far.

use serde::{Deserialize, Serialize};

use crate::name::LaneName;

/// How long a rollout may take where nothing is said.
pub const DEFAULT_DEADLINE_SECONDS: u32 = 600;

/// What is to become of the version that runs in a lane; carried out by the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// What to do.
    pub action: ReleaseAction,
    /// Tells this request from every other one; what was carried out is not carried out again. 1 to 63 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 63)))]
    pub request: String,
    /// What becomes of the lane's workloads at the end.
    #[serde(default)]
    pub workloads: Afterwards,
    /// Overwrite what others manage in the baseline's workloads, a GitOps tool for instance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_conflicts: bool,
    /// How long the workloads may take to roll out, in seconds.
    #[serde(default = "default_deadline_seconds")]
    pub deadline_seconds: u32,
    /// Who asks; free text, kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What to do with the version that runs in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ReleaseAction {
    /// The baseline takes it; then the lane ends.
    Promote,
    /// The lane ends at once; a baseline that has taken it gets its former version back.
    Rollback,
}

/// What becomes of a lane's workloads once the lane has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Afterwards {
    /// They stay, without pods.
    #[default]
    ScaleToZero,
    /// They stay as they are.
    Keep,
    /// They are deleted.
    Delete,
}

/// A step of a release. The order of a promotion is `Checking`, `RollingOut`, `Retiring`, `Finishing`, `Promoted`;
/// that of a rollback `Retiring`, `Restoring`, `Finishing`, `RolledBack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ReleasePhase {
    /// It is looked whether all of it can be done; nothing has been changed.
    Checking,
    /// The baseline's workloads take the lane's version; the lane serves.
    RollingOut,
    /// The lane ends.
    Retiring,
    /// The baseline's workloads get their former version back.
    Restoring,
    /// The lane's workloads are put away.
    Finishing,
    /// The baseline runs the lane's version, and the lane has ended.
    Promoted,
    /// The lane has ended, and the baseline runs what it ran before.
    RolledBack,
    /// It cannot be done; nothing was changed.
    Refused,
    /// It did not succeed; a promotion has been undone as far as the message says.
    Failed,
}

impl ReleasePhase {
    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Promoted | Self::RolledBack | Self::Refused | Self::Failed)
    }
}

/// How far a release has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStatus {
    /// Which request this is about.
    pub request: String,
    /// What it asks for.
    pub action: ReleaseAction,
    /// The request that has changed the baseline, or is to change it: a rollback undoes that one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<String>,
    /// How far it has come.
    pub phase: ReleasePhase,
    /// Since when.
    pub since: jiff::Timestamp,
    /// What is waited for, or what went wrong and what to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// What has happened to a lane of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When the controller has seen it first.
    pub time: jiff::Timestamp,
    /// Which lane.
    pub lane: LaneName,
    /// The `metadata.generation` of the lane; none for a removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// What was asked for.
    pub change: Change,
    /// Who has asked for it, as far as they have said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What has become of it: a phase, or the reason why not.
    pub result: String,
}

/// What somebody does with a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Change {
    /// It is set, anew or otherwise than before.
    Set,
    /// Its version is promoted.
    Promote,
    /// It is rolled back.
    Rollback,
    /// It is removed.
    Remove,
}

fn default_deadline_seconds() -> u32 {
    DEFAULT_DEADLINE_SECONDS
}
