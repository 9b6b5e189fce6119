//! Reading what a user wrote: all problems at once, each with its field path.
//!
//! The model's types derive serde, which stops at the first error. So the reader notes the error, mends the
//! place that it names, and reads again, until nothing is left to complain about: a wrong part is taken out,
//! a missing one is filled in. What was mended is never handed out: with a problem there is no result.

mod place;
mod wording;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::place::{Step, child};
use crate::model::{API_VERSION, LANE, LANE_FAULT, LANE_GROUP, Lane, LaneFault, LaneGroup};
use crate::problem::Problem;

/// The most problems that are reported for one object.
pub const MAX_PROBLEMS: usize = 100;

/// The most readings of one object, so that a large one with many faults takes seconds at worst.
const MAX_READINGS: usize = 1_000;

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

/// Reads a fault.
///
/// # Errors
/// All problems found.
pub fn fault(value: Value) -> Result<LaneFault, Vec<Problem>> {
    object(value, LANE_FAULT)
}

/// Reads an object of `kind`: its `apiVersion`, its `kind`, and everything below.
///
/// # Errors
/// All problems found, unknown fields among them, at most [`MAX_PROBLEMS`].
pub fn object<T: DeserializeOwned>(value: Value, kind: &str) -> Result<T, Vec<Problem>> {
    if !value.is_object() {
        return Err(vec![wording::no_object(&value, kind)]);
    }
    let mut problems = Vec::new();
    for (field, want) in [("apiVersion", API_VERSION), ("kind", kind)] {
        if let Some(found) = value.get(field).and_then(Value::as_str)
            && found != want
        {
            let reason = format!("{found:?} is not {want:?}");
            problems.push(Problem::error(field, reason, format!("write {want}")));
        }
    }
    let mut reader = Reader { value, problems, ..Reader::default() };
    match reader.read() {
        Some(object) if reader.problems.is_empty() => Ok(object),
        _ => Err(reader.problems),
    }
}

/// One object, read again and again.
///
/// Places are kept as the user numbered them, also after elements of lists were taken out.
#[derive(Default)]
struct Reader {
    value: Value,
    problems: Vec<Problem>,
    /// What was taken out.
    removed: Vec<Vec<Step>>,
    /// What was filled in, with the number of the filling that stands there now.
    filled: BTreeMap<Vec<Step>, usize>,
    /// Fields that serde did not ask for, by all readings together.
    unknown: BTreeSet<Vec<Step>>,
}

impl Reader {
    fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut object = None;
        for _ in 0..MAX_READINGS {
            match self.read_once() {
                Ok(read) => {
                    object = Some(read);
                    break;
                }
                Err((place, message)) => {
                    if self.problems.len() >= MAX_PROBLEMS || !self.mend(&place, &message) {
                        break;
                    }
                }
            }
        }
        let room = MAX_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(self.unknown.iter().take(room).map(|place| wording::unknown(place)));
        object
    }

    /// Reads up to the first error: its place, and what serde says.
    fn read_once<T: DeserializeOwned>(&mut self) -> Result<T, (Vec<Step>, String)> {
        let Self { value, removed, unknown, .. } = self;
        let mut track = serde_path_to_error::Track::new();
        let deserializer = serde_path_to_error::Deserializer::new(&*value, &mut track);
        let read = serde_ignored::deserialize(deserializer, |path| {
            if unknown.len() < MAX_PROBLEMS {
                let place = place::of_unknown(value, &path);
                if !place::is_metadata(&place) {
                    unknown.insert(place::as_written(&place, removed));
                }
            }
        });
        read.map_err(|error| (place::of_error(&track.path()), error.to_string()))
    }

    /// Notes an error unless mending caused it, and mends its place; `false` when that is not possible.
    fn mend(&mut self, place: &[Step], message: &str) -> bool {
        let written = place::as_written(place, &self.removed);
        if let Some(field) = wording::missing_field(message) {
            let (gap, written) = (child(place, field), child(&written, field));
            if !self.removed.contains(&written) && !self.is_filling(&written) {
                self.problems.push(wording::missing(&written, field));
            }
            return self.fill(&gap, written);
        }
        if self.filled.contains_key(&written) {
            return self.fill(place, written);
        }
        // A condition whose only key was taken out is empty because of that.
        let is_emptied = self.removed.iter().any(|removed| place::is_parent(&written, removed));
        if !is_emptied && !self.is_filling(&written) {
            self.problems.push(wording::problem(&written, message));
        }
        self.take_out(place, written)
    }

    /// Puts the next filling into a required field, so that what is missing beside it comes to light; where
    /// none is left, what the field belongs to is taken out.
    fn fill(&mut self, place: &[Step], written: Vec<Step>) -> bool {
        let next = self.filled.get(&written).map_or(0, |number| number.saturating_add(1));
        let parent = place.split_last().map(|(_, parent)| parent);
        let Some(filling) = fillings().into_iter().nth(next) else {
            let Some((_, written)) = written.split_last() else { return false };
            let Some(parent) = parent else { return false };
            if self.filled.contains_key(written) {
                return self.fill(parent, written.to_vec());
            }
            return self.take_out(parent, written.to_vec());
        };
        self.filled.insert(written, next);
        place::put(&mut self.value, place, filling)
    }

    /// Takes out a part, or what it would belong to: serde counts the word of `key: cookie` as a step too.
    fn take_out(&mut self, mut place: &[Step], mut written: Vec<Step>) -> bool {
        while !place::remove(&mut self.value, place) {
            let Some((_, parent)) = place.split_last() else { return false };
            place = parent;
            written.truncate(place.len());
        }
        self.removed.push(written);
        true
    }

    /// Whether a place is, or lies in, something that was filled in.
    fn is_filling(&self, written: &[Step]) -> bool {
        (1..=written.len()).any(|end| written.get(..end).is_some_and(|place| self.filled.contains_key(place)))
    }
}

/// Most types of a model accept one of these: names and texts, lists, objects, numbers, switches, addresses.
fn fillings() -> [Value; 6] {
    [json!("a"), json!([]), json!({}), json!(1), json!(true), json!("127.0.0.1:1")]
}

#[cfg(test)]
mod tests;
