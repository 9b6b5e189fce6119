//! What serde cannot say: whether a group and its lanes make sense, alone and together.

mod browser;
mod faults;
mod rules;
mod trust;

use std::collections::BTreeSet;

use crate::model::{Fallback, Lane, LaneGroup, Recovery};
use crate::name::{HeaderName, LaneName, ServiceName};
use crate::problem::Problem;
use crate::recovery;
use crate::share::BUCKETS;
use crate::time::ms_since_1970;

pub use faults::faults;
pub use rules::{MAX_TERMS, MAX_VALUES};
pub use trust::{MAX_KEYS, MAX_SOURCES};

/// The most rules in the lanes of one group.
pub const MAX_RULES: usize = 10_000;

/// Headers of the applications, of Envoy and of tracing, which can carry neither lane nor trail.
const FOREIGN_HEADERS: &[&str] = &[
    "accept",
    "authorization",
    "baggage",
    "content-type",
    "cookie",
    "forwarded",
    "origin",
    "referer",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-request-id",
];

/// Beginnings of such headers.
const FOREIGN_PREFIXES: &[&str] = &["access-control-", "grpc-", "x-b3-", "x-envoy-", "x-forwarded-"];

/// Headers that many requests have in common.
const NO_TRACES: &[&str] =
    &["accept", "authorization", "baggage", "content-type", "cookie", "origin", "referer", "user-agent"];

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
    foreign("spec.laneHeader", &spec.lane_header, "x-lane", &mut problems);
    if let Some(trail) = &spec.propagation.trail {
        foreign("spec.propagation.trail", trail, "x-lane-path", &mut problems);
    }
    if spec.propagation.trail.as_ref() == Some(&spec.lane_header) {
        let reason = format!("the trail would overwrite the lane header {}", spec.lane_header);
        let remedy = "choose another header, such as x-lane-path";
        problems.push(Problem::error("spec.propagation.trail", reason, remedy));
    }
    trust::of_group(group, &mut problems);
    if let Some(recovery) = &spec.propagation.recovery {
        trace_headers(group, recovery, &mut problems);
    }
    problems
}

/// The headers by which lanes are recovered, and the size of the table.
fn trace_headers(group: &LaneGroup, recovery: &Recovery, problems: &mut Vec<Problem>) {
    const PATH: &str = "spec.propagation.recovery";
    let ttl_ms = u64::from(recovery.ttl_seconds).saturating_mul(1_000);
    problems.extend(recovery::limits(PATH, &recovery.headers, ttl_ms, recovery.slots));
    for i in repeated(recovery.headers.iter()) {
        problems.push(stands_twice(format!("{PATH}.headers[{i}]")));
    }
    let spec = &group.spec;
    for (i, header) in recovery.headers.iter().enumerate() {
        let is_ours = *header == spec.lane_header || spec.propagation.trail.as_ref() == Some(header);
        if is_ours || NO_TRACES.contains(&header.as_str()) {
            let reason = format!("{header} does not tell one request's trace from another's");
            let remedy = "name a header that is new with every trace, such as traceparent";
            problems.push(Problem::error(format!("{PATH}.headers[{i}]"), reason, remedy));
        }
    }
}

/// A header with a meaning of its own: the entry would take it from every request.
fn foreign(path: &str, header: &HeaderName, better: &str, problems: &mut Vec<Problem>) {
    let name = header.as_str();
    if FOREIGN_HEADERS.contains(&name) || FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        let reason = format!("{name} has a meaning of its own, which the filter would overwrite");
        problems.push(Problem::error(path, reason, format!("choose another header, such as {better}")));
    }
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
        trust::of_lane(group, lane, facts, &mut found);
        browser::check(group, lane, &mut found);
        gaps(group, lane, facts, &mut found);
        problems.extend(found.into_iter().map(|problem| of_lane(lane, problem)));
    }
    for i in repeated(lanes.iter().map(|lane| &lane.metadata.name)) {
        let twice = |lane| of_lane(lane, stands_twice("metadata.name".to_owned()));
        problems.extend(lanes.get(i).map(twice));
    }
    problems.extend(rules_of_all(lanes));
    problems.extend(shares_of_all(lanes));
    problems
}

fn of_lane(lane: &Lane, problem: Problem) -> Problem {
    Problem { path: format!("Lane/{} {}", lane.metadata.name, problem.path), ..problem }
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
    let spec = &lane.spec;
    if spec.rules.is_empty() && spec.cookie_from_query.is_none() && spec.share.is_none() {
        let remedy = "add a rule or a share, unless only requests that are marked already belong to it";
        problems.push(Problem::warning("spec.rules", "the lane admits nobody", remedy));
    }
    if let Some(time) = lane.spec.expires
        && ms_since_1970(time) <= facts.now_ms
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

fn rules_of_all(lanes: &[Lane]) -> Option<Problem> {
    let (lane, count) = first_above(lanes, MAX_RULES, |lane| lane.spec.rules.len())?;
    let reason = format!("the group's lanes have {count} rules, more than {MAX_RULES}");
    let remedy = "use in-lists, prefixes or a share instead";
    Some(of_lane(lane, Problem::error("spec.rules", reason, remedy)))
}

fn shares_of_all(lanes: &[Lane]) -> Option<Problem> {
    let percent = |lane: &Lane| lane.spec.share.as_ref().map(|share| share.percent);
    let hundredths = |lane: &Lane| percent(lane).map_or(0, |percent| usize::from(percent.hundredths()));
    let (lane, sum) = first_above(lanes, usize::from(BUCKETS), hundredths)?;
    let shares = lanes.iter().filter_map(|lane| Some(format!("{} {}", lane.metadata.name, percent(lane)?)));
    let list = shares.collect::<Vec<_>>().join(", ");
    let reason = format!("the shares add up to {}.{:02}%: {list}", sum / 100, sum % 100);
    Some(of_lane(lane, Problem::error("spec.share.percent", reason, "lower them to 100% together")))
}

/// The sum over all lanes where it is above `limit`, with the lane that exceeded it.
fn first_above(lanes: &[Lane], limit: usize, part: impl Fn(&Lane) -> usize) -> Option<(&Lane, usize)> {
    let mut sum: usize = 0;
    let mut first = None;
    for lane in lanes {
        sum = sum.saturating_add(part(lane));
        if sum > limit {
            first = first.or(Some(lane));
        }
    }
    first.map(|lane| (lane, sum))
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
