//! `lanectl render`: the files that would be written.

use std::path::PathBuf;

use clap::Args;

use super::error::CommandError;
use super::state;
use super::ui::Ui;
use crate::standalone::change::{proxies, with_buckets};
use crate::standalone::error::Result;
use crate::standalone::files;
use crate::standalone::store::Store;

/// Print the files of every proxy, or write them elsewhere, without applying anything
#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// Directory to write to instead of printing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only this proxy
    #[arg(long, value_name = "NAME")]
    proxy: Option<String>,
}

pub(super) fn run(store: &Store, args: &RenderArgs, ui: &Ui) -> Result<u8, CommandError> {
    let state = state(store)?;
    let objects = with_buckets(store.objects()?);
    let rendered = proxies(store, &state, &objects, state.generation)?;
    for proxy in rendered.iter().filter(|p| args.proxy.as_deref().is_none_or(|name| p.name.as_str() == name))
    {
        for file in &proxy.files {
            match &args.out {
                Some(out) => {
                    files::write(&out.join(proxy.name.as_str()).join(&file.path), file.content.as_bytes())?;
                }
                None => {
                    ui.data(&format!("--- {}/{}\n{}", proxy.name, file.path, file.content));
                }
            }
        }
    }
    Ok(0)
}
