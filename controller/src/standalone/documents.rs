//! Objects as YAML or JSON: reading them with every problem at once, and writing them.

use std::path::Path;

use envoy_config::topology::{TOPOLOGY, Topology};
use lane::model::{Lane, LaneFault, LaneGroup};
use lane::problem::Problem;
use serde::Serialize;
use serde_json::Value;

use super::error::{Error, Result};

/// Reads a lane from YAML or JSON.
///
/// # Errors
/// All problems found.
pub fn parse_lane(text: &str) -> Result<Lane, Vec<Problem>> {
    parse(text, lane::parse::lane)
}

/// Reads a fault from YAML or JSON.
///
/// # Errors
/// All problems found.
pub fn parse_fault(text: &str) -> Result<LaneFault, Vec<Problem>> {
    parse(text, lane::parse::fault)
}

/// Reads a lane group from YAML or JSON.
///
/// # Errors
/// All problems found.
pub fn parse_group(text: &str) -> Result<LaneGroup, Vec<Problem>> {
    parse(text, lane::parse::group)
}

/// Reads a topology from YAML or JSON.
///
/// # Errors
/// All problems found.
pub fn parse_topology(text: &str) -> Result<Topology, Vec<Problem>> {
    parse(text, |value| lane::parse::object(value, TOPOLOGY))
}

fn parse<T>(text: &str, read: impl FnOnce(Value) -> Result<T, Vec<Problem>>) -> Result<T, Vec<Problem>> {
    let value: Value = serde_saphyr::from_str(text).map_err(|error| {
        let reason = format!("not YAML: {}", error.to_string().lines().next().unwrap_or_default());
        vec![Problem::error("", reason, "correct the syntax")]
    })?;
    read(value)
}

/// The object, or its problems with the file's name before each path.
pub fn collect<T>(path: &Path, read: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>) -> Option<T> {
    match read {
        Ok(object) => Some(object),
        Err(found) => {
            problems.extend(in_file(path, found));
            None
        }
    }
}

/// Problems with the file's name before each path.
pub fn in_file(path: &Path, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    problems
        .into_iter()
        .map(move |p| Problem { path: format!("{file} {}", p.path).trim_end().to_owned(), ..p })
}

/// An object as YAML.
///
/// # Errors
/// It cannot be written as YAML.
pub fn yaml(object: &impl Serialize) -> Result<String> {
    serde_saphyr::to_string(object).map_err(|error| Error::Internal(error.to_string()))
}
