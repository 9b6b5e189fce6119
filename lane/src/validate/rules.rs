//! The rules of one lane.

use super::{repeated, stands_twice};
use crate::host::host_only;
use crate::matcher::compile_regex;
use crate::model::{Condition, Lane, LaneGroup, StickyKey, ValueMatch};
use crate::name::HeaderName;
use crate::predicate::MAX_DEPTH;
use crate::problem::Problem;

/// The most conditions in one rule, nested ones counted.
pub const MAX_TERMS: usize = 64;

/// The most values in one in-list.
pub const MAX_VALUES: usize = 1_000;

/// Checks a lane's rules and the key of its share.
pub(super) fn check(group: &LaneGroup, lane: &Lane, problems: &mut Vec<Problem>) {
    for i in repeated(lane.spec.rules.iter().map(|rule| &rule.name)) {
        problems.push(stands_twice(format!("spec.rules[{i}].name")));
    }
    for (i, rule) in lane.spec.rules.iter().enumerate() {
        whole(group, &rule.condition, &format!("spec.rules[{i}].match"), problems);
    }
    match lane.spec.share.as_ref().and_then(|share| share.key.as_ref()) {
        Some(StickyKey::Header(name)) => header(group, name, "spec.share.key.header", problems),
        Some(StickyKey::Cookie(name)) => cookie_name(name, "spec.share.key.cookie", problems),
        Some(StickyKey::Query(name)) => query_name(name, "spec.share.key.query", problems),
        Some(StickyKey::Source) | None => {}
    }
}

/// Checks a condition with all that it consists of.
pub(super) fn whole(group: &LaneGroup, term: &Condition, path: &str, problems: &mut Vec<Problem>) {
    let terms = count(term);
    if terms > MAX_TERMS {
        let reason = format!("the rule has {terms} conditions, more than {MAX_TERMS}");
        problems.push(Problem::error(path, reason, "divide it into several rules, or use in-lists"));
    }
    condition(group, term, path, 0, problems);
}

fn count(condition: &Condition) -> usize {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().map(count).sum::<usize>().saturating_add(1)
        }
        Condition::Not(part) => count(part).saturating_add(1),
        _ => 1,
    }
}

fn condition(group: &LaneGroup, term: &Condition, path: &str, depth: usize, problems: &mut Vec<Problem>) {
    if depth > MAX_DEPTH {
        let reason = format!("conditions nest deeper than {MAX_DEPTH}");
        problems.push(Problem::error(path, reason, "flatten all, any and not"));
        return;
    }
    let below = depth.saturating_add(1);
    match term {
        Condition::All(parts) => list(group, "all", parts, path, below, problems),
        Condition::Any(parts) => list(group, "any", parts, path, below, problems),
        Condition::Not(part) => condition(group, part, &format!("{path}.not"), below, problems),
        Condition::Header(m) => {
            header(group, &m.name, &format!("{path}.header.name"), problems);
            value(&m.value, &format!("{path}.header.value"), problems);
        }
        Condition::Cookie(m) => {
            cookie_name(&m.name, &format!("{path}.cookie.name"), problems);
            value(&m.value, &format!("{path}.cookie.value"), problems);
        }
        Condition::Query(m) => {
            query_name(&m.name, &format!("{path}.query.name"), problems);
            value(&m.value, &format!("{path}.query.value"), problems);
        }
        Condition::Path(text) => texts(text, "path", path, problems, path_text),
        Condition::Method(text) => texts(text, "method", path, problems, method_text),
        Condition::Host(text) => texts(text, "host", path, problems, host_text),
        Condition::Source(text) => value(text, &format!("{path}.source"), problems),
    }
}

fn list(
    group: &LaneGroup,
    word: &str,
    parts: &[Condition],
    path: &str,
    depth: usize,
    problems: &mut Vec<Problem>,
) {
    if parts.is_empty() {
        let reason = format!("{word} has no conditions");
        problems.push(Problem::error(format!("{path}.{word}"), reason, "add one or remove the rule"));
    }
    for (i, part) in parts.iter().enumerate() {
        condition(group, part, &format!("{path}.{word}[{i}]"), depth, problems);
    }
}

/// Refuses headers that the filter itself writes and outsiders may not send.
fn header(group: &LaneGroup, name: &HeaderName, path: &str, problems: &mut Vec<Problem>) {
    if *name == group.spec.lane_header || Some(name) == group.spec.propagation.trail.as_ref() {
        let reason = format!("{name} is written by the filter and removed from what outsiders send");
        problems.push(Problem::error(path, reason, "choose another header, such as x-gray"));
    }
}

pub(super) fn cookie_name(name: &str, path: &str, problems: &mut Vec<Problem>) {
    query_name(name, path, problems);
    if name.contains(|c: char| c.is_whitespace() || matches!(c, '=' | ';' | ',')) {
        let reason = format!("no cookie can be named {name:?}");
        problems.push(Problem::error(path, reason, "write the name only, without = and value"));
    }
}

pub(super) fn query_name(name: &str, path: &str, problems: &mut Vec<Problem>) {
    if name.is_empty() {
        problems.push(Problem::error(path, "the name is empty", "write the name"));
    }
}

fn value(value: &ValueMatch, path: &str, problems: &mut Vec<Problem>) {
    match value {
        ValueMatch::Present | ValueMatch::Exact(_) => {}
        ValueMatch::Prefix(text) => not_empty("prefix", text, path, problems),
        ValueMatch::Suffix(text) => not_empty("suffix", text, path, problems),
        ValueMatch::Contains(text) => not_empty("contains", text, path, problems),
        ValueMatch::Regex(pattern) => {
            if let Err(reason) = compile_regex(pattern) {
                let remedy = "correct it, or use exact, prefix, suffix, contains or in";
                problems.push(Problem::error(format!("{path}.regex"), reason, remedy));
            }
        }
        ValueMatch::In(values) => {
            if values.is_empty() {
                problems.push(Problem::error(format!("{path}.in"), "the list is empty", "add a value"));
            }
            if values.len() > MAX_VALUES {
                let reason = format!("the list has {} values, more than {MAX_VALUES}", values.len());
                problems.push(Problem::error(format!("{path}.in"), reason, "divide it into several rules"));
            }
        }
    }
}

fn not_empty(word: &str, text: &str, path: &str, problems: &mut Vec<Problem>) {
    if text.is_empty() {
        let reason = format!("the {word} is empty and holds for every value");
        problems.push(Problem::error(format!("{path}.{word}"), reason, "write a text, or present"));
    }
}

/// Checks a match and, with `check`, each text that a value is compared with.
fn texts(
    matching: &ValueMatch,
    subject: &str,
    path: &str,
    problems: &mut Vec<Problem>,
    check: fn(&ValueMatch, &str, &str) -> Option<Problem>,
) {
    let path = format!("{path}.{subject}");
    value(matching, &path, problems);
    let (word, texts) = match matching {
        ValueMatch::Exact(text) => ("exact", std::slice::from_ref(text)),
        ValueMatch::Prefix(text) => ("prefix", std::slice::from_ref(text)),
        ValueMatch::Suffix(text) => ("suffix", std::slice::from_ref(text)),
        ValueMatch::Contains(text) => ("contains", std::slice::from_ref(text)),
        ValueMatch::In(texts) => ("in", texts.as_slice()),
        ValueMatch::Present | ValueMatch::Regex(_) => return,
    };
    problems.extend(texts.iter().enumerate().filter_map(|(i, text)| {
        let place = if word == "in" { format!("{path}.in[{i}]") } else { format!("{path}.{word}") };
        check(matching, text, &place)
    }));
}

fn path_text(matching: &ValueMatch, text: &str, place: &str) -> Option<Problem> {
    if text.contains(['?', '#']) {
        let reason = format!("{text:?} never matches, since query and fragment are no part of the path");
        return Some(Problem::error(
            place,
            reason,
            "write the path alone, and a query condition for the rest",
        ));
    }
    let begins = match matching {
        ValueMatch::Exact(_) | ValueMatch::In(_) => true,
        // An empty one has a problem of its own.
        ValueMatch::Prefix(text) => !text.is_empty(),
        _ => false,
    };
    // `*` is the path of OPTIONS requests to the server itself.
    (begins && !text.starts_with('/') && text != "*").then(|| {
        let reason = format!("the path {text:?} does not start with a slash and never matches");
        Problem::error(place, reason, format!("write \"/{text}\""))
    })
}

fn method_text(_: &ValueMatch, text: &str, place: &str) -> Option<Problem> {
    text.bytes().any(|b| b.is_ascii_lowercase()).then(|| {
        let reason = format!("methods are upper case, and {text:?} is not");
        Problem::warning(place, reason, format!("write {}", text.to_ascii_uppercase()))
    })
}

fn host_text(matching: &ValueMatch, text: &str, place: &str) -> Option<Problem> {
    let compared = match matching {
        ValueMatch::Exact(_) | ValueMatch::In(_) => host_only(text.as_bytes()).into_owned(),
        // The colons of an IPv6 address begin no port.
        ValueMatch::Prefix(_) if !text.starts_with('[') => host_only(text.as_bytes()).into_owned(),
        _ => text.to_ascii_lowercase().into_bytes(),
    };
    (compared != text.as_bytes()).then(|| {
        let reason = format!("{text:?} never matches, since hosts are compared in lower case, without port");
        Problem::error(place, reason, format!("write {:?}", String::from_utf8_lossy(&compared)))
    })
}
