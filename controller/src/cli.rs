//! The command line: arguments in, exit code out. One file per verb; `cluster` has the verbs of a cluster.

mod apply;
mod change_args;
mod cluster;
mod diff;
mod doctor;
mod error;
mod explain;
mod fault;
mod get;
mod init;
mod install;
mod lost_lanes;
mod printed;
mod program;
mod proxy_view;
mod release;
mod remove_lane;
mod render;
mod request;
mod rule_flags;
mod set_lane;
mod status;
mod target;
mod ticket;
mod trust_flags;
mod ui;
mod validate;
mod version;
mod wait;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

use self::change_args::ChangeArgs;
use self::error::CommandError;
use self::program::Program;
use self::target::{Knows, Target, TargetArgs};
use self::ui::Ui;
use crate::standalone::error::{Error, Result};
use crate::standalone::files::{self, Lock};
use crate::standalone::store::{State, Store};

/// Full-link gray lanes: set, look at and remove lanes
#[derive(Debug, Parser)]
#[command(name = "lanectl", version, propagate_version = true, disable_help_subcommand = true, after_help = target::HELP)]
pub struct Cli {
    #[command(flatten)]
    target: TargetArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    SetLane(Box<set_lane::SetLaneArgs>),
    RemoveLane(remove_lane::RemoveLaneArgs),
    Apply(apply::ApplyArgs),
    Get(get::GetArgs),
    Status(status::StatusArgs),
    Explain(explain::ExplainArgs),
    Validate(validate::ValidateArgs),
    Render(render::RenderArgs),
    Diff(diff::DiffArgs),
    Doctor(doctor::DoctorArgs),
    Wait(wait::WaitArgs),
    Promote(release::PromoteArgs),
    Rollback(release::RollbackArgs),
    History(release::HistoryArgs),
    Fault(fault::FaultArgs),
    Ticket(ticket::TicketArgs),
    Install(install::InstallArgs),
    Uninstall(install::UninstallArgs),
    Version(version::VersionArgs),
    /// Print the completion script of a shell
    Completion {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual pages
    #[command(hide = true)]
    Man {
        /// Directory for the pages
        dir: PathBuf,
    },
    /// Print the reference of all commands, as Markdown
    #[command(hide = true)]
    Reference,
}

impl Command {
    /// The verb, and the targets that it knows.
    fn knows(&self) -> (&'static str, Knows) {
        match self {
            Self::Init(args) => ("init", args.knows()),
            Self::SetLane(_) => ("set-lane", Knows::Both),
            Self::RemoveLane(_) => ("remove-lane", Knows::Both),
            Self::Apply(_) => ("apply", Knows::Files),
            Self::Get(_) => ("get", Knows::Both),
            Self::Status(_) => ("status", Knows::Both),
            Self::Explain(_) => ("explain", Knows::Both),
            Self::Validate(_) => ("validate", Knows::Both),
            Self::Render(_) => ("render", Knows::Files),
            Self::Diff(_) => ("diff", Knows::Both),
            Self::Doctor(_) => ("doctor", Knows::Cluster),
            Self::Wait(_) => ("wait", Knows::Both),
            Self::Promote(_) => ("promote", Knows::Cluster),
            Self::Rollback(_) => ("rollback", Knows::Cluster),
            Self::History(_) => ("history", Knows::Cluster),
            Self::Fault(_) => ("fault", Knows::Both),
            Self::Ticket(_) => ("ticket", Knows::Both),
            Self::Install(_) => ("install", Knows::Cluster),
            Self::Uninstall(_) => ("uninstall", Knows::Cluster),
            Self::Version(_) => ("version", Knows::Both),
            Self::Completion { .. } => ("completion", Knows::Both),
            Self::Man { .. } => ("man", Knows::Both),
            Self::Reference => ("reference", Knows::Both),
        }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let program = Program::of(std::env::args_os().next().as_deref());
    let matches = program.label(Cli::command()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let ui = Ui::new(program);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli, &ui)),
        Err(error) => Err(Error::Internal(error.to_string()).into()),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            ui.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(cli: Cli, ui: &Ui) -> Result<u8, CommandError> {
    match cli.command {
        Command::Version(args) => return version::run(&args, ui),
        Command::Ticket(args) => return ticket::run(&args, &cli.target, ui).await,
        Command::Completion { shell } => return completion(shell, ui),
        Command::Man { dir } => return man(&dir),
        Command::Reference => return Ok(ui.data(&reference())?),
        _ => {}
    }
    let (verb, knows) = cli.command.knows();
    match cli.target.choose(verb, knows)? {
        Target::Files(store) => on_files(&store, cli.command, ui).await,
        Target::Cluster(access) => cluster::run(&access, cli.command, ui).await,
    }
}

async fn on_files(store: &Store, command: Command, ui: &Ui) -> Result<u8, CommandError> {
    match command {
        Command::Init(args) => init::run(store, &args, ui).await,
        Command::SetLane(args) => set_lane::run(store, &args, ui).await,
        Command::RemoveLane(args) => remove_lane::run(store, &args, ui).await,
        Command::Apply(args) => apply::run(store, &args, ui).await,
        Command::Get(args) => get::run(store, &args, ui).await,
        Command::Status(args) => status::run(store, &args, ui).await,
        Command::Explain(args) => explain::run(store, &args, ui),
        Command::Validate(args) => validate::run(store, &args, ui),
        Command::Render(args) => render::run(store, &args, ui),
        Command::Diff(args) => diff::run(store, &args, ui).map_err(CommandError::of_question),
        Command::Wait(args) => wait::run(store, &args, ui).await,
        Command::Fault(args) => fault::run(store, &args, ui).await,
        // The others have been served, or know no files.
        _ => Err(Error::Internal("this verb knows no files".to_owned()).into()),
    }
}

fn completion(shell: Shell, ui: &Ui) -> Result<u8, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lanectl", &mut script);
    Ok(ui.data(&String::from_utf8_lossy(&script))?)
}

fn man(dir: &std::path::Path) -> Result<u8, CommandError> {
    let failed = |source: io::Error| Error::File { action: "write", path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
    Ok(0)
}

/// The reference of all commands.
#[must_use]
pub fn reference() -> String {
    printed::reference(Cli::command())
}

/// The lock and the state of an initialised store.
fn open(store: &Store) -> Result<(Lock, State)> {
    if !store.exists() {
        return Err(Error::NoGroup(store.dir().to_owned()));
    }
    let lock = files::lock(store.dir())?;
    Ok((lock, state(store)?))
}

fn state(store: &Store) -> Result<State> {
    store.state()?.ok_or_else(|| Error::NoGroup(store.dir().to_owned()))
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    lane::time::ms_since_1970(jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
