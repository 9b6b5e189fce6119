//! `lanectl render`: the files that would be written.

use std::path::PathBuf;

use clap::Args;
use envoy_config::standalone::Proxy;

use super::error::CommandError;
use super::ui::Ui;
use super::{now_ms, state};
use crate::standalone::change::{checked, proxies};
use crate::standalone::error::{Error, Result};
use crate::standalone::files;
use crate::standalone::store::Store;

/// Print the files of every proxy, or write them elsewhere, without applying anything (files)
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
    let (objects, warnings) = checked(store.objects()?, now_ms())?;
    ui.problems(&warnings);
    let rendered = proxies(store, &state.module, &objects, state.generation)?;
    let chosen = |proxy: &&Proxy| args.proxy.as_deref().is_none_or(|name| proxy.name.as_str() == name);
    if let (None, Some(name)) = (rendered.iter().find(chosen), &args.proxy) {
        return Err(Error::NotFound { kind: "proxy", name: name.clone() }.into());
    }
    for proxy in rendered.iter().filter(chosen) {
        for file in &proxy.files {
            match &args.out {
                Some(out) => {
                    files::write(&out.join(proxy.name.as_str()).join(&file.path), file.content.as_bytes())?;
                }
                None => {
                    ui.data(&format!("--- {}/{}\n{}", proxy.name, file.path, file.content))?;
                }
            }
        }
    }
    Ok(0)
}
