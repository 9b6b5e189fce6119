//! `lanectl fault set`: inject a fault.

use std::path::{Path, PathBuf};

use clap::Args;
use lane::model::{LANE_FAULT, LaneFault};
use lane::name::{FaultName, GroupName};
use lane::problem::Problem;

use super::flags::{FaultFlags, NAMES};
use crate::cli::error::CommandError;
use crate::cli::set_lane::text_of;
use crate::cli::ui::Ui;
use crate::cli::{ChangeArgs, apply, open};
use crate::standalone::documents::{in_file, parse_fault};
use crate::standalone::error::{Error, Result};
use crate::standalone::store::Store;

/// Inject a fault, or replace one
#[derive(Debug, Args)]
pub(in crate::cli) struct SetArgs {
    /// Name of the fault, as metrics and access logs have it
    pub(in crate::cli) name: FaultName,
    /// Lane group of the fault; the only one there is if not given
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) group: Option<GroupName>,
    #[command(flatten)]
    flags: FaultFlags,
    /// A LaneFault object instead of flags; - reads standard input
    #[arg(short, long, value_name = "FILE", conflicts_with_all = NAMES)]
    pub(in crate::cli) file: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) change: ChangeArgs,
}

impl SetArgs {
    /// The fault that the flags describe; it belongs to `only` where they name no group.
    pub(in crate::cli) fn fault(&self, only: &GroupName) -> Result<LaneFault, CommandError> {
        let spec = self.flags.spec(self.group.clone().unwrap_or_else(|| only.clone()))?;
        Ok(LaneFault::new(LANE_FAULT, self.name.clone(), spec))
    }

    /// The fault in the text of a file, which must be about the same fault as the command.
    pub(in crate::cli) fn fault_in(&self, path: &Path, text: &str) -> Result<LaneFault> {
        let refused = |found| Error::Refused(in_file(path, found).collect());
        let fault = parse_fault(text).map_err(refused)?;
        if fault.metadata.name != self.name {
            let reason =
                format!("the file is about fault {}, the command about {}", fault.metadata.name, self.name);
            return Err(refused(vec![Problem::error("metadata.name", reason, "use the same name in both")]));
        }
        Ok(fault)
    }
}

pub(super) async fn run(store: &Store, args: &SetArgs, ui: &Ui) -> Result<u8, CommandError> {
    let (_lock, state) = open(store)?;
    let mut objects = store.objects()?;
    let fault = match &args.file {
        Some(path) => args.fault_in(path, &text_of(path)?)?,
        None => args.fault(&objects.group.metadata.name)?,
    };
    objects.faults.retain(|other| other.metadata.name != fault.metadata.name);
    objects.faults.push(fault);
    objects.faults.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let what = format!("fault {}", args.name);
    apply::carry_out(store, state, objects, &args.change, &what, ui).await
}
