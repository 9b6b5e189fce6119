//! The arguments of `lanectl install` and `lanectl uninstall`.

use std::time::Duration;

use clap::Args;

use super::change_args::DryRun;
use super::rule_flags;
use crate::cluster::module::ModuleFlags;

/// Install custom resources, rights and the controller into a cluster
///
/// The controller goes into the namespace graylane-system unless --namespace names another one. It can be repeated:
/// what stands already stays. Proxies get the module from the controller unless a flag names another place.
#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    /// Image of the controller
    #[arg(long, value_name = "IMAGE")]
    pub(super) image: String,
    /// Secret by which the image is pulled, in the controller's namespace; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) image_pull_secret: Vec<String>,
    #[command(flatten)]
    pub(super) module: ModuleFlags,
    /// Let the controller work in the namespace of --namespace alone: it needs no rights in the cluster, and the
    /// namespace has to be there
    #[arg(long)]
    pub(super) namespaced: bool,
    /// Print the objects without asking a cluster (`client`), or let the API server check them (`server`)
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true,
          default_missing_value = "client")]
    pub(super) dry_run: Option<DryRun>,
    /// Wait until the controller is ready
    #[arg(long)]
    pub(super) wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = rule_flags::duration)]
    pub(super) timeout: Duration,
    /// Take over fields that somebody else manages
    #[arg(long)]
    pub(super) force_conflicts: bool,
}

/// Remove from a cluster what `install` has brought
///
/// Lane groups have to be removed before, since the controller cleans up after them.
#[derive(Debug, Args)]
pub(super) struct UninstallArgs {
    /// What `install --namespaced` has brought; the custom resources stay, since other namespaces may have lanes
    #[arg(long)]
    pub(super) namespaced: bool,
    /// Print what would be removed without asking a cluster (`client`), or let the API server check it (`server`)
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true,
          default_missing_value = "client")]
    pub(super) dry_run: Option<DryRun>,
}
