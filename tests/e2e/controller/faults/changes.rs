//! The changes that are interrupted, in orders in which each can follow the one before it, round and round.

use anyhow::Result;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::super::demo::Demo;
use super::super::releases;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    MakeAll,
    EditLane,
    RemoveLane,
    SetLane,
    DeleteGroup,
    Promote,
    RollBack,
    StartOver,
}

/// Changes after which all is as it was before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) changes: &'static [Change],
    /// Those in which the controller is killed; the others lead to them and back.
    pub(super) interrupted: &'static [Change],
}

impl Round {
    /// A lane from its beginning to its end.
    pub(super) const LANES: Self = {
        const ALL: [Change; 5] =
            [Change::MakeAll, Change::EditLane, Change::RemoveLane, Change::SetLane, Change::DeleteGroup];
        Self { changes: &ALL, interrupted: &ALL }
    };
    /// A promotion and its rollback, and the rollback of a lane that still serves.
    pub(super) const RELEASES: Self = Self {
        changes: &[
            Change::MakeAll,
            Change::Promote,
            Change::RollBack,
            Change::StartOver,
            Change::MakeAll,
            Change::RollBack,
            Change::StartOver,
        ],
        interrupted: &[Change::Promote, Change::RollBack],
    };
}

impl Change {
    /// Asks for the change.
    pub(super) async fn ask(self, demo: &Demo) -> Result<()> {
        match self {
            Self::MakeAll => {
                // The lane first, so that the controller's first look at the group sees both.
                demo.set_lane("gray", lane("x-gray")).await?;
                demo.set_group(group()).await
            }
            Self::EditLane => demo.set_lane("gray", lane("x-other")).await,
            Self::RemoveLane => {
                demo.lanes().delete("gray", &DeleteParams::default()).await?;
                Ok(())
            }
            Self::SetLane => demo.set_lane("gray", lane("x-gray")).await,
            // The lane stays, as an object that nobody obeys.
            Self::DeleteGroup => {
                demo.groups().delete("shop", &DeleteParams::default()).await?;
                Ok(())
            }
            Self::Promote => {
                releases::ask(demo, json!({ "action": "Promote", "request": "one", "by": "jane" })).await
            }
            Self::RollBack => {
                releases::ask(demo, json!({ "action": "Rollback", "request": "two", "by": "joe" })).await
            }
            Self::StartOver => {
                demo.lanes().delete("gray", &DeleteParams::default()).await?;
                demo.groups().delete("shop", &DeleteParams::default()).await?;
                demo.deploy_anew().await
            }
        }
    }
}

/// With a trail, so that there are filters at workloads too.
pub(super) fn group() -> Value {
    json!({
        "entries": ["gateway"],
        "services": [{ "name": "a" }, { "name": "b" }],
        "propagation": { "trail": "x-trail" },
    })
}

pub(super) fn lane(header: &str) -> Value {
    json!({
        "group": "shop",
        "rules": [{ "name": "testers", "match": { "header": { "name": header } } }],
        "share": { "percent": 10 },
    })
}
