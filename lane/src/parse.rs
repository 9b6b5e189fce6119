//! Reading what a user wrote: all problems at once, each with its field path.
//!
//! The model's types derive serde, which stops at the first error. So the reader notes the error, takes the
//! place that it names out of the value, and reads again, until nothing is left to complain about.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{API_VERSION, LANE, LANE_GROUP, Lane, LaneGroup};
use crate::problem::Problem;

/// The most problems that are reported for one object.
const MAX_PROBLEMS: usize = 100;

/// Reads a lane group.
///
/// # Errors
/// All problems found.
pub fn group(value: Value) -> Result<LaneGroup, Vec<Problem>> {
    object(value, LANE_GROUP)
}

/// Reads a lane.
///
/// # Errors
/// All problems found.
pub fn lane(value: Value) -> Result<Lane, Vec<Problem>> {
    object(value, LANE)
}

/// Reads an object of `kind`: its `apiVersion`, its `kind`, and everything below.
///
/// # Errors
/// All problems found, unknown fields among them.
pub fn object<T: DeserializeOwned>(value: Value, kind: &str) -> Result<T, Vec<Problem>> {
    if !value.is_object() {
        let reason = format!("expected an object, found {}", describe(&value));
        return Err(vec![Problem::error(
            "",
            reason,
            format!("write a {kind} with apiVersion, kind, metadata and spec"),
        )]);
    }
    let mut problems = Vec::new();
    for (field, want) in [("apiVersion", API_VERSION), ("kind", kind)] {
        if let Some(found) = value.get(field).and_then(Value::as_str)
            && found != want
        {
            problems.push(Problem::error(
                field,
                format!("{found:?} is not {want:?}"),
                format!("write {want}"),
            ));
        }
    }
    let (read, found) = from_value(value);
    problems.extend(found);
    match read {
        Some(object) if problems.is_empty() => Ok(object),
        _ => Err(problems),
    }
}

/// Reads a value, with all problems found; the result is there only when there are none.
fn from_value<T: DeserializeOwned>(mut value: Value) -> (Option<T>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut removed = Removed::default();
    let mut unknown: Vec<Vec<Step>> = Vec::new();
    while problems.len() < MAX_PROBLEMS {
        let mut track = serde_path_to_error::Track::new();
        let deserializer = serde_path_to_error::Deserializer::new(value.clone(), &mut track);
        let read = serde_ignored::deserialize(deserializer, |path| {
            let place = removed.original(&place_of_unknown(&path.to_string()));
            if !is_metadata(&place) && !unknown.contains(&place) {
                unknown.push(place);
            }
        });
        let error = match read {
            Ok(object) => {
                problems.extend(unknown.iter().map(|place| unknown_field(place)));
                let done = problems.is_empty().then_some(object);
                return (done, problems);
            }
            Err(error) => error.to_string(),
        };
        let place = place_of(&track.path());
        let original = removed.original(&place);
        let missing = error.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        if !removed.caused(&original, missing) {
            problems.push(problem(&original, &error, missing));
        }
        if !remove(&mut value, &place) {
            break;
        }
        removed.places.push(original);
    }
    problems.extend(unknown.iter().map(|place| unknown_field(place)));
    (None, problems)
}

/// One step from a value into a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The places that were taken out so far, as the user numbered them.
#[derive(Default)]
struct Removed {
    places: Vec<Vec<Step>>,
}

impl Removed {
    /// Whether an error is there only because something was taken out.
    fn caused(&self, place: &[Step], missing: Option<&str>) -> bool {
        self.places.iter().any(|removed| match (removed.split_last(), missing) {
            (Some((Step::Key(key), parent)), Some(missing)) => parent == place && key == missing,
            (Some((_, parent)), None) => parent == place,
            _ => false,
        })
    }

    /// The place as the user numbered it: elements of lists that were taken out count again.
    fn original(&self, place: &[Step]) -> Vec<Step> {
        let mut original: Vec<Step> = Vec::with_capacity(place.len());
        for step in place {
            let Step::Index(index) = step else {
                original.push(step.clone());
                continue;
            };
            let mut gone: Vec<usize> = self.places.iter().filter_map(|p| element_of(p, &original)).collect();
            gone.sort_unstable();
            let shifted =
                gone.into_iter().fold(*index, |index, gone| index.saturating_add((gone <= index).into()));
            original.push(Step::Index(shifted));
        }
        original
    }
}

/// The index of `place` in the list at `list`, if it is an element of that list.
fn element_of(place: &[Step], list: &[Step]) -> Option<usize> {
    match place.split_last() {
        Some((Step::Index(index), parent)) if parent == list => Some(*index),
        _ => None,
    }
}

fn place_of(path: &serde_path_to_error::Path) -> Vec<Step> {
    use serde_path_to_error::Segment;
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Map { key } | Segment::Enum { variant: key } => Some(Step::Key(key.clone())),
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Unknown => None,
    });
    steps.collect()
}

/// The place of a field that serde did not ask for; `serde_ignored` writes `?` for an option on the way.
fn place_of_unknown(path: &str) -> Vec<Step> {
    let segments = path.split('.').filter(|segment| *segment != "?");
    let step = |segment: &str| segment.parse().map_or_else(|_| Step::Key(segment.to_owned()), Step::Index);
    segments.map(step).collect()
}

/// Objects may carry labels, annotations and the like, which are Kubernetes' business.
fn is_metadata(place: &[Step]) -> bool {
    place.first() == Some(&Step::Key("metadata".to_owned()))
}

/// A place as `spec.rules[2].name`.
fn display(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// Takes a part out of a value; `false` when it is not there or the value itself is meant.
fn remove(value: &mut Value, place: &[Step]) -> bool {
    let Some((last, way)) = place.split_last() else { return false };
    let parent = way.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    });
    match (parent, last) {
        (Some(Value::Object(map)), Step::Key(key)) => map.remove(key).is_some(),
        (Some(Value::Array(list)), Step::Index(index)) if *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}

fn problem(place: &[Step], message: &str, missing: Option<&str>) -> Problem {
    let place = display(place);
    if let Some(field) = missing {
        let path = if place.is_empty() { field.to_owned() } else { format!("{place}.{field}") };
        return Problem::error(path, "it is missing", format!("add {field}"));
    }
    match message.split_once(", expected ") {
        Some((reason, expected)) => Problem::error(place, reason, format!("write {expected}")),
        None => Problem::error(place, message, "correct it"),
    }
}

fn unknown_field(place: &[Step]) -> Problem {
    Problem::error(display(place), "the field is not known", "remove it or correct its spelling")
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
