//! What serde cannot say: whether a group and its lanes make sense, alone and together.

mod rules;

use std::collections::BTreeSet;

use crate::model::{Fallback, Lane, LaneGroup};
use crate::name::{LaneName, ServiceName};
use crate::problem::Problem;

pub use rules::{MAX_TERMS, MAX_VALUES};

/// The most rules in the lanes of one group.
pub const MAX_RULES: usize = 10_000;

/// What is known beside the objects.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// The services of which each lane has a workload.
    pub versions: BTreeSet<(LaneName, ServiceName)>,
}

/// The problems of a lane group by itself.
#[must_use]
pub fn group(group: &LaneGroup) -> Vec<Problem> {
    let mut problems = Vec::new();
    let spec = &group.spec;
    if spec.entries.is_empty() {
        let remedy = "name the gateway that requests come through";
        problems.push(Problem::error("spec.entries", "there is no entry", remedy));
    }
    if spec.services.is_empty() {
        let remedy = "name the services of the call chain";
        problems.push(Problem::error("spec.services", "there is no service", remedy));
    }
    for i in repeated(spec.entries.iter()) {
        problems.push(stands_twice(format!("spec.entries[{i}]")));
    }
    for i in repeated(spec.services.iter().map(|service| &service.name)) {
        problems.push(stands_twice(format!("spec.services[{i}].name")));
    }
    if spec.propagation.trail.as_ref() == Some(&spec.lane_header) {
        let reason = format!("the trail would overwrite the lane header {}", spec.lane_header);
        let remedy = "choose another header, such as x-lane-path";
        problems.push(Problem::error("spec.propagation.trail", reason, remedy));
    }
    problems
}

/// The problems of lanes, each alone and all together. Paths start with `Lane/NAME`.
#[must_use]
pub fn lanes(group: &LaneGroup, lanes: &[Lane], facts: &Facts) -> Vec<Problem> {
    let mut problems = Vec::new();
    for lane in lanes {
        let mut found = Vec::new();
        membership(group, lane, &mut found);
        admission(lane, facts, &mut found);
        rules::check(group, lane, &mut found);
        gaps(group, lane, facts, &mut found);
        let name = &lane.metadata.name;
        problems.extend(found.into_iter().map(|p| Problem { path: format!("Lane/{name} {}", p.path), ..p }));
    }
    for i in repeated(lanes.iter().map(|lane| &lane.metadata.name)) {
        let name = lanes.get(i).map_or("", |lane| lane.metadata.name.as_str());
        problems.push(stands_twice(format!("Lane/{name} metadata.name")));
    }
    rules_of_all(lanes, &mut problems);
    shares_of_all(lanes, &mut problems);
    problems
}

fn membership(group: &LaneGroup, lane: &Lane, problems: &mut Vec<Problem>) {
    if lane.spec.group != group.metadata.name {
        let reason = format!("the group {} is not {}", lane.spec.group, group.metadata.name);
        let remedy = format!("write {}, or add the lane to its own group", group.metadata.name);
        problems.push(Problem::error("spec.group", reason, remedy));
    }
}

/// Whether anybody is, or still is, admitted.
fn admission(lane: &Lane, facts: &Facts, problems: &mut Vec<Problem>) {
    if lane.spec.rules.is_empty() && lane.spec.share.is_none() {
        let remedy = "add a rule or a share, unless only requests that are marked already belong to it";
        problems.push(Problem::warning("spec.rules", "the lane admits nobody", remedy));
    }
    let end = lane.spec.expires.and_then(|end| u64::try_from(end.as_millisecond()).ok());
    if let (Some(time), Some(end)) = (lane.spec.expires, end)
        && end <= facts.now_ms
    {
        let reason = format!("the lane ended at {time}");
        problems.push(Problem::warning("spec.expires", reason, "set a later end, or remove the lane"));
    }
}

/// In a strict group, the services that answer 503 to the lane.
fn gaps(group: &LaneGroup, lane: &Lane, facts: &Facts, problems: &mut Vec<Problem>) {
    if group.spec.fallback != Fallback::Strict {
        return;
    }
    for service in &group.spec.services {
        let version = (lane.metadata.name.clone(), service.name.clone());
        if !facts.versions.contains(&version) {
            let reason = format!("the group is strict, and the lane has no workload of {}", service.name);
            let remedy = "deploy one, or requests of the lane are answered with 503 there";
            problems.push(Problem::warning("metadata.name", reason, remedy));
        }
    }
}

fn rules_of_all(lanes: &[Lane], problems: &mut Vec<Problem>) {
    let count: usize = lanes.iter().map(|lane| lane.spec.rules.len()).sum();
    if count > MAX_RULES {
        let reason = format!("the group's lanes have {count} rules, more than {MAX_RULES}");
        problems.push(Problem::error("spec.rules", reason, "use in-lists, prefixes or a share instead"));
    }
}

fn shares_of_all(lanes: &[Lane], problems: &mut Vec<Problem>) {
    let shares = lanes.iter().filter_map(|lane| Some((lane, lane.spec.share.as_ref()?.percent)));
    let sum: u32 = shares.clone().map(|(_, percent)| u32::from(percent.hundredths())).sum();
    if sum > 10_000 {
        let list: Vec<String> =
            shares.map(|(lane, percent)| format!("{} {percent}", lane.metadata.name)).collect();
        let reason = format!("the shares add up to {}%: {}", f64::from(sum) / 100.0, list.join(", "));
        problems.push(Problem::error("spec.share.percent", reason, "lower them to 100% together"));
    }
}

/// The places of values that stood before.
fn repeated<T: Ord>(values: impl Iterator<Item = T>) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    values.enumerate().filter_map(|(i, value)| (!seen.insert(value)).then_some(i)).collect()
}

fn stands_twice(path: String) -> Problem {
    Problem::error(path, "the name stands twice", "rename or remove one of the two")
}

#[cfg(test)]
mod tests;
