//! The faults of a group: whether they name what there is, and whether Envoy can do what they say.

use super::{Facts, repeated, rules, stands_twice};
use crate::fault::{Abort, FaultScope, MAX_DELAY_MS, MAX_FAULTS};
use crate::model::{Delay, Lane, LaneFault, LaneGroup};
use crate::name::ServiceName;
use crate::problem::Problem;
use crate::time::ms_since_1970;

/// The problems of faults, each alone and all together. Paths start with `LaneFault/NAME`.
#[must_use]
pub fn faults(group: &LaneGroup, lanes: &[Lane], faults: &[LaneFault], facts: &Facts) -> Vec<Problem> {
    let mut problems = Vec::new();
    for fault in faults {
        let mut found = Vec::new();
        membership(group, fault, &mut found);
        scope(group, lanes, fault, &mut found);
        kinds(fault, &mut found);
        draw(fault, &mut found);
        end(fault, facts, &mut found);
        problems.extend(found.into_iter().map(|problem| of_fault(fault, problem)));
    }
    for i in repeated(faults.iter().map(|fault| &fault.metadata.name)) {
        let twice = |fault| of_fault(fault, stands_twice("metadata.name".to_owned()));
        problems.extend(faults.get(i).map(twice));
    }
    problems.extend(faults.iter().skip(MAX_FAULTS).map(|fault| {
        let reason = format!("the group has {} faults, more than {MAX_FAULTS}", faults.len());
        let remedy = "stop those that are over: `lanectl fault stop`";
        of_fault(fault, Problem::error("metadata.name", reason, remedy))
    }));
    problems
}

fn of_fault(fault: &LaneFault, problem: Problem) -> Problem {
    Problem { path: format!("LaneFault/{} {}", fault.metadata.name, problem.path), ..problem }
}

fn membership(group: &LaneGroup, fault: &LaneFault, problems: &mut Vec<Problem>) {
    if fault.spec.group != group.metadata.name {
        let reason = format!("the group {} is not {}", fault.spec.group, group.metadata.name);
        let remedy = format!("write {}, or add the fault to its own group", group.metadata.name);
        problems.push(Problem::error("spec.group", reason, remedy));
    }
    if group.spec.faults.is_none() {
        let reason = "the proxies of the group have no place for faults";
        let remedy =
            "add `faults: {}` to the group's spec (`lanectl init --faults`), which changes listeners once";
        problems.push(Problem::error("spec.group", reason, remedy));
    }
}

/// Whether there is whom the fault is for. A lane may come later, so that it is missed with a warning.
fn scope(group: &LaneGroup, lanes: &[Lane], fault: &LaneFault, problems: &mut Vec<Problem>) {
    let spec = &fault.spec;
    let is_service = |name: &str| group.spec.services.iter().any(|service| service.name.as_str() == name);
    if !is_service(spec.to.as_str()) {
        let reason = format!("{} is no service of the group", spec.to);
        problems.push(Problem::error("spec.to", reason, services(group)));
    }
    if let Some(from) = &spec.from
        && !is_service(from.as_str())
        && !group.spec.entries.iter().any(|entry| entry.name == *from)
    {
        let reason = format!("{from} is neither a service nor an entry of the group");
        problems.push(Problem::error("spec.from", reason, services(group)));
    }
    if let Some(FaultScope::Lane(lane)) = &spec.lane
        && !lanes.iter().any(|known| known.metadata.name == *lane)
    {
        let reason = format!("there is no lane {lane}");
        problems.push(Problem::warning("spec.lane", reason, "set the lane, or write another one"));
    }
    if let Some(condition) = &spec.condition {
        rules::whole(group, condition, "spec.match", problems);
    }
}

fn services(group: &LaneGroup) -> String {
    let names: Vec<&str> =
        group.spec.services.iter().map(|service| ServiceName::as_str(&service.name)).collect();
    format!("write one of {}", names.join(", "))
}

/// What is to happen: something, and nothing that Envoy would refuse or cut short.
fn kinds(fault: &LaneFault, problems: &mut Vec<Problem>) {
    let spec = &fault.spec;
    if spec.delay.is_none() && spec.abort.is_none() && spec.throughput_kib_per_second.is_none() {
        let remedy = "add delay, abort or throughputKibPerSecond";
        problems.push(Problem::error("spec", "nothing would happen", remedy));
    }
    if let Some(delay) = &spec.delay {
        waits(delay, problems);
    }
    match spec.abort {
        Some(Abort::Http(status)) if !(200..=599).contains(&status) => {
            let reason = format!("{status} is no status that a proxy can answer with");
            problems.push(Problem::error("spec.abort.http", reason, "write 200 to 599, such as 503"));
        }
        Some(Abort::Grpc(status)) if !(1..=16).contains(&status) => {
            let reason = format!("{status} is no gRPC status of a failure");
            problems.push(Problem::error(
                "spec.abort.grpc",
                reason,
                "write 1 to 16, such as 14 (UNAVAILABLE)",
            ));
        }
        _ => {}
    }
    if spec.throughput_kib_per_second == Some(0) {
        let remedy = "write 1 or more KiB per second, or abort";
        problems.push(Problem::error("spec.throughputKibPerSecond", "nothing would flow", remedy));
    }
}

fn waits(delay: &Delay, problems: &mut Vec<Problem>) {
    const PATH: &str = "spec.delay";
    let Some(wait) = delay.wait() else {
        let reason = "a delay has exactly one of fixed, uniform and normal";
        problems.push(Problem::error(PATH, reason, "keep one of them"));
        return;
    };
    if let Some(uniform) = delay.uniform
        && uniform.from > uniform.to
    {
        let reason = format!("it ends at {} before it starts at {}", uniform.to, uniform.from);
        problems.push(Problem::error("spec.delay.uniform", reason, "swap from and to"));
    }
    let (_, most) = wait.shape.bounds();
    let most = most.saturating_add(wait.jitter_ms);
    if most > MAX_DELAY_MS {
        let reason =
            format!("up to {most} ms is more than {MAX_DELAY_MS} ms: Envoy ends a stream that idles longer");
        problems.push(Problem::error(PATH, reason, "shorten it, or abort the requests"));
    }
    if most == 0 {
        problems.push(Problem::error(PATH, "nobody would wait", "write a duration such as 500ms"));
    }
}

fn draw(fault: &LaneFault, problems: &mut Vec<Problem>) {
    if fault.spec.percent.hundredths() == 0 {
        let remedy = "write more than 0, or stop the fault";
        problems.push(Problem::error("spec.percent", "no request would suffer", remedy));
    }
}

fn end(fault: &LaneFault, facts: &Facts, problems: &mut Vec<Problem>) {
    let end = fault.spec.expires;
    if ms_since_1970(end) <= facts.now_ms {
        let reason = format!("the fault ended at {end}");
        problems.push(Problem::warning("spec.expires", reason, "stop the fault, or set a later end"));
    }
}
