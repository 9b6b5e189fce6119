//! The arguments of `lanectl promote`, `lanectl rollback` and `lanectl history`.

use std::time::Duration;

use clap::Args;
use lane::model::Afterwards;
use lane::name::{GroupName, LaneName};

use super::change_args::DryRun;
use super::rule_flags;
use super::ui::Output;

/// Make a lane's version the baseline: the baseline's workloads take it and roll out while the lane serves, then
/// the lane ends
///
/// The controller carries it out, and undoes it where a workload does not roll out; this command only asks for it
/// and may be killed. It can be repeated: a promotion that is under way is waited for. Copied are containers, init
/// containers, volumes and the service account.
#[derive(Debug, Args)]
pub(super) struct PromoteArgs {
    #[command(flatten)]
    pub(super) release: ReleaseArgs,
}

/// End a lane at once, and give the baseline back what it ran before the lane was promoted, if it was
///
/// The controller carries it out: first nobody enters the lane any more, then workloads change. It can be repeated.
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    #[command(flatten)]
    pub(super) release: ReleaseArgs,
    /// That there is no such lane is no fault
    #[arg(long)]
    pub(super) ignore_not_found: bool,
}

/// What promotion and rollback have in common.
#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// Name of the lane
    pub(super) name: LaneName,
    /// Lane group of the lane; the only one there is if not given
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    /// Wait until it has ended, at most twice as long as --timeout: what fails has to be undone
    #[arg(long)]
    pub(super) wait: bool,
    /// How long the workloads may take to roll out
    #[arg(long, value_name = "DURATION", value_parser = rule_flags::duration, default_value = "10m")]
    pub(super) timeout: Duration,
    /// Leave the lane's workloads as they are at the end, instead of scaling them to zero
    #[arg(long, conflicts_with = "delete")]
    keep: bool,
    /// Delete the lane's workloads at the end, instead of scaling them to zero
    #[arg(long)]
    delete: bool,
    /// Overwrite what others manage in the baseline's workloads; who will write it back should be told first
    #[arg(long)]
    pub(super) force_conflicts: bool,
    /// Say what would change, but change nothing; `server` lets the API server check it too
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true,
          default_missing_value = "client")]
    pub(super) dry_run: Option<DryRun>,
}

impl ReleaseArgs {
    /// What becomes of the lane's workloads.
    pub(super) fn afterwards(&self) -> Afterwards {
        match (self.keep, self.delete) {
            (true, _) => Afterwards::Keep,
            (_, true) => Afterwards::Delete,
            _ => Afterwards::ScaleToZero,
        }
    }
}

/// Show what has happened to the lanes of a group: who asked for what, when, and what became of it
///
/// The controller keeps the last 50 changes in the status of the group.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Only this lane
    pub(super) name: Option<LaneName>,
    /// Lane group; the only one there is if not given
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Output,
}
