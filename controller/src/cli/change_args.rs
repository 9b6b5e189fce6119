//! How a change is carried out: the flags that all changing verbs have.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::error::CommandError;
use super::{rule_flags, target};
use crate::cluster::client::{ApplyOptions, Demand};
use crate::standalone::change;

/// How long proxies of files may take where nothing is said.
const FILES_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests in flight have on files where nothing is said.
const FILES_GRACE: Duration = Duration::from_secs(2);
/// How long the proxies of a cluster may take where nothing is said.
pub(super) const CLUSTER_TIMEOUT: Duration = Duration::from_secs(120);

/// How a change is carried out.
#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    /// How long the proxies may take to follow [default: 30s on files, 2m on a cluster]
    #[arg(long, value_name = "DURATION", value_parser = rule_flags::duration)]
    timeout: Option<Duration>,
    /// Wait until every proxy runs the change; files are always waited for
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Do not wait for proxies that cannot be asked (cluster)
    #[arg(long, requires = "wait")]
    allow_unverified: bool,
    /// How long requests in flight may use what is taken away (files) [default: 2s]
    #[arg(long, value_name = "DURATION", value_parser = rule_flags::duration)]
    grace: Option<Duration>,
    /// Write the files without waiting for the proxies between the steps (files)
    #[arg(long)]
    no_wait: bool,
    /// Check everything and say what would change, but change nothing; `server` lets the API server check it too
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true,
          default_missing_value = "client")]
    dry_run: Option<DryRun>,
    /// Take over fields that somebody else manages (cluster)
    #[arg(long)]
    force_conflicts: bool,
}

/// Who checks a change that is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DryRun {
    /// This program
    Client,
    /// The API server too (cluster)
    Server,
}

impl ChangeArgs {
    /// How the proxies of files are brought to follow.
    pub(super) fn on_files(&self) -> Result<change::Options, CommandError> {
        let server = self.dry_run == Some(DryRun::Server);
        target::refuse(
            "files",
            &[
                ("--dry-run=server", server),
                ("--force-conflicts", self.force_conflicts),
                ("--allow-unverified", self.allow_unverified),
            ],
        )?;
        Ok(change::Options {
            wait: !self.no_wait,
            timeout: self.timeout.unwrap_or(FILES_TIMEOUT),
            grace: self.grace.unwrap_or(FILES_GRACE),
        })
    }

    /// How an object is applied to a cluster.
    pub(super) fn on_cluster(&self) -> Result<ApplyOptions, CommandError> {
        target::refuse("a cluster", &[("--grace", self.grace.is_some())])?;
        Ok(ApplyOptions { dry_run: self.dry_run == Some(DryRun::Server), force: self.force_conflicts })
    }

    pub(super) fn dry_run(&self) -> Option<DryRun> {
        self.dry_run
    }

    /// How long a cluster is waited for, if it is.
    pub(super) fn wait(&self) -> Option<(Demand, Duration)> {
        let demand = if self.allow_unverified { Demand::Verifiable } else { Demand::All };
        self.wait.then(|| (demand, self.timeout.unwrap_or(CLUSTER_TIMEOUT)))
    }
}
