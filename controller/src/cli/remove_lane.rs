//! `lanectl remove-lane`: end a lane.

use clap::Args;
use lane::name::{GroupName, LaneName};

use super::error::CommandError;
use super::ui::Ui;
use super::{ChangeArgs, apply, open};
use crate::standalone::error::{Error, Result};
use crate::standalone::store::Store;

/// End a lane: first nobody is admitted, then requests in flight finish, then its routes go
#[derive(Debug, Args)]
pub(super) struct RemoveLaneArgs {
    /// Name of the lane
    pub(super) name: LaneName,
    /// That there is no such lane is no fault
    #[arg(long)]
    pub(super) ignore_not_found: bool,
    /// Lane group of the lane; another group's lane of that name stays
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

pub(super) async fn run(store: &Store, args: &RemoveLaneArgs, ui: &Ui) -> Result<u8, CommandError> {
    let (_lock, state) = open(store)?;
    let mut objects = store.objects()?;
    if let Some(group) = args.group.as_ref().filter(|group| **group != objects.group.metadata.name) {
        return Err(Error::NotFound { kind: "group", name: group.to_string() }.into());
    }
    if objects.lane(&args.name).is_none() && !args.ignore_not_found {
        return Err(Error::NotFound { kind: "lane", name: args.name.to_string() }.into());
    }
    objects.lanes.retain(|lane| lane.metadata.name != args.name);
    let what = format!("removal of lane {}", args.name);
    apply::carry_out(store, state, objects, &args.change, &what, ui).await
}
