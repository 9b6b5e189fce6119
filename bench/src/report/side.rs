//! The table of the side-by-side run.

use super::{grouped, markdown};
use crate::sample::{Ratio, Spread};
use crate::side::{Burst, Measured, NOOP, Run};

/// Rows of the Lua filter, each with the rows of ours that do the same.
const SAME_LOGIC: [(&str, &[&str]); 4] = [
    ("lua", &["entry", "rules-1000", "rules-10000"]),
    ("lua-lane", &["entry-lane", "rules-1000-lane", "rules-10000-lane"]),
    ("lua-baggage", &["entry-baggage"]),
    ("lua-baggage-lane", &["entry-baggage-lane"]),
];

/// The run as Markdown.
#[must_use]
pub fn table(run: &Run) -> String {
    let Burst { requests, clients, streams, protocol } = run.burst;
    let rounds = run.rows.first().map_or(0, |row| row.cpu_us.len());
    let waited = Spread::of(&run.rows.iter().flat_map(|row| row.waited.iter().copied()).collect::<Vec<_>>());
    let rows = run.rows.iter().map(|row| cells(run, row));
    let head = [
        "row",
        "base",
        "CPU µs",
        "more than base, µs",
        "by round, median (quartiles)",
        "÷ no-op",
        "÷ Lua",
        "requests/s",
    ];
    format!(
        "{rounds} rounds of {requests} requests over {}, {clients} connections with {streams} in flight each. \
         The worker waited for its core {:.0} % as long as it ran (median; 0 % on an idle machine).\n\n{}",
        protocol.as_str(),
        waited.median * 100.0,
        markdown(&head, rows)
    )
}

fn cells(run: &Run, row: &Measured) -> Vec<String> {
    let cpu = Spread::of(&row.cpu_us);
    let cost = run.cost(&row.key);
    let low = cost.map(|cost| format!("{:+.2}", cost.low()));
    let by_round = cost.map(|cost| {
        let Spread { p25, median, p75, .. } = cost.by_round();
        format!("{median:+.2} ({p25:+.2} to {p75:+.2})")
    });
    let lua = SAME_LOGIC.iter().find(|(_, ours)| ours.contains(&row.key.as_str()));
    let ratio = |ratio: Option<Ratio>| {
        ratio.map(|Ratio { value, low, high }| format!("{value:.2} ({low:.2}–{high:.2})")).unwrap_or_default()
    };
    vec![
        row.title.clone(),
        row.base.clone().unwrap_or_default(),
        format!("{:.2}", cpu.p25),
        low.unwrap_or_default(),
        by_round.unwrap_or_default(),
        ratio(run.ratio(&row.key, NOOP)),
        ratio(lua.and_then(|(lua, _)| run.ratio(&row.key, lua))),
        grouped(Spread::of(&row.per_second).median),
    ]
}
