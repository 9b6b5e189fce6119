//! What serde says, in the words of someone who writes YAML.

use serde_json::Value;

use super::place::{Step, display};
use crate::problem::Problem;

/// What serde expects, and what a user would call it.
const EXPECTED: &[(&str, &str)] = &[
    ("a string", "a text, in quotes"),
    ("a sequence", "a list"),
    ("a boolean", "true or false"),
    ("f64", "a number"),
    ("i32", "a whole number"),
    ("map with a single key", "an object with exactly one key"),
    ("string or map", "an object with exactly one key"),
    ("newtype variant", "a value below it"),
];

/// What serde found, and what a user would call it.
const FOUND: &[(&str, &str)] = &[
    ("invalid type: unit variant", "it has no value"),
    ("invalid type: sequence", "invalid type: list"),
    ("invalid type: map", "invalid type: object"),
    ("invalid type: null", "it has no value"),
    ("invalid value: map", "it does not have exactly one key"),
];

/// The whole is no object of `kind`.
pub(super) fn no_object(value: &Value, kind: &str) -> Problem {
    let found = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let remedy = format!("write a {kind} with apiVersion, kind, metadata and spec");
    Problem::error("", format!("expected an object, found {found}"), remedy)
}

/// The field that a message of serde says is missing.
pub(super) fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

/// A required field is not there.
pub(super) fn missing(place: &[Step], field: &str) -> Problem {
    Problem::error(display(place), "it is missing", format!("add {field}"))
}

/// A field has no meaning.
pub(super) fn unknown(place: &[Step]) -> Problem {
    Problem::error(display(place), "the field is not known", "remove it or correct its spelling")
}

/// Any other message of serde.
pub(super) fn problem(place: &[Step], message: &str) -> Problem {
    let place = display(place);
    let Some((found, expected)) = message.split_once(", expected ") else {
        return Problem::error(place, message, "correct it");
    };
    if expected.starts_with("struct ") {
        // Serde also takes a list for the fields in their order; it is then the length that is wrong.
        let found = if found.starts_with("invalid length") { "invalid type: list" } else { found };
        return Problem::error(place, in_words(FOUND, found), "write an object with named fields");
    }
    Problem::error(place, in_words(FOUND, found), format!("write {}", in_words(EXPECTED, expected)))
}

fn in_words<'t>(words: &[(&str, &'static str)], text: &'t str) -> &'t str {
    words.iter().find(|(theirs, _)| *theirs == text).map_or(text, |(_, ours)| ours)
}
