//! `lanectl diff`: what `apply` would change.

use std::path::PathBuf;

use clap::Args;
use envoy_config::standalone::Proxy;
use similar::TextDiff;

use super::error::CommandError;
use super::ui::Ui;
use super::{now_ms, state, target};
use crate::standalone::change::{checked, proxies};
use crate::standalone::error::Result;
use crate::standalone::files;
use crate::standalone::store::Store;

/// Show how what is in force differs from what the objects ask for
///
/// On files all of them are compared; on a cluster the lanes and groups of files with what stands there.
/// Exit code 0: no difference; 1: there are differences; greater: it failed, as `kubectl diff` has it.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// Lanes or groups to compare (cluster); - reads standard input
    #[arg(short, long = "file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

pub(super) fn run(store: &Store, args: &DiffArgs, ui: &Ui) -> Result<u8, CommandError> {
    target::refuse("files", &[("--file", !args.files.is_empty())])?;
    let state = state(store)?;
    let (objects, warnings) = checked(store.objects()?, now_ms())?;
    ui.problems(&warnings);
    let wanted = proxies(store, &state.module, &objects, state.generation)?;
    let in_force = state.in_force();
    let in_force = in_force.map(|objects| proxies(store, &state.module, objects, state.generation));
    let in_force = in_force.transpose()?.unwrap_or_default();
    let gone = in_force.iter().filter(|old| wanted.iter().all(|proxy| proxy.name != old.name));
    let mut differs = false;
    for proxy in &wanted {
        for file in &proxy.files {
            differs |= file_differs(store, proxy, &file.path, Some(&file.content), ui)?;
        }
    }
    for proxy in gone {
        for file in &proxy.files {
            differs |= file_differs(store, proxy, &file.path, None, ui)?;
        }
    }
    Ok(u8::from(differs))
}

/// Prints how a file differs from what it should be; `None` where it should not be.
fn file_differs(store: &Store, proxy: &Proxy, path: &str, wanted: Option<&str>, ui: &Ui) -> Result<bool> {
    let current = files::read(&store.proxy_dir(proxy.name.as_str()).join(path))?;
    if current.as_deref() == wanted {
        return Ok(false);
    }
    let name = format!("{}/{path}", proxy.name);
    ui.data(&unified(&name, current.as_deref(), wanted))?;
    Ok(true)
}

/// How a text differs from what it should be, as a unified diff.
pub(super) fn unified(name: &str, current: Option<&str>, wanted: Option<&str>) -> String {
    let side = |text: Option<&str>| if text.is_some() { name } else { "/dev/null" };
    let diff = TextDiff::from_lines(current.unwrap_or_default(), wanted.unwrap_or_default());
    diff.unified_diff().header(side(current), side(wanted)).to_string()
}
