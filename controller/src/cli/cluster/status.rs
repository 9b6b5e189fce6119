//! `lanectl status`: a lane group as it is in the cluster.

use std::fmt::Write as _;

use jiff::Timestamp;
use kube::ResourceExt as _;
use lane::model::{LanePhase, LostLane, ObjectCondition, ProxyCount, ReleaseStatus};
use lane::name::BASELINE;
use serde::Serialize;

use super::objects;
use super::rows::state;
use super::unrouted::Unrouted;
use crate::cli::error::CommandError;
use crate::cli::lost_lanes;
use crate::cli::status::StatusArgs;
use crate::cli::ui::{self, Output, Ui};
use crate::cluster::client::{Cluster, Error, Place, Surroundings};
use crate::cluster::conditions::{ACCEPTED, PROGRAMMED};
use crate::cluster::crd::{Lane, LaneGroup};
use crate::cluster::dereference::Reading;
use crate::ending;

/// Everything about a group.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    group: String,
    namespace: String,
    /// The generation of the rules that the proxies are to run.
    generation: u64,
    proxies: ProxyCount,
    /// Whether the controller has looked at the newest version of the group.
    observed: bool,
    conditions: Vec<ObjectCondition>,
    lanes: Vec<LaneLine>,
    services: Vec<ServiceLine>,
    /// The workloads whose applications lose lanes.
    lost_lanes: Vec<LostLane>,
    unrouted: Unrouted,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LaneLine {
    name: String,
    /// How far it has come; none where the proxies do not know it.
    phase: Option<LanePhase>,
    observed: bool,
    /// Its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    /// Its promotion or rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<ReleaseStatus>,
    conditions: Vec<ObjectCondition>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceLine {
    namespace: String,
    name: String,
    workloads: Vec<WorkloadLine>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkloadLine {
    name: String,
    lane: String,
    /// Endpoints that are ready.
    ready: usize,
    /// Pods.
    total: usize,
}

pub(super) async fn run(cluster: &Cluster, args: &StatusArgs, ui: &Ui) -> Result<u8, CommandError> {
    let groups = match &args.group {
        Some(name) => vec![cluster.group(Some(name)).await?],
        None => cluster.groups(false).await?,
    };
    if groups.is_empty() {
        return Err(Error::NoGroup { namespace: cluster.namespace().to_owned() }.into());
    }
    let mut found = Vec::new();
    for group in &groups {
        found.push(look(cluster, group).await?);
    }
    let code = match (args.output, found.as_slice()) {
        (Output::Json | Output::Yaml, [only]) if args.group.is_some() => ui.object(only, args.output),
        (Output::Json | Output::Yaml, all) => ui.object(&all, args.output),
        (Output::Name, all) => {
            ui.data(&all.iter().map(|status| format!("lanegroup/{}\n", status.group)).collect::<String>())
        }
        (Output::Table | Output::Wide, all) => {
            let texts: Vec<String> = all.iter().map(|status| text(status, Timestamp::now())).collect();
            ui.data(&texts.join("\n"))
        }
    };
    Ok(code?)
}

async fn look(cluster: &Cluster, group: &LaneGroup) -> Result<Status, CommandError> {
    let lanes = cluster.lanes_of(group).await?;
    let surroundings = cluster.surroundings(group, false).await?;
    let reading = surroundings.read(group, &objects::lanes(&lanes));
    let status = group.status.clone().unwrap_or_default();
    let observed = status.observed_generation == group.metadata.generation;
    Ok(Status {
        group: group.name_any(),
        namespace: group.namespace().unwrap_or_default(),
        generation: status.rules_generation,
        proxies: status.proxies,
        observed,
        conditions: status.conditions,
        lanes: lanes.iter().map(|lane| lane_line(group, lane)).collect(),
        services: reading.iter().flat_map(|reading| service_lines(reading, &surroundings)).collect(),
        lost_lanes: status.lost_lanes,
        unrouted: Unrouted::look(cluster, group).await?,
    })
}

fn lane_line(group: &LaneGroup, lane: &Lane) -> LaneLine {
    let status = lane.status.clone().unwrap_or_default();
    let mut known = group.status.iter().flat_map(|status| &status.lanes);
    let known = known.find(|known| known.name.as_str() == lane.name_any());
    LaneLine {
        name: lane.name_any(),
        phase: known.map(|known| known.phase),
        observed: status.observed_generation == lane.metadata.generation,
        expires: lane.spec.0.expires,
        release: status.release,
        conditions: status.conditions,
    }
}

fn service_lines(reading: &Reading, surroundings: &Surroundings) -> Vec<ServiceLine> {
    let lines = reading.input.services.iter().map(|service| {
        let workloads = service.workloads.iter().map(|workload| {
            let place = Place { namespace: service.namespace.as_str(), selector: &workload.selector };
            let (ready, total) = surroundings.pods(place);
            let lane = workload.lane.as_ref().map_or(BASELINE, |lane| lane.as_str()).to_owned();
            WorkloadLine { name: workload.name.to_string(), lane, ready, total }
        });
        let (namespace, name) = (service.namespace.to_string(), service.name.to_string());
        ServiceLine { namespace, name, workloads: workloads.collect() }
    });
    lines.collect()
}

/// The status for people.
fn text(status: &Status, now: Timestamp) -> String {
    let Status { group, namespace, generation, proxies, .. } = status;
    let ProxyCount { ready, total, .. } = proxies;
    let mut text =
        format!("group {namespace}/{group}: {ready} of {total} proxies run generation {generation}\n");
    if !status.observed {
        text.push_str("  the controller has not looked at the newest version of the group yet\n");
    }
    conditions(&mut text, &status.conditions);
    if !status.lanes.is_empty() {
        let rows: Vec<Vec<String>> = status.lanes.iter().map(|lane| lane_row(lane, now)).collect();
        text.push('\n');
        text.push_str(&ui::table(&["LANE", "PHASE", "ENDS", "RELEASE", "ACCEPTED", "PROGRAMMED"], &rows));
        for lane in &status.lanes {
            let line = lane.expires.and_then(|end| ending::line(&lane.name, end, now));
            line.into_iter().for_each(|line| text.push_str(&format!("  {line}\n")));
            released(&mut text, lane);
            conditions(&mut text, &lane.conditions);
        }
    }
    let rows: Vec<Vec<String>> =
        status.services.iter().flat_map(|line| service_rows(line, namespace)).collect();
    text.push('\n');
    text.push_str(&ui::table(&["SERVICE", "WORKLOAD", "LANE", "READY"], &rows));
    lost_lanes::show(&mut text, &status.lost_lanes);
    status.unrouted.show(&mut text);
    text
}

/// Those that are not true, with what to do.
fn conditions(text: &mut String, conditions: &[ObjectCondition]) {
    for condition in conditions.iter().filter(|condition| condition.status != "True") {
        let ObjectCondition { kind, status, reason, message, .. } = condition;
        let message = message.replace('\n', "\n    ");
        let _ = writeln!(text, "  {kind} is {status}, {reason}: {message}");
    }
}

fn lane_row(lane: &LaneLine, now: Timestamp) -> Vec<String> {
    let phase = lane.phase.map_or_else(|| "-".to_owned(), |phase| format!("{phase:?}"));
    let phase = if lane.observed { phase } else { format!("{phase} (not looked at yet)") };
    let release =
        lane.release.as_ref().map_or_else(|| "-".to_owned(), |release| format!("{:?}", release.phase));
    let conditions = [ACCEPTED, PROGRAMMED].map(|kind| state(&lane.conditions, kind));
    let ends = ending::cell(lane.expires, now);
    [lane.name.clone(), phase, ends, release].into_iter().chain(conditions).collect()
}

/// What a promotion or rollback waits for, or why it did not succeed.
fn released(text: &mut String, lane: &LaneLine) {
    if let Some(release) = lane.release.as_ref().filter(|release| !release.message.is_empty()) {
        let message = release.message.replace('\n', "\n    ");
        let _ = writeln!(text, "  lane {}, {:?}: {message}", lane.name, release.phase);
    }
}

fn service_rows(service: &ServiceLine, own: &str) -> Vec<Vec<String>> {
    let ServiceLine { namespace, name, workloads } = service;
    let shown = if namespace == own { name.clone() } else { format!("{namespace}/{name}") };
    if workloads.is_empty() {
        return vec![vec![shown, "-".to_owned(), "-".to_owned(), "nobody".to_owned()]];
    }
    let rows = workloads.iter().map(|workload| {
        let WorkloadLine { name, lane, ready, total } = workload;
        vec![shown.clone(), name.clone(), lane.clone(), format!("{ready} of {total}")]
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_has_what_is_wrong_and_who_serves() {
        let condition = |kind: &str, status: &str, message: &str| {
            serde_json::from_value(json!({
                "type": kind, "status": status, "reason": "Why", "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }))
            .unwrap()
        };
        let workload = |name: &str, lane: &str, ready| WorkloadLine {
            name: name.to_owned(),
            lane: lane.to_owned(),
            ready,
            total: 2,
        };
        let service = |namespace: &str, name: &str, workloads| ServiceLine {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            workloads,
        };
        let status = Status {
            group: "shop".to_owned(),
            namespace: "demo".to_owned(),
            generation: 7,
            proxies: ProxyCount { ready: 2, total: 3, unverified: 0 },
            observed: true,
            conditions: vec![condition("Accepted", "True", ""), condition("Programmed", "False", "one\ntwo")],
            lanes: vec![LaneLine {
                name: "gray".to_owned(),
                phase: Some(LanePhase::Admitted),
                observed: true,
                expires: "2026-12-01T18:00:00Z".parse().ok(),
                release: Some(ReleaseStatus {
                    request: "r".to_owned(),
                    action: lane::model::ReleaseAction::Promote,
                    promotion: None,
                    phase: lane::model::ReleasePhase::Refused,
                    since: Timestamp::UNIX_EPOCH,
                    message: "a: one\nb: two".to_owned(),
                }),
                conditions: vec![condition("Accepted", "True", "")],
            }],
            services: vec![
                service("demo", "a", vec![workload("a-v1", "baseline", 2), workload("a-v2", "gray", 1)]),
                service("other", "b", Vec::new()),
            ],
            lost_lanes: Vec::new(),
            unrouted: Unrouted::new(Vec::new()),
        };
        let now = "2026-12-01T17:57:30Z".parse().unwrap();
        insta::assert_snapshot!(text(&status, now), @r"
        group demo/shop: 2 of 3 proxies run generation 7
          Programmed is False, Why: one
            two

        LANE   PHASE      ENDS        RELEASE   ACCEPTED   PROGRAMMED
        gray   Admitted   in 2m 30s   Refused   True       Unknown
          lane gray ends in 2m 30s, at 2026-12-01T18:00:00Z
          lane gray, Refused: a: one
            b: two

        SERVICE   WORKLOAD   LANE       READY
        a         a-v1       baseline   2 of 2
        a         a-v2       gray       1 of 2
        other/b   -          -          nobody
        ");
    }
}
