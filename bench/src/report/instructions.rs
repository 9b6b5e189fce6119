//! Counted instructions as Markdown.

use std::collections::BTreeMap;

use super::{grouped, markdown};
use crate::instructions::{Count, Counts};
use crate::side::NOOP;

/// Both tables.
#[must_use]
pub fn tables(counts: &Counts) -> String {
    let noop = counts.request(NOOP).map(|count| count.instructions);
    let rows = counts.requests.iter().map(|count| cells(count, noop));
    let wasm = markdown(&["case", "Wasm instructions", "÷ no-op", "host calls", "allocations"], rows);
    if counts.native.is_empty() {
        return wasm;
    }
    let native = counts.native.iter().map(|count| vec![count.key.clone(), grouped(count.instructions)]);
    let head = ["one decision of the engine alone, natively", "instructions (callgrind)"];
    format!("{wasm}\n{}", markdown(&head, native))
}

fn cells(count: &Count, noop: Option<f64>) -> Vec<String> {
    let ratio = noop.map(|noop| format!("{:.2}", count.instructions / noop)).unwrap_or_default();
    let Count { title, instructions, host_calls, allocations, .. } = count;
    vec![title.clone(), grouped(*instructions), ratio, calls(host_calls), allocations.to_string()]
}

/// Names of host calls with how often each was made.
fn calls(names: &[String]) -> String {
    let mut often: BTreeMap<&str, u32> = BTreeMap::new();
    for name in names {
        *often.entry(name).or_default() += 1;
    }
    let text: Vec<String> = often.iter().map(|(name, times)| format!("{times} {name}")).collect();
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_name() {
        assert_eq!(calls(&["b", "a", "b"].map(str::to_owned)), "1 a, 2 b");
        assert_eq!(calls(&[]), "");
    }
}
