//! The verbs over a Kubernetes API server; each is thin, over [`crate::cluster::client`].

mod diff;
mod doctor;
mod explain;
mod fault;
mod get;
mod history;
mod init;
mod install;
mod objects;
mod release;
mod remove_lane;
mod rows;
mod set_lane;
mod status;
mod unrouted;
mod validate;
mod wait;

use lane::ticket::Audience;

use super::Command;
use super::error::CommandError;
use super::ui::Ui;
use crate::cluster::client::{Access, Cluster, Error};

/// The only group of the cluster's namespace, as tickets name it.
pub(super) async fn only_audience(access: &Access) -> Result<Audience, CommandError> {
    let cluster = Cluster::connect(access).await?;
    let group = cluster.group(None).await?;
    let name = objects::group(&group)?.metadata.name;
    Ok(Audience { namespace: objects::namespace(&group), group: name })
}

/// Runs a verb that knows clusters.
pub(super) async fn run(access: &Access, command: Command, ui: &Ui) -> Result<u8, CommandError> {
    // These print without asking anybody, if they are told to.
    match command {
        Command::Install(args) => return install::install(access, &args, ui).await,
        Command::Uninstall(args) => return install::uninstall(access, &args, ui).await,
        _ => {}
    }
    let cluster = Cluster::connect(access).await.map_err(|error| {
        let error = CommandError::from(error);
        if matches!(command, Command::Diff(_) | Command::Doctor(_)) { error.of_question() } else { error }
    })?;
    match command {
        Command::Init(args) => init::run(&cluster, &args, ui).await,
        Command::SetLane(args) => set_lane::run(&cluster, &args, ui).await,
        Command::RemoveLane(args) => remove_lane::run(&cluster, &args, ui).await,
        Command::Get(args) => get::run(&cluster, &args, ui).await,
        Command::Status(args) => status::run(&cluster, &args, ui).await,
        Command::Explain(args) => explain::run(&cluster, &args, ui).await,
        Command::Validate(args) => validate::run(&cluster, &args, ui).await,
        Command::Diff(args) => diff::run(&cluster, &args, ui).await.map_err(CommandError::of_question),
        Command::Doctor(args) => doctor::run(&cluster, &args, ui).await.map_err(CommandError::of_question),
        Command::Wait(args) => wait::run(&cluster, &args, ui).await,
        Command::Promote(args) => release::promote(&cluster, &args, ui).await,
        Command::Rollback(args) => release::rollback(&cluster, &args, ui).await,
        Command::Fault(args) => fault::run(&cluster, &args, ui).await,
        Command::History(args) => history::run(&cluster, &args, ui).await,
        // The others have been served, or know no cluster.
        _ => Err(Error::Internal("this verb knows no cluster".to_owned()).into()),
    }
}
