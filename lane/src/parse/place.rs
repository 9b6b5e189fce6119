//! Places in an object: where serde stopped, and what stands there.

use serde_ignored::Path as Ignored;
use serde_json::Value;

/// One step from a value into a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// The place of field `key` in the object at `place`.
pub(super) fn child(place: &[Step], key: &str) -> Vec<Step> {
    let mut child = place.to_vec();
    child.push(Step::Key(key.to_owned()));
    child
}

/// Whether `place` is the object that the field `part` belongs to, or the list of the element `part`.
pub(super) fn is_parent(place: &[Step], part: &[Step]) -> bool {
    part.split_last().is_some_and(|(_, parent)| parent == place)
}

/// The place at which serde stopped.
pub(super) fn of_error(path: &serde_path_to_error::Path) -> Vec<Step> {
    use serde_path_to_error::Segment;
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Map { key } | Segment::Enum { variant: key } => Some(Step::Key(key.clone())),
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Unknown => None,
    });
    steps.collect()
}

/// The place of a field that serde did not ask for.
///
/// The path does not tell the variants of enumerations, which are keys in the value, nor them from options,
/// which are none: the reading that leads to something counts.
pub(super) fn of_unknown(value: &Value, path: &Ignored<'_>) -> Vec<Step> {
    let mut wanted = Vec::new();
    flatten(path, &mut wanted);
    let mut place = Vec::new();
    if !lead(value, &wanted, &mut place) {
        place = wanted.into_iter().flatten().collect();
    }
    place
}

/// The steps of a path from the root on; `None` is an option or a variant.
fn flatten(path: &Ignored<'_>, steps: &mut Vec<Option<Step>>) {
    let (parent, step) = match path {
        Ignored::Root => return,
        Ignored::Seq { parent, index } => (parent, Some(Step::Index(*index))),
        Ignored::Map { parent, key } => (parent, Some(Step::Key(key.clone()))),
        Ignored::Some { parent } | Ignored::NewtypeStruct { parent } | Ignored::NewtypeVariant { parent } => {
            (parent, None)
        }
    };
    flatten(parent, steps);
    steps.push(step);
}

fn lead(value: &Value, wanted: &[Option<Step>], place: &mut Vec<Step>) -> bool {
    let Some((step, rest)) = wanted.split_first() else { return true };
    if let Some(step) = step {
        return follow(value, step, rest, place);
    }
    if lead(value, rest, place) {
        return true;
    }
    let mut keys = value.as_object().into_iter().flat_map(|map| map.keys());
    match (keys.next(), keys.next()) {
        (Some(variant), None) => follow(value, &Step::Key(variant.clone()), rest, place),
        _ => false,
    }
}

fn follow(value: &Value, step: &Step, rest: &[Option<Step>], place: &mut Vec<Step>) -> bool {
    let part = match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    };
    let Some(part) = part else { return false };
    place.push(step.clone());
    let leads = lead(part, rest, place);
    if !leads {
        place.pop();
    }
    leads
}

/// Objects may carry labels, annotations and the like, which are Kubernetes' business.
pub(super) fn is_metadata(place: &[Step]) -> bool {
    place.first() == Some(&Step::Key("metadata".to_owned()))
}

/// The place as the user numbered it: elements of lists that were taken out count again.
pub(super) fn as_written(place: &[Step], removed: &[Vec<Step>]) -> Vec<Step> {
    let mut written: Vec<Step> = Vec::with_capacity(place.len());
    for step in place {
        let Step::Index(index) = step else {
            written.push(step.clone());
            continue;
        };
        let mut gone: Vec<usize> = removed.iter().filter_map(|place| element_of(place, &written)).collect();
        gone.sort_unstable();
        let shift = |index: usize, gone: usize| index.saturating_add((gone <= index).into());
        written.push(Step::Index(gone.into_iter().fold(*index, shift)));
    }
    written
}

/// The index of `place` in the list at `list`, if it is an element of that list.
fn element_of(place: &[Step], list: &[Step]) -> Option<usize> {
    match place.split_last() {
        Some((Step::Index(index), parent)) if parent == list => Some(*index),
        _ => None,
    }
}

/// A place as `spec.rules[2].name`.
pub(super) fn display(place: &[Step]) -> String {
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
pub(super) fn remove(value: &mut Value, place: &[Step]) -> bool {
    let Some((last, way)) = place.split_last() else { return false };
    match (part(value, way), last) {
        (Some(Value::Object(map)), Step::Key(key)) => map.remove(key).is_some(),
        (Some(Value::Array(list)), Step::Index(index)) if *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}

/// Puts `new` into a field; `false` when there is no object that it could belong to.
pub(super) fn put(value: &mut Value, place: &[Step], new: Value) -> bool {
    let Some((Step::Key(key), way)) = place.split_last() else { return false };
    let Some(Value::Object(map)) = part(value, way) else { return false };
    map.insert(key.clone(), new);
    true
}

fn part<'v>(value: &'v mut Value, way: &[Step]) -> Option<&'v mut Value> {
    way.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}
