//! `lanectl validate`: are the objects right?

use std::path::PathBuf;

use clap::Args;
use lane::problem::Problem;

use super::error::CommandError;
use super::now_ms;
use super::set_lane::text_of;
use super::ui::Ui;
use crate::standalone::documents::{in_file, parse_lane};
use crate::standalone::error::{Error, Result};
use crate::standalone::store::Store;

/// Report every problem of the objects, and of lane files beside them
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Lane files to check as if they were set; - reads standard input
    #[arg(short, long = "file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

pub(super) fn run(store: &Store, args: &ValidateArgs, ui: &Ui) -> Result<u8, CommandError> {
    let mut objects = store.objects()?;
    let mut problems = Vec::new();
    for path in &args.files {
        match parse_lane(&text_of(path)?) {
            Ok(lane) => {
                objects.lanes.retain(|other| other.metadata.name != lane.metadata.name);
                objects.lanes.push(lane);
            }
            Err(found) => problems.extend(in_file(path, found)),
        }
    }
    problems.extend(objects.problems(now_ms()));
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Problem::is_error);
    ui.problems(&warnings);
    if !errors.is_empty() {
        return Err(Error::Refused(errors).into());
    }
    ui.say(&format!("group {} is valid, lanes: {}", objects.group.metadata.name, objects.lanes.len()));
    Ok(0)
}
