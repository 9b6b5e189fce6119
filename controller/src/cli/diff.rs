//! `lanectl diff`: what `apply` would change.

use clap::Args;
use similar::TextDiff;

use super::error::CommandError;
use super::state;
use super::ui::Ui;
use crate::standalone::change::{proxies, with_buckets};
use crate::standalone::error::Result;
use crate::standalone::files;
use crate::standalone::store::Store;

/// Show how the files in force differ from what the objects ask for
///
/// Exit code 0: no difference; 1: there are differences, as `kubectl diff` has it.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {}

pub(super) fn run(store: &Store, _args: &DiffArgs, ui: &Ui) -> Result<u8, CommandError> {
    let state = state(store)?;
    let objects = with_buckets(store.objects()?);
    let mut differs = false;
    for proxy in proxies(store, &state, &objects, state.generation)? {
        for file in &proxy.files {
            let current =
                files::read(&store.proxy_dir(proxy.name.as_str()).join(&file.path))?.unwrap_or_default();
            if current != file.content {
                differs = true;
                let name = format!("{}/{}", proxy.name, file.path);
                let diff = TextDiff::from_lines(&current, &file.content);
                ui.data(&diff.unified_diff().header(&name, &name).to_string());
            }
        }
    }
    Ok(u8::from(differs))
}
