//! The rules of one lane.

use super::{repeated, stands_twice};
use crate::matcher::compile_regex;
use crate::model::{Condition, Lane, LaneGroup, StickyKey, ValueMatch};
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
        let path = format!("spec.rules[{i}].match");
        let terms = count(&rule.condition);
        if terms > MAX_TERMS {
            let reason = format!("the rule has {terms} conditions, more than {MAX_TERMS}");
            problems.push(Problem::error(&path, reason, "divide it into several rules, or use in-lists"));
        }
        condition(group, &rule.condition, &path, 0, problems);
    }
    if let Some(StickyKey::Header(name)) = lane.spec.share.as_ref().and_then(|share| share.key.as_ref())
        && is_ours(group, name.as_str())
    {
        problems.push(ours("spec.share.key.header", name.as_str()));
    }
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
        Condition::Header(header) => {
            if is_ours(group, header.name.as_str()) {
                problems.push(ours(&format!("{path}.header.name"), header.name.as_str()));
            }
            value(&header.value, &format!("{path}.header.value"), problems);
        }
        Condition::Cookie(cookie) => named(&cookie.name, &cookie.value, &format!("{path}.cookie"), problems),
        Condition::Query(query) => named(&query.name, &query.value, &format!("{path}.query"), problems),
        Condition::Path(text) => {
            starts_with_slash(text, &format!("{path}.path"), problems);
            value(text, &format!("{path}.path"), problems);
        }
        Condition::Method(text) => {
            upper_case(text, &format!("{path}.method"), problems);
            value(text, &format!("{path}.method"), problems);
        }
        Condition::Host(text) => value(text, &format!("{path}.host"), problems),
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

/// Headers that the filter itself writes and outsiders may not send.
fn is_ours(group: &LaneGroup, name: &str) -> bool {
    let trail = group.spec.propagation.trail.as_ref();
    group.spec.lane_header.as_str() == name || trail.is_some_and(|trail| trail.as_str() == name)
}

fn ours(path: &str, name: &str) -> Problem {
    let reason = format!("{name} is written by the filter and removed from what outsiders send");
    Problem::error(path, reason, "choose another header, such as x-gray")
}

fn named(name: &str, text: &ValueMatch, path: &str, problems: &mut Vec<Problem>) {
    if name.is_empty() {
        problems.push(Problem::error(format!("{path}.name"), "the name is empty", "write the name"));
    }
    value(text, &format!("{path}.value"), problems);
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

fn starts_with_slash(value: &ValueMatch, path: &str, problems: &mut Vec<Problem>) {
    let texts: &[String] = match value {
        ValueMatch::Exact(text) | ValueMatch::Prefix(text) => std::slice::from_ref(text),
        ValueMatch::In(texts) => texts,
        _ => return,
    };
    for text in texts.iter().filter(|text| !text.is_empty() && !text.starts_with('/') && *text != "*") {
        let reason = format!("the path {text:?} does not start with a slash and never matches");
        problems.push(Problem::error(path, reason, format!("write \"/{text}\"")));
    }
}

fn upper_case(value: &ValueMatch, path: &str, problems: &mut Vec<Problem>) {
    let texts: &[String] = match value {
        ValueMatch::Exact(text) => std::slice::from_ref(text),
        ValueMatch::In(texts) => texts,
        _ => return,
    };
    for text in texts.iter().filter(|text| text.bytes().any(|b| b.is_ascii_lowercase())) {
        let reason = format!("methods are upper case, and {text:?} is not");
        problems.push(Problem::warning(path, reason, format!("write {}", text.to_ascii_uppercase())));
    }
}
