//! The arguments of `lanectl status`.

use clap::Args;
use lane::name::GroupName;

use super::ui::Output;

/// Show a lane group as it is in the cluster: conditions, lanes, and the workloads of every service
///
/// A condition that is not true says what to do about it. Callers that the group's routes do not reach are named: they
/// call every version of a service.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Name of the lane group; the only one of the namespace if not given
    #[arg(long = "group", value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Output,
}
