//! `lanectl fault`: faults that are injected on purpose.

pub(super) mod flags;
pub(super) mod list;
pub(super) mod set;
pub(super) mod stop;

use clap::{Args, Subcommand};

use super::error::CommandError;
use super::ui::Ui;
use crate::standalone::store::Store;

/// Inject faults into the requests of a lane, look at them, and stop them
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(super) struct FaultArgs {
    #[command(subcommand)]
    pub(super) command: FaultCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum FaultCommand {
    Set(Box<set::SetArgs>),
    List(list::ListArgs),
    Stop(stop::StopArgs),
}

pub(super) async fn run(store: &Store, args: &FaultArgs, ui: &Ui) -> Result<u8, CommandError> {
    match &args.command {
        FaultCommand::Set(args) => set::run(store, args, ui).await,
        FaultCommand::List(args) => list::run(store, args, ui),
        FaultCommand::Stop(args) => stop::run(store, args, ui).await,
    }
}
