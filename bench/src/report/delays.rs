//! How exact delays are, as Markdown.

use super::{grouped, markdown};
use crate::delays::Delays;

/// The table.
#[must_use]
pub fn table(rows: &[Delays]) -> String {
    let head = [
        "delay by",
        "delay, ms",
        "requests at once",
        "requests",
        "p50, ms longer",
        "p99, ms longer",
        "least",
    ];
    let cells = rows.iter().map(|row| {
        let Delays { title, delay_ms, concurrent, requests, p50_ms, p99_ms, least_ms } = row;
        vec![
            title.clone(),
            grouped(*delay_ms as f64),
            grouped(f64::from(*concurrent)),
            grouped(*requests as f64),
            format!("{p50_ms:.2}"),
            format!("{p99_ms:.2}"),
            format!("{least_ms:.2}"),
        ]
    });
    let note = "How much longer than the delay requests took, over HTTP/2, with one worker on the cores of the load generator. \
                1,000 requests at once with 10 ms each keep both busy all the time: those rows tell of the machine.\n";
    format!("{note}\n{}", markdown(&head, cells))
}
