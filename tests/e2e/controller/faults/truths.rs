//! What must hold at every version of the objects, whatever is interrupted: there is one truth.
//!
//! - A request is admitted into a lane only where the lane has subsets, aggregates and routes, and only after the
//!   proxies were told of the lane without anybody being admitted: make before break.
//! - A number of a generation stands for one content, in the status as in every filter; the status has it first.
//! - Numbers only grow, and one object bears one number.
//!
//! ```text
//! releases.rs   the same of promotions and rollbacks
//! ```

mod releases;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use kube::api::DynamicObject;
use lane::filter_config::FilterConfig;
use serde_json::Value;

use super::history::{Gap, Seen};
use releases::Releases;

/// The object that admits requests.
pub(super) const ENTRY: &str = "graylane.entry.gateway";

/// What is known after each version.
#[derive(Default)]
struct Truth {
    objects: BTreeMap<(&'static str, String), DynamicObject>,
    /// What a filter was configured with under a number: by object, filter and number.
    said: BTreeMap<(String, String, u64), Value>,
    /// The last number of each filter.
    last: BTreeMap<(String, String), u64>,
    digests: BTreeMap<u64, String>,
    /// The newest number that a status has given out.
    given: u64,
    /// The lanes that the entry knew before, admitted or not.
    known: Vec<String>,
    releases: Releases,
    /// Whether something that was written by now may not have been seen, so that one object cannot be judged by
    /// another one.
    is_in_gap: bool,
}

/// Plays the versions in the order in which they were written.
pub(super) fn judge(history: &[Seen], gaps: &[Gap]) -> Result<()> {
    let mut truth = Truth::default();
    for seen in history {
        truth.is_in_gap = gaps.iter().any(|(before, last)| (*before + 1..=*last).contains(&seen.version));
        truth.follow(seen).with_context(|| {
            format!(
                "two truths at version {}, {} {}\n{}",
                seen.version,
                seen.kind,
                seen.name,
                told(history, seen)
            )
        })?;
    }
    Ok(())
}

/// The filters' configurations in an EnvoyFilter.
pub(super) fn configs(object: &DynamicObject) -> Vec<FilterConfig> {
    let mut texts = Vec::new();
    strings(&object.data, &mut texts);
    texts.into_iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

fn strings<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) if text.starts_with('{') => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
        _ => {}
    }
}

impl Truth {
    fn follow(&mut self, seen: &Seen) -> Result<()> {
        let key = (seen.kind, seen.name.clone());
        match &seen.object {
            Some(object) => self.objects.insert(key, object.clone()),
            None => self.objects.remove(&key),
        };
        if let Some(object) = &seen.object {
            match seen.kind {
                "LaneGroup" => self.number_of_the_status(object)?,
                "EnvoyFilter" => self.numbers_of_filters(&seen.name, object)?,
                _ => {}
            }
        }
        self.releases.follow(seen)?;
        self.admitted_is_routed()
    }

    fn number_of_the_status(&mut self, group: &DynamicObject) -> Result<()> {
        let status = &group.data["status"];
        let Some(number) = status["rulesGeneration"].as_u64().filter(|number| *number > 0) else {
            return Ok(());
        };
        let digest = status["rulesDigest"].as_str().unwrap_or_default().to_owned();
        ensure!(number >= self.given, "the status goes back from {} to {number}", self.given);
        self.given = number;
        let former = self.digests.entry(number).or_insert_with(|| digest.clone());
        ensure!(*former == digest, "generation {number} has two digests");
        Ok(())
    }

    fn numbers_of_filters(&mut self, name: &str, object: &DynamicObject) -> Result<()> {
        let configs = configs(object);
        let mut numbers: Vec<u64> = configs.iter().map(|config| config.generation).collect();
        numbers.dedup();
        ensure!(numbers.len() <= 1, "one object with the generations {numbers:?}");
        for config in configs {
            let number = config.generation;
            let filter = format!("{} {}", config.role.as_str(), config.workload);
            ensure!(
                number <= self.given || self.is_in_gap,
                "generation {number} is not in the status, which has {}",
                self.given
            );
            let last = self.last.entry((name.to_owned(), filter.clone())).or_default();
            ensure!(number >= *last, "{filter} goes back from {last} to {number}");
            *last = number;
            let content = serde_json::to_value(&config)?;
            let said = self.said.entry((name.to_owned(), filter.clone(), number));
            let said = said.or_insert_with(|| content.clone());
            ensure!(*said == content, "{filter} says two things under {number}: {said} and {content}");
        }
        Ok(())
    }

    fn admitted_is_routed(&mut self) -> Result<()> {
        let Some(entry) = self.objects.get(&("EnvoyFilter", ENTRY.to_owned())) else { return Ok(()) };
        let lanes: Vec<_> = configs(entry).into_iter().flat_map(|config| config.lanes).collect();
        let admitted = lanes.iter().filter(|lane| !lane.rules.is_empty() || lane.share.is_some());
        for lane in admitted.filter(|_| !self.is_in_gap) {
            let name = lane.name.as_str();
            ensure!(self.is_routed(name), "{name} is admitted and not routed");
            ensure!(
                self.known.iter().any(|known| known == name),
                "{name} is admitted before a generation without that was written"
            );
        }
        self.known = lanes.into_iter().map(|lane| lane.name.to_string()).collect();
        Ok(())
    }

    /// Whether subsets, aggregates and routes of the lane are there.
    fn is_routed(&self, lane: &str) -> bool {
        let says = |kind: &str, stem: &str, wanted: &str| {
            self.objects.iter().any(|((found, name), object)| {
                *found == kind && name.contains(stem) && object.data.to_string().contains(wanted)
            })
        };
        let aggregate = format!("graylane|8080|{lane}|");
        says("DestinationRule", ".subsets.", &format!("\"graylane-{lane}\""))
            && says("EnvoyFilter", ".clusters", &aggregate)
            && says("EnvoyFilter", ".routes", &aggregate)
    }
}

/// The last versions before the one at which something does not hold.
fn told(history: &[Seen], end: &Seen) -> String {
    let until = history.iter().filter(|seen| seen.version <= end.version);
    let lines: Vec<String> = until
        .map(|seen| {
            let state = seen.object.as_ref().map_or_else(|| "gone".to_owned(), summary);
            format!("  {} {} {}: {state}", seen.version, seen.kind, seen.name)
        })
        .collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

fn summary(object: &DynamicObject) -> String {
    let status = &object.data["status"];
    let filters = configs(object).into_iter().map(|config| {
        let lanes = config.lanes.iter();
        let lanes: Vec<_> = lanes.map(|lane| format!("{} {}", lane.name, lane.rules.len())).collect();
        format!("{} {} {lanes:?}", config.role.as_str(), config.generation)
    });
    format!(
        "{} {} {} {}",
        filters.collect::<Vec<_>>().join(", "),
        status["rulesGeneration"],
        status["lanes"],
        status["proxies"]
    )
}
