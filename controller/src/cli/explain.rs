//! `lanectl explain`: which rule, which lane, which workload at each hop, and why.

use std::path::PathBuf;

use clap::Args;
use envoy_config::filter_configs::{Place, filter_config};
use lane::filter_config::Role;
use lane::head::MemoryHead;
use lane::model::{BucketRange, Fallback, Lane};
use lane::name::{BASELINE, LaneName};
use lane::problem::Problem;
use lane::program::{Program, RuleVerdict};
use serde::Serialize;

use super::error::CommandError;
use super::set_lane::text_of;
use super::ui::{Output, Ui};
use super::{now_ms, request};
use crate::standalone::change::with_buckets;
use crate::standalone::error::{Error, Result};
use crate::standalone::store::{Objects, Store};

/// Explain where a request goes: which rule takes it, which workload serves it at each hop, and why
///
/// It runs the code that runs in the filter, on the objects of the directory.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Method
    #[arg(long, default_value = "GET")]
    method: String,
    /// Path with query
    #[arg(long, default_value = "/")]
    path: String,
    /// Host
    #[arg(long)]
    host: Option<String>,
    /// A header line; repeat for more
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The client's address
    #[arg(long, value_name = "IP")]
    source_ip: Option<std::net::IpAddr>,
    /// The URI of the client's certificate
    #[arg(long, value_name = "URI")]
    source_identity: Option<String>,
    /// A raw request head or the output of `curl -v`; - reads standard input
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["method", "path", "host", "headers"])]
    file: Option<PathBuf>,
    /// The random number (0 to 1) that shares without a key draw
    #[arg(long, value_name = "NUMBER", default_value_t = 0.5)]
    draw: f64,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Everything about one request.
#[derive(Debug, Serialize)]
struct Explanation {
    /// The lane that the request enters; `baseline` for none.
    lane: String,
    /// The rule that takes it.
    rule: Option<String>,
    /// Every rule, in order of precedence.
    rules: Vec<RuleLine>,
    /// The way through the services of the group.
    hops: Vec<HopLine>,
}

#[derive(Debug, Serialize)]
struct RuleLine {
    lane: String,
    rule: String,
    verdict: String,
    chosen: bool,
}

#[derive(Debug, Serialize)]
struct HopLine {
    service: String,
    lane: String,
    workloads: Vec<String>,
    why: String,
}

pub(super) fn run(store: &Store, args: &ExplainArgs, ui: &Ui) -> Result<u8, CommandError> {
    let objects = with_buckets(store.objects()?);
    let head = head(args)?;
    let program = program(&objects)?;
    let (now, draw) = (now_ms(), fraction(args.draw));
    let decision = program.decide(&head, now, draw);
    let lane = decision.map(|decision| decision.lane.name.clone());
    let explanation = Explanation {
        lane: lane.as_ref().map_or(BASELINE, LaneName::as_str).to_owned(),
        rule: decision.map(|decision| rule_name(decision.rule.map(|rule| rule.name.as_str()))),
        rules: program.explain(&head, now, draw).iter().map(rule_line).collect(),
        hops: hops(&objects, lane.as_ref()),
    };
    match args.output {
        Output::Json | Output::Yaml => Ok(ui.object(&explanation, args.output)?),
        Output::Name => Ok(ui.data(&format!("lane/{}\n", explanation.lane))?),
        Output::Table | Output::Wide => Ok(print(&explanation, ui)?),
    }
}

fn head(args: &ExplainArgs) -> Result<MemoryHead> {
    let refused = |path: &str, reason: String| {
        let (reason, remedy) = reason.split_once("; ").map_or((&*reason, "correct it"), |parts| parts);
        Error::Refused(vec![Problem::error(path, reason, remedy)])
    };
    let mut head = match &args.file {
        Some(path) => request::parse(&text_of(path)?).map_err(|e| refused(&path.to_string_lossy(), e))?,
        None => {
            let mut head = MemoryHead::default();
            request::set(&mut head, ":method", &args.method);
            request::set(&mut head, ":path", &args.path);
            if let Some(host) = &args.host {
                request::set(&mut head, ":authority", host);
            }
            for line in &args.headers {
                request::add_line(&mut head, line).map_err(|error| refused("--header", error))?;
            }
            head
        }
    };
    head.source_address = args.source_ip.map(|ip| std::net::SocketAddr::new(ip, 0).to_string());
    head.source_identity = args.source_identity.clone();
    Ok(head)
}

/// The program of the group's entry: of the first one, since all entries have the same rules.
fn program(objects: &Objects) -> Result<Program> {
    let entry = objects.group.spec.entries.first();
    let name = entry.ok_or_else(|| Error::NotFound { kind: "entry", name: "of the group".to_owned() })?;
    let place = Place { name, lane: None, is_workload: false };
    let lanes: Vec<&Lane> = objects.lanes.iter().collect();
    let config = filter_config(&objects.group, &lanes, place, Role::Entry, 0, |_| false);
    Program::compile(config).map_err(Error::Refused)
}

/// A number from 0 to 1 as a draw of 64 bits.
fn fraction(number: f64) -> u64 {
    // The cast saturates: 1 is the largest draw.
    (number.clamp(0.0, 1.0) * 2.0_f64.powi(64)) as u64
}

fn rule_name(name: Option<&str>) -> String {
    name.unwrap_or("share").to_owned()
}

fn rule_line(verdict: &RuleVerdict<'_>) -> RuleLine {
    let mut text = if verdict.holds { "holds" } else { "does not hold" }.to_owned();
    if verdict.ended {
        text.push_str(", but the lane has ended");
    }
    if let Some(share) = &verdict.share {
        text.push_str(&match share.bucket {
            None => ", but the request lacks the key of the share".to_owned(),
            Some(bucket) => {
                let takes = if share.takes { "in" } else { "not in" };
                format!(", bucket {bucket} is {takes} {}", ranges(share.buckets))
            }
        });
    }
    if verdict.holds && !verdict.chosen && !verdict.ended && verdict.share.is_none_or(|share| share.takes) {
        text.push_str(", but another rule comes first");
    }
    RuleLine {
        lane: verdict.lane.to_string(),
        rule: rule_name(verdict.rule.map(|rule| rule.name.as_str())),
        verdict: text,
        chosen: verdict.chosen,
    }
}

fn ranges(buckets: &[BucketRange]) -> String {
    if buckets.is_empty() {
        return "no range".to_owned();
    }
    let texts: Vec<_> = buckets.iter().map(|range| format!("{}..{}", range.from, range.to)).collect();
    texts.join(", ")
}

/// The way through the services of the group in their order; a strict group may end it early.
fn hops(objects: &Objects, lane: Option<&LaneName>) -> Vec<HopLine> {
    let mut hops = Vec::new();
    for service in &objects.group.spec.services {
        let spec = &objects.topology.spec;
        let names = |lane: Option<&LaneName>| -> Vec<String> {
            spec.workloads_of(&service.name, lane).map(|workload| workload.name.to_string()).collect()
        };
        let own = lane.map(|lane| names(Some(lane))).unwrap_or_default();
        let strict = lane.is_some() && objects.group.spec.fallback == Fallback::Strict;
        let (served_by, workloads, why) = match lane {
            Some(lane) if !own.is_empty() => (lane.as_str(), own, "the lane has a version of it"),
            Some(lane) if strict => {
                (lane.as_str(), own, "503: the group is strict and the lane has no version")
            }
            Some(_) => (BASELINE, names(None), "the lane has no version of it"),
            None => (BASELINE, names(None), "the request has no lane"),
        };
        let ends = strict && workloads.is_empty();
        hops.push(HopLine {
            service: service.name.to_string(),
            lane: served_by.to_owned(),
            workloads,
            why: why.to_owned(),
        });
        if ends {
            break;
        }
    }
    hops
}

fn print(explanation: &Explanation, ui: &Ui) -> Result<u8> {
    let rule =
        explanation.rule.as_ref().map_or("no rule takes it".to_owned(), |rule| format!("by rule {rule}"));
    let mut text = format!("lane {}, {rule}\n\nrules, in order of precedence:\n", explanation.lane);
    if explanation.rules.is_empty() {
        text.push_str("  there are none\n");
    }
    for line in &explanation.rules {
        let mark = if line.chosen { "*" } else { " " };
        text.push_str(&format!("{mark} {}/{}: {}\n", line.lane, line.rule, line.verdict));
    }
    text.push_str("\nhops:\n");
    for hop in &explanation.hops {
        let workloads = if hop.workloads.is_empty() { "nobody".to_owned() } else { hop.workloads.join(", ") };
        text.push_str(&format!("  {} → {workloads} [{}]: {}\n", hop.service, hop.lane, hop.why));
    }
    ui.data(&text)
}
