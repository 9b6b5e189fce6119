//! `lanectl apply`: bring the proxies to what the files say.

use clap::Args;

use super::error::CommandError;
use super::ui::Ui;
use super::{ChangeArgs, now_ms, open};
use crate::standalone::change::{self, Plan};
use crate::standalone::store::{Objects, State, Store};

/// Bring the proxies to what group.yaml, topology.yaml and lanes/ say (files)
///
/// Also finishes a change that was cut off, and restores files that somebody changed.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(store: &Store, args: &ApplyArgs, ui: &Ui) -> Result<u8, CommandError> {
    let (_lock, state) = open(store)?;
    let objects = store.objects()?;
    carry_out(store, state, objects, &args.change, "configuration", ui).await
}

/// Carries a change of the objects out, and says what came of it.
pub(super) async fn carry_out(
    store: &Store,
    state: State,
    objects: Objects,
    args: &ChangeArgs,
    what: &str,
    ui: &Ui,
) -> Result<u8, CommandError> {
    let options = args.on_files()?;
    let waits = options.wait;
    let plan = Plan::new(store, &state, objects, now_ms())?;
    if args.dry_run().is_some() {
        ui.problems(plan.warnings());
        ui.say(&format!("{what} {}", if plan.changes() { "would change" } else { "would stay as it is" }));
        return Ok(0);
    }
    let done = change::carry_out(store, state, plan, options).await?;
    ui.problems(&done.warnings);
    let verb = match (done.changed, waits) {
        (false, _) => "unchanged",
        (true, true) => "applied",
        (true, false) => "written",
    };
    ui.say(&format!("{what} {verb}, generation {}", done.generation));
    if !done.unverified.is_empty() {
        ui.say(&format!("unverified, since they do not run: {}", done.unverified.join(", ")));
    }
    Ok(0)
}
