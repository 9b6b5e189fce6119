//! The command line: arguments in, exit code out. One file per verb.

mod apply;
mod diff;
mod error;
mod explain;
mod get;
mod init;
mod printed;
mod proxy_view;
mod remove_lane;
mod render;
mod request;
mod rule_flags;
mod set_lane;
mod ui;
mod validate;
mod version;
mod wait;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use self::error::CommandError;
use self::ui::Ui;
use crate::standalone::change;
use crate::standalone::error::{Error, Result};
use crate::standalone::files::{self, Lock};
use crate::standalone::store::{State, Store};

/// Full-link gray lanes: set, look at and remove lanes
#[derive(Debug, Parser)]
#[command(name = "lanectl", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Directory of the standalone target: objects, state and the files that the Envoys read
    #[arg(long, global = true, env = "GRAYLANE_DIR", value_name = "DIR", default_value = "graylane")]
    dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    SetLane(set_lane::SetLaneArgs),
    RemoveLane(remove_lane::RemoveLaneArgs),
    Apply(apply::ApplyArgs),
    Get(get::GetArgs),
    Explain(explain::ExplainArgs),
    Validate(validate::ValidateArgs),
    Render(render::RenderArgs),
    Diff(diff::DiffArgs),
    Wait(wait::WaitArgs),
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

/// How a change is carried out.
#[derive(Debug, Args)]
struct ChangeArgs {
    /// How long the proxies may take to follow
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = rule_flags::duration)]
    timeout: std::time::Duration,
    /// How long requests in flight may use what is taken away
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = rule_flags::duration)]
    grace: std::time::Duration,
    /// Write the files without waiting for the proxies between the steps
    #[arg(long)]
    no_wait: bool,
    /// Check everything and say what would change, but change nothing
    #[arg(long)]
    dry_run: bool,
}

impl ChangeArgs {
    fn options(&self) -> change::Options {
        change::Options { wait: !self.no_wait, timeout: self.timeout, grace: self.grace }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new();
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
    let store = Store::at(&cli.dir)?;
    match cli.command {
        Command::Init(args) => init::run(&store, &args, ui).await,
        Command::SetLane(args) => set_lane::run(&store, &args, ui).await,
        Command::RemoveLane(args) => remove_lane::run(&store, &args, ui).await,
        Command::Apply(args) => apply::run(&store, &args, ui).await,
        Command::Get(args) => get::run(&store, &args, ui).await,
        Command::Explain(args) => explain::run(&store, &args, ui),
        Command::Validate(args) => validate::run(&store, &args, ui),
        Command::Render(args) => render::run(&store, &args, ui),
        Command::Diff(args) => diff::run(&store, &args, ui).map_err(CommandError::of_diff),
        Command::Wait(args) => wait::run(&store, &args, ui).await,
        Command::Version(args) => version::run(&args, ui),
        Command::Completion { shell } => completion(shell, ui),
        Command::Man { dir } => man(&dir),
        Command::Reference => Ok(ui.data(&reference())?),
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
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
