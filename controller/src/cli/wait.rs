//! `lanectl wait`: do all proxies run what was applied?

use std::time::Duration;

use clap::Args;
use lane::name::{GroupName, LaneName};
use tokio::time::Instant;

use super::error::CommandError;
use super::proxy_view::{self, ProxyView};
use super::ui::{Output, Ui};
use super::{rule_flags, state, target};
use crate::standalone::error::{Error, Result};
use crate::standalone::receipts::{Answer, Demand, POLL, lagging};
use crate::standalone::store::{State, Store};

/// How long files are waited for where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Wait until every proxy runs the applied generation on every worker
///
/// The proxies are asked, not the files; on a cluster the controller asks them. Exit code 3 names those that lag or
/// cannot be asked.
#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// Only until this lane has come as far (cluster)
    pub(super) lane: Option<LaneName>,
    /// Lane group; the only one of the namespace if not given (cluster)
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    /// How long to wait [default: 30s on files, 2m on a cluster]
    #[arg(long, value_name = "DURATION", value_parser = rule_flags::duration)]
    pub(super) timeout: Option<Duration>,
    /// Only name proxies that do not run or cannot be asked, instead of waiting for them
    #[arg(long)]
    pub(super) allow_unverified: bool,
    /// How to print the answers
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Output,
}

pub(super) async fn run(store: &Store, args: &WaitArgs, ui: &Ui) -> Result<u8, CommandError> {
    let demand = if args.allow_unverified { Demand::Verifiable } else { Demand::All };
    target::refuse("files", &[("LANE", args.lane.is_some()), ("--group", args.group.is_some())])?;
    let deadline = Instant::now() + args.timeout.unwrap_or(TIMEOUT);
    // The state is read anew in each round, since another `lanectl` may be carrying a change out.
    let (state, views) = loop {
        let state = state(store)?;
        let views = ProxyView::all(store, &state).await?;
        let done = state.begun.is_none() && lagging(&answers(&views), demand).is_empty();
        if done || Instant::now() >= deadline {
            break (state, views);
        }
        tokio::time::sleep(POLL).await;
    };
    proxy_view::print(&views, args.output, ui)?;
    for warning in views.iter().filter_map(|view| view.answer().clock_warning()) {
        ui.say(&format!("warning: {warning}"));
    }
    verdict(store, &state, &answers(&views), demand, ui)
}

fn answers(views: &[ProxyView]) -> Vec<Answer> {
    views.iter().map(ProxyView::answer).collect()
}

fn verdict(
    store: &Store,
    state: &State,
    answers: &[Answer],
    demand: Demand,
    ui: &Ui,
) -> Result<u8, CommandError> {
    let generation = state.generation;
    let lagging_ones = lagging(answers, demand);
    if !lagging_ones.is_empty() {
        return Err(Error::TimedOut { generation, lagging: lagging_ones }.into());
    }
    if state.begun.is_some() {
        return Err(Error::Unfinished(store.dir().to_owned()).into());
    }
    let unverified = lagging(answers, Demand::All);
    for proxy in &unverified {
        ui.say(&format!("warning: {proxy}"));
    }
    let current = answers.len().saturating_sub(unverified.len());
    ui.say(&format!("{current} of {} proxies run generation {generation}", answers.len()));
    Ok(0)
}
