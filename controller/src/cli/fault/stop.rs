//! `lanectl fault stop`: end a fault, or all of them.

use clap::Args;
use lane::name::{FaultName, GroupName};

use crate::cli::error::CommandError;
use crate::cli::ui::Ui;
use crate::cli::{ChangeArgs, apply, open};
use crate::standalone::error::Error;
use crate::standalone::store::Store;

/// Stop a fault, or all faults of the group at once
#[derive(Debug, Args)]
pub(in crate::cli) struct StopArgs {
    /// Name of the fault
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(in crate::cli) name: Option<FaultName>,
    /// Stop every fault of the group
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// That there is no such fault is no fault
    #[arg(long)]
    pub(in crate::cli) ignore_not_found: bool,
    /// Lane group of the faults; the only one there is if not given
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) group: Option<GroupName>,
    #[command(flatten)]
    pub(in crate::cli) change: ChangeArgs,
}

impl StopArgs {
    /// Whether a fault is meant.
    pub(in crate::cli) fn is_meant(&self, name: &str) -> bool {
        self.name.as_ref().is_none_or(|wanted| wanted.as_str() == name)
    }

    /// What is stopped, in words.
    pub(in crate::cli) fn what(&self) -> String {
        self.name.as_ref().map_or_else(|| "all faults".to_owned(), |name| format!("fault {name}"))
    }
}

pub(super) async fn run(store: &Store, args: &StopArgs, ui: &Ui) -> Result<u8, CommandError> {
    let (_lock, state) = open(store)?;
    let mut objects = store.objects()?;
    if let Some(group) = args.group.as_ref().filter(|group| **group != objects.group.metadata.name) {
        return Err(Error::NotFound { kind: "group", name: group.to_string() }.into());
    }
    let before = objects.faults.len();
    objects.faults.retain(|fault| !args.is_meant(fault.metadata.name.as_str()));
    if let Some(name) =
        args.name.as_ref().filter(|_| objects.faults.len() == before && !args.ignore_not_found)
    {
        return Err(Error::NotFound { kind: "fault", name: name.to_string() }.into());
    }
    let what = format!("stop of {}", args.what());
    apply::carry_out(store, state, objects, &args.change, &what, ui).await
}
