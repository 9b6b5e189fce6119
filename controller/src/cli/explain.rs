//! `lanectl explain`: which rule, which lane, which workload at each hop, and why.

mod condition;
mod hops;
mod rules;

use std::path::PathBuf;

use clap::Args;
use envoy_config::filter_configs::{Place, filter_config};
use lane::filter_config::{FilterConfig, Role};
use lane::head::{MemoryHead, RequestHead as _};
use lane::model::{Lane, LaneGroup};
use lane::name::{BASELINE, GroupName, LaneName, NamespaceName, ServiceName};
use lane::problem::Problem;
use lane::program::Program;
use serde::Serialize;

use self::hops::{HopLine, hops};
use self::rules::{RuleLine, rule_line, rule_name};
use super::error::CommandError;
use super::set_lane::text_of;
use super::ui::{Output, Ui};
use super::{now_ms, request, target};
use crate::standalone::change::with_buckets;
use crate::standalone::error::{Error, Result};
use crate::standalone::store::{Objects, Store};

/// How many rules that do not even nearly hold are shown unless all are asked for.
const SHOWN_RULES: usize = 20;

/// Explain where a request goes: which rule takes it, which workload serves it at each hop, and why
///
/// It runs the code that runs in the filter, on the objects of the directory or of the cluster as they are now.
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
    /// Lane group (cluster); the only one of the namespace if not given
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<GroupName>,
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
    /// What else there is to know.
    notes: Vec<String>,
    /// Every rule, in order of precedence.
    rules: Vec<RuleLine>,
    /// The way through the services of the group.
    hops: Vec<HopLine>,
}

/// What a request would find.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) group: LaneGroup,
    /// Where the group is, on a cluster: tickets name it.
    pub(super) namespace: Option<NamespaceName>,
    /// With the buckets of their shares.
    pub(super) lanes: Vec<Lane>,
    pub(super) workloads: Vec<Serving>,
    /// What else there is to know.
    pub(super) notes: Vec<String>,
}

/// A workload of a service.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) service: ServiceName,
    /// The baseline where there is none.
    pub(super) lane: Option<LaneName>,
    pub(super) name: String,
    /// Whether anybody would answer.
    pub(super) is_ready: bool,
}

pub(super) fn run(store: &Store, args: &ExplainArgs, ui: &Ui) -> Result<u8, CommandError> {
    target::refuse("files", &[("--group", args.group.is_some())])?;
    let Objects { group, lanes, topology, .. } = with_buckets(store.objects()?);
    let workloads = topology.spec.workloads.into_iter().map(|workload| Serving {
        service: workload.service,
        lane: workload.lane,
        name: workload.name.to_string(),
        is_ready: true,
    });
    let scene = Scene { group, namespace: None, lanes, workloads: workloads.collect(), notes: Vec::new() };
    Ok(show(scene, args, ui)?)
}

/// Explains the request of the arguments.
pub(super) fn show(scene: Scene, args: &ExplainArgs, ui: &Ui) -> Result<u8> {
    let explanation = explain(scene, &head(args)?, fraction(args.draw))?;
    match args.output {
        Output::Json | Output::Yaml => ui.object(&explanation, args.output),
        Output::Name => ui.data(&format!("lane/{}\n", explanation.lane)),
        Output::Table => ui.data(&text(&explanation, SHOWN_RULES)),
        Output::Wide => ui.data(&text(&explanation, usize::MAX)),
    }
}

fn explain(scene: Scene, head: &MemoryHead, draw: u64) -> Result<Explanation> {
    let program = program(&scene)?;
    let now = now_ms();
    let decision = program.decide(head, now, draw);
    let lane = decision.map(|decision| &decision.lane.name);
    let bare = FilterConfig { lanes: Vec::new(), ..program.config().clone() };
    let verdicts = program.explain(head, now, draw);
    let rules = verdicts.iter().map(|verdict| rule_line(&bare, verdict, head));
    let lane_header = &scene.group.spec.lane_header;
    let forged = head.header(lane_header.as_str()).is_some();
    let note = || format!("{lane_header} is removed at the entry: no client may choose a lane by it");
    Ok(Explanation {
        lane: lane.map_or(BASELINE, LaneName::as_str).to_owned(),
        rule: decision.map(|decision| rule_name(decision.rule)),
        rules: rules.collect::<Result<_>>()?,
        hops: hops(&scene, lane),
        notes: forged.then(note).into_iter().chain(scene.notes).collect(),
    })
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
fn program(scene: &Scene) -> Result<Program> {
    let entry = scene.group.spec.entries.first();
    let name = entry.ok_or_else(|| Error::NotFound { kind: "entry", name: "of the group".to_owned() })?;
    let place = Place { name: &name.name, lane: None, is_workload: false, is_entry: true };
    let lanes: Vec<&Lane> = scene.lanes.iter().collect();
    let config = filter_config(&scene.group, &lanes, place, Role::Entry, 0, |_| false);
    let config = FilterConfig { group_namespace: scene.namespace.clone(), ..config };
    Program::compile(config).map_err(Error::Refused)
}

/// A number from 0 to 1 as a draw of 64 bits.
fn fraction(number: f64) -> u64 {
    // The cast saturates: 1 is the largest draw.
    (number.clamp(0.0, 1.0) * 2.0_f64.powi(64)) as u64
}

/// The explanation for people; of the rules that do not even nearly hold at most `shown`.
fn text(explanation: &Explanation, shown: usize) -> String {
    let Explanation { lane, rule, notes, rules, hops } = explanation;
    let rule = rule.as_ref().map_or("no rule takes it".to_owned(), |rule| format!("by rule {rule}"));
    let mut text = format!("lane {lane}, {rule}\n");
    for note in notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str("\nrules, in order of precedence:\n");
    if rules.is_empty() {
        text.push_str("  there are none\n");
    }
    let mut far: usize = 0;
    for line in rules {
        far = far.saturating_add(usize::from(!line.is_near));
        if !line.is_near && far > shown {
            continue;
        }
        let mark = if line.chosen { "*" } else { " " };
        text.push_str(&format!("{mark} {}/{}: {}\n", line.lane, line.rule, line.verdict));
        line.fails.iter().for_each(|failure| text.push_str(&format!("      {failure}\n")));
    }
    if far > shown {
        text.push_str(&format!("  {} more do not hold; -o wide shows them\n", far.saturating_sub(shown)));
    }
    text.push_str("\nhops:\n");
    for hop in hops {
        let workloads = if hop.workloads.is_empty() { "nobody".to_owned() } else { hop.workloads.join(", ") };
        text.push_str(&format!("  {} → {workloads} [{}]: {}\n", hop.service, hop.lane, hop.why));
    }
    text
}
