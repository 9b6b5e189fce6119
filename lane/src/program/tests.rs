//! The engine by tables and properties: what each role does with a request.

mod browsers;
mod entry;
mod faults;
mod hops;
mod index;
mod preflights;
mod sources;
mod tickets;

use serde_json::{Value, json};

use super::Program;
use crate::head::MemoryHead;
use crate::outcome::{Edit, Outcome};

/// A program for `role` with `lanes`, with baggage and trail unless `extra` says otherwise.
fn program(role: &str, lanes: Value, extra: Value) -> Program {
    let mut config = json!({
        "version": 1, "generation": 7, "group": "shop", "role": role, "workload": "w", "laneHeader": "x-lane",
        "baggage": "lane", "lanes": lanes,
    });
    for (key, value) in extra.as_object().unwrap() {
        config[key] = value.clone();
    }
    Program::from_json(config.to_string().as_bytes()).unwrap()
}

/// A head of `name: value` lines; `@address` and `@identity` stand for the caller, `@destination` for the route.
fn head(lines: &[(&str, &str)]) -> MemoryHead {
    let mut head = MemoryHead::default();
    for (name, value) in lines {
        match *name {
            "@address" => head.source_address = Some((*value).to_owned()),
            "@destination" => head.destination = Some((*value).to_owned()),
            "@identity" => head.source_identity = Some((*value).to_owned()),
            name => head.headers.push((name.to_owned(), value.as_bytes().to_vec())),
        }
    }
    head
}

/// The edits as text, `name=value` or `-name`.
fn edits(outcome: &Outcome<'_>) -> Vec<String> {
    let text = |edit: &Edit<'_>| match edit {
        Edit::Set { name, value } => format!("{name}={}", String::from_utf8_lossy(value)),
        Edit::Remove { name } => format!("-{name}"),
    };
    outcome.edits.iter().map(text).collect()
}

/// The counters as statistic names.
fn counters(program: &Program, outcome: &Outcome<'_>) -> Vec<String> {
    outcome.counters.iter().map(|id| program.counter(id).unwrap().stat_name()).collect()
}

#[test]
fn an_unknown_version_is_refused_whatever_else_it_holds() {
    let problems = Program::from_json(br#"{"version": 4, "lanes": "new form"}"#).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "version: version 4 is not 1 to 3; use a module and a writer of the same release"
    );
}

#[test]
fn text_that_is_no_configuration_is_refused() {
    for bad in ["", "{", "[]", "{\"version\": 1}", "{\"version\": \"1\"}", "\u{0}"] {
        assert!(Program::from_json(bad.as_bytes()).is_err(), "{bad:?}");
    }
}
