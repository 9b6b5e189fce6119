//! `lanectl wait`: do all proxies run what was applied?

use clap::Args;
use serde::Serialize;
use tokio::time::Instant;

use super::error::CommandError;
use super::ui::{Output, Ui};
use super::{rule_flags, state};
use crate::standalone::change::{self, STAGES};
use crate::standalone::error::{Error, Result};
use crate::standalone::receipts::{self, Verdict};
use crate::standalone::store::Store;

/// Wait until every proxy runs the applied generation on every worker
///
/// The proxies are asked, not the files. Exit code 3 names those that lag or cannot be asked.
#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = rule_flags::duration)]
    timeout: std::time::Duration,
    /// Leave out proxies that do not run
    #[arg(long)]
    allow_unverified: bool,
    /// How to print the answers
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Serialize)]
struct Answer<'a> {
    proxy: &'a str,
    generation: u64,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

pub(super) async fn run(store: &Store, args: &WaitArgs, ui: &Ui) -> Result<u8, CommandError> {
    let state = state(store)?;
    let generation = state.generation;
    let objects = state.applied.as_ref().ok_or_else(|| unfinished(store))?;
    let proxies = change::proxies(store, &state, objects, generation)?;
    let deadline = Instant::now() + args.timeout;
    let waited = receipts::wait(&proxies, &STAGES, generation, deadline, !args.allow_unverified).await;
    if args.output != Output::Table || waited.is_ok() {
        let answers = receipts::ask(&proxies, &STAGES).await;
        print(&answers, generation, args.output, ui)?;
    }
    waited?;
    Ok(0)
}

fn unfinished(store: &Store) -> Error {
    let reason = "the last change was not finished; run `lanectl apply`".to_owned();
    Error::Unreadable { path: store.dir().to_owned(), reason }
}

fn print(answers: &[(String, Verdict)], generation: u64, output: Output, ui: &Ui) -> Result<u8> {
    let current = answers.iter().filter(|(_, verdict)| *verdict == Verdict::Current).count();
    match output {
        Output::Json | Output::Yaml => {
            let list: Vec<_> =
                answers.iter().map(|(proxy, verdict)| Answer { proxy, generation, verdict }).collect();
            ui.object(&list, output)
        }
        Output::Name => {
            let names = answers.iter().map(|(proxy, _)| format!("proxy/{proxy}\n"));
            Ok(ui.data(&names.collect::<String>()))
        }
        Output::Table | Output::Wide => {
            let text = format!("{current} of {} proxies run generation {generation}\n", answers.len());
            Ok(ui.data(&text))
        }
    }
}
