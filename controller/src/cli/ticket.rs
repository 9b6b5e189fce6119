//! `lanectl ticket`: keys and tickets for lanes that ask for them.
//!
//! The private key stays with whoever issues tickets: it is read from a file and never printed.

mod inspect;
mod issue;
mod key_file;
mod keygen;

use clap::{Args, Subcommand};
use lane::ticket::Audience;

use super::error::CommandError;
use super::target::{Knows, Target, TargetArgs};
use super::ui::Ui;

/// Make keys, and issue and read tickets for lanes that ask for one
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(super) struct TicketArgs {
    #[command(subcommand)]
    command: TicketCommand,
}

#[derive(Debug, Subcommand)]
enum TicketCommand {
    Keygen(keygen::KeygenArgs),
    Issue(issue::IssueArgs),
    Inspect(inspect::InspectArgs),
}

/// Runs the verb; only a ticket for a group that is not named needs the target.
pub(super) async fn run(args: &TicketArgs, target: &TargetArgs, ui: &Ui) -> Result<u8, CommandError> {
    match &args.command {
        TicketCommand::Keygen(args) => keygen::run(args, ui),
        TicketCommand::Inspect(args) => inspect::run(args, ui),
        TicketCommand::Issue(args) => {
            let audience = match &args.group {
                Some(group) => group.clone(),
                None => only_group(target).await?,
            };
            issue::run(args, audience, ui)
        }
    }
}

/// The only group of the target.
async fn only_group(target: &TargetArgs) -> Result<Audience, CommandError> {
    match target.choose("ticket issue", Knows::Both)? {
        Target::Files(store) => Ok(Audience { namespace: None, group: store.objects()?.group.metadata.name }),
        Target::Cluster(access) => super::cluster::only_audience(&access).await,
    }
}
