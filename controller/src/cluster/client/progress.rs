//! How far a change has come, by what the controller has written into the status of group and lanes.

use jiff::Timestamp;
use kube::ResourceExt as _;
use lane::model::{LanePhase, ObjectCondition, ProxyCount};
use lane::name::{FaultName, LaneName};

use crate::cluster::conditions::{ACCEPTED, PROGRAMMED, reason};
use crate::cluster::crd::{Lane, LaneFault, LaneGroup};
use crate::cluster::release;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal<'a> {
    /// The proxies run the group and all its lanes as they are wanted.
    Group,
    /// The proxies run this lane as it is wanted.
    Lane(&'a LaneName),
    /// The proxies know this lane no more.
    Gone(&'a LaneName),
    /// The proxies inject this fault as it is wanted.
    Fault(&'a FaultName),
    /// The proxies inject none of these any more.
    Stopped(&'a [FaultName]),
}

/// Which proxies must have said that they follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// All.
    All,
    /// Those that can be asked.
    Verifiable,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is reached.
    Done(ProxyCount),
    /// It will not be reached: the lane is refused.
    Refused(Vec<String>),
    /// Who or what lags.
    Lagging(Vec<String>),
}

impl Progress {
    /// How far `group` with `lanes`, which are those of the group, has come.
    #[must_use]
    pub fn of(goal: Goal<'_>, demand: Demand, group: &LaneGroup, lanes: &[Lane]) -> Self {
        let status = group.status.clone().unwrap_or_default();
        let mut lagging = Vec::new();
        let mut refused = Vec::new();
        let concerns = |lane: &&Lane| match goal {
            Goal::Group => true,
            Goal::Lane(name) => lane.name_any() == name.as_str(),
            Goal::Gone(_) | Goal::Fault(_) | Goal::Stopped(_) => false,
        };
        for lane in lanes.iter().filter(concerns) {
            match of_lane(lane, group) {
                LaneProgress::Entered => {}
                LaneProgress::Refused(reason) => refused.push(reason),
                LaneProgress::Lags(reason) => lagging.push(reason),
            }
        }
        if let Goal::Lane(name) = goal
            && !lanes.iter().any(|lane| lane.name_any() == name.as_str())
        {
            lagging.push(format!("lane {name}: it has been removed"));
        }
        for known in &status.lanes {
            let is_there = lanes.iter().any(|lane| lane.name_any() == known.name.as_str());
            let is_meant = match goal {
                Goal::Group => !is_there,
                Goal::Lane(_) | Goal::Fault(_) | Goal::Stopped(_) => false,
                Goal::Gone(name) => known.name == *name,
            };
            if is_meant {
                let name = &known.name;
                lagging
                    .push(format!("lane {name}: {:?}, requests in flight still find their way", known.phase));
            }
        }
        if let Goal::Stopped(names) = goal {
            let known = names.iter().filter(|name| status.faults.contains(name));
            lagging.extend(known.map(|name| format!("fault {name}: the proxies inject it still")));
        }
        lagging.extend(of_group(group, demand));
        match (refused.is_empty(), lagging.is_empty()) {
            (false, _) => Self::Refused(refused),
            (true, false) => Self::Lagging(lagging),
            (true, true) => Self::Done(status.proxies),
        }
    }
}

impl Progress {
    /// How far a fault of `group` has come.
    #[must_use]
    pub fn of_fault(name: &FaultName, fault: Option<&LaneFault>, demand: Demand, group: &LaneGroup) -> Self {
        let Some(fault) = fault else {
            return Self::Lagging(vec![format!("fault {name}: it has been stopped")]);
        };
        let generation = fault.metadata.generation;
        let status = fault.status.clone().unwrap_or_default();
        if status.observed_generation != generation {
            return Self::Lagging(vec![not_seen(&format!("fault {name}"), generation)]);
        }
        if let Some(message) = refusal(&status.conditions, generation) {
            return Self::Refused(vec![format!("fault {name}: {message}")]);
        }
        match of_group(group, demand) {
            Some(lags) => Self::Lagging(vec![lags]),
            None => Self::Done(group.status.clone().unwrap_or_default().proxies),
        }
    }
}

enum LaneProgress {
    Entered,
    Refused(String),
    Lags(String),
}

fn of_lane(lane: &Lane, group: &LaneGroup) -> LaneProgress {
    let name = lane.name_any();
    let status = lane.status.clone().unwrap_or_default();
    let generation = lane.metadata.generation;
    if status.observed_generation != generation {
        return LaneProgress::Lags(not_seen(&format!("lane {name}"), generation));
    }
    if let Some(message) = refusal(&status.conditions, generation) {
        return LaneProgress::Refused(format!("lane {name}: {message}"));
    }
    let has_ended = release::current(&lane.spec.0, &status, Timestamp::now())
        .is_some_and(|release| release::has_ended(&release));
    let known = group.status.iter().flat_map(|status| &status.lanes);
    let phase = known.filter(|known| known.name.as_str() == name).map(|known| known.phase).next();
    match phase {
        // It was promoted or rolled back, and nobody is to enter it.
        None if has_ended => LaneProgress::Entered,
        Some(phase) if has_ended => {
            LaneProgress::Lags(format!("lane {name}: {phase:?}, requests in flight still find their way"))
        }
        Some(LanePhase::Admitted) => LaneProgress::Entered,
        Some(phase) => {
            let text =
                format!("lane {name}: {phase:?}, nobody is admitted before all proxies have its routes");
            LaneProgress::Lags(text)
        }
        None => LaneProgress::Lags(format!("lane {name}: the proxies have no routes for it yet")),
    }
}

/// What the group itself still lacks.
fn of_group(group: &LaneGroup, demand: Demand) -> Option<String> {
    let name = group.name_any();
    let status = group.status.clone().unwrap_or_default();
    let generation = group.metadata.generation;
    if status.observed_generation != generation {
        return Some(not_seen(&format!("group {name}"), generation));
    }
    if let Some(message) = refusal(&status.conditions, generation) {
        return Some(format!("group {name}: {message}"));
    }
    let programmed = current(&status.conditions, PROGRAMMED, generation);
    let is_excused = |condition: &ObjectCondition| {
        demand == Demand::Verifiable && condition.reason == reason::PROXIES_UNVERIFIED
    };
    match programmed {
        Some(condition) if condition.status != "True" && !is_excused(condition) => {
            return Some(format!("group {name}: {}: {}", condition.reason, condition.message));
        }
        Some(_) => {}
        None => return Some(format!("group {name}: nothing is known of its proxies yet")),
    }
    // The condition may be older than the last generation of the rules; the count never is.
    let ProxyCount { ready, total, unverified } = status.proxies;
    let excused = if demand == Demand::Verifiable { unverified } else { 0 };
    (ready.saturating_add(excused) < total).then(|| {
        format!("group {name}: {ready} of {total} proxies run generation {}", status.rules_generation)
    })
}

fn not_seen(object: &str, generation: Option<i64>) -> String {
    let generation = generation.unwrap_or_default();
    format!("{object}: the controller has not looked at generation {generation} yet")
}

fn refusal(conditions: &[ObjectCondition], generation: Option<i64>) -> Option<&str> {
    let accepted = current(conditions, ACCEPTED, generation)?;
    (accepted.status == "False").then_some(accepted.message.as_str())
}

/// A condition, if it is about this generation of the object.
fn current<'c>(
    conditions: &'c [ObjectCondition],
    kind: &str,
    generation: Option<i64>,
) -> Option<&'c ObjectCondition> {
    conditions.iter().find(|condition| condition.kind == kind && condition.observed_generation == generation)
}

#[cfg(test)]
mod tests;
