//! `lanectl get`: what there is.

use clap::{Args, ValueEnum};
use lane::model::{Lane, LaneGroup, StickyKey};
use lane::name::{LaneName, WorkloadName};
use serde::Serialize;

use super::error::CommandError;
use super::state;
use super::ui::{Output, Ui};
use crate::standalone::change::{STAGES, proxies};
use crate::standalone::error::{Error, Result};
use crate::standalone::receipts::{Verdict, ask};
use crate::standalone::store::{Objects, Store};

/// List lanes, the lane group or the proxies
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// What to list
    #[arg(value_enum)]
    kind: Kind,
    /// Only this one
    name: Option<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Lanes
    #[value(alias = "lane")]
    Lanes,
    /// The lane group
    #[value(alias = "group")]
    Groups,
    /// The proxies, with the generation that they run
    #[value(alias = "proxy")]
    Proxies,
}

pub(super) async fn run(store: &Store, args: &GetArgs, ui: &Ui) -> Result<u8, CommandError> {
    let objects = store.objects()?;
    let code = match args.kind {
        Kind::Lanes => lanes(&objects, args, ui),
        Kind::Groups => groups(&objects, args, ui),
        Kind::Proxies => proxies_of(store, args, ui).await,
    };
    Ok(code?)
}

/// The items that the arguments ask for; an error when a named one is not there.
fn chosen<T>(
    items: Vec<T>,
    args: &GetArgs,
    kind: &'static str,
    name: impl Fn(&T) -> String,
) -> Result<Vec<T>> {
    let Some(wanted) = &args.name else { return Ok(items) };
    let found: Vec<T> = items.into_iter().filter(|item| name(item) == *wanted).collect();
    if found.is_empty() {
        return Err(Error::NotFound { kind, name: wanted.clone() });
    }
    Ok(found)
}

/// One named object by itself, else a list.
fn objects_out<T: Serialize>(items: &[T], args: &GetArgs, ui: &Ui) -> Result<u8> {
    match items {
        [one] if args.name.is_some() => ui.object(one, args.output),
        list => ui.object(&list, args.output),
    }
}

fn lanes(objects: &Objects, args: &GetArgs, ui: &Ui) -> Result<u8> {
    let lanes = chosen(objects.lanes.clone(), args, "lane", |lane| lane.metadata.name.to_string())?;
    match args.output {
        Output::Json | Output::Yaml => objects_out(&lanes, args, ui),
        Output::Name => Ok(names(ui, "lane", lanes.iter().map(|lane| lane.metadata.name.as_str()))),
        Output::Table => {
            let rows: Vec<_> = lanes.iter().map(|lane| lane_row(objects, lane)).collect();
            Ok(ui.table(&["NAME", "RULES", "SHARE", "SERVICES", "EXPIRES"], &rows))
        }
        Output::Wide => {
            let rows: Vec<_> = lanes.iter().map(|lane| wide_lane_row(objects, lane)).collect();
            let header =
                ["NAME", "RULES", "SHARE", "SERVICES", "EXPIRES", "STICKY", "PRIORITY", "OWNER", "GROUP"];
            Ok(ui.table(&header, &rows))
        }
    }
}

fn lane_row(objects: &Objects, lane: &Lane) -> Vec<String> {
    vec![
        lane.metadata.name.to_string(),
        lane.spec.rules.len().to_string(),
        lane.spec.share.as_ref().map_or("-".to_owned(), |share| share.percent.to_string()),
        services(objects, &lane.metadata.name),
        lane.spec.expires.map_or("-".to_owned(), |end| end.to_string()),
    ]
}

fn wide_lane_row(objects: &Objects, lane: &Lane) -> Vec<String> {
    let key = lane.spec.share.as_ref().and_then(|share| share.key.as_ref());
    let mut row = lane_row(objects, lane);
    row.extend([
        key.map_or("-".to_owned(), sticky),
        lane.spec.priority.to_string(),
        lane.spec.owner.clone().unwrap_or_else(|| "-".to_owned()),
        lane.spec.group.to_string(),
    ]);
    row
}

/// A sticky key as `--sticky` takes it.
pub(super) fn sticky(key: &StickyKey) -> String {
    match key {
        StickyKey::Header(name) => format!("header:{name}"),
        StickyKey::Cookie(name) => format!("cookie:{name}"),
        StickyKey::Query(name) => format!("query:{name}"),
        StickyKey::Source => "source".to_owned(),
    }
}

/// The services of which a lane has a workload.
fn services(objects: &Objects, lane: &LaneName) -> String {
    let versions = objects.versions();
    let of_lane = versions.iter().filter(|(name, _)| name == lane).map(|(_, service)| service.as_str());
    let list: Vec<&str> = of_lane.collect();
    if list.is_empty() { "-".to_owned() } else { list.join(",") }
}

fn groups(objects: &Objects, args: &GetArgs, ui: &Ui) -> Result<u8> {
    let all = vec![objects.group.clone()];
    let groups: Vec<LaneGroup> = chosen(all, args, "group", |group| group.metadata.name.to_string())?;
    match args.output {
        Output::Json | Output::Yaml => objects_out(&groups, args, ui),
        Output::Name => Ok(names(ui, "lanegroup", groups.iter().map(|group| group.metadata.name.as_str()))),
        Output::Table | Output::Wide => {
            let rows: Vec<_> = groups.iter().map(|group| group_row(objects, group)).collect();
            Ok(ui.table(&["NAME", "ENTRIES", "SERVICES", "HEADER", "FALLBACK", "LANES"], &rows))
        }
    }
}

fn group_row(objects: &Objects, group: &LaneGroup) -> Vec<String> {
    let spec = &group.spec;
    let entries: Vec<&str> = spec.entries.iter().map(WorkloadName::as_str).collect();
    let services: Vec<&str> = spec.services.iter().map(|service| service.name.as_str()).collect();
    vec![
        group.metadata.name.to_string(),
        entries.join(","),
        services.join(","),
        spec.lane_header.to_string(),
        format!("{:?}", spec.fallback),
        objects.lanes.len().to_string(),
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProxyView {
    name: String,
    admin: String,
    wanted_generation: u64,
    #[serde(flatten)]
    verdict: Verdict,
}

async fn proxies_of(store: &Store, args: &GetArgs, ui: &Ui) -> Result<u8> {
    let state = state(store)?;
    let objects = state.applied.clone().map_or_else(|| store.objects(), Ok)?;
    let rendered = proxies(store, &state, &objects, state.generation)?;
    let answers = ask(&rendered, &STAGES).await;
    let views = rendered.iter().zip(answers).map(|(proxy, (name, verdict))| ProxyView {
        name,
        admin: proxy.admin.to_string(),
        wanted_generation: state.generation,
        verdict,
    });
    let views = chosen(views.collect(), args, "proxy", |view| view.name.clone())?;
    match args.output {
        Output::Json | Output::Yaml => objects_out(&views, args, ui),
        Output::Name => Ok(names(ui, "proxy", views.iter().map(|view| view.name.as_str()))),
        Output::Table | Output::Wide => {
            let rows: Vec<_> = views.iter().map(|view| proxy_row(view, args.output)).collect();
            let mut header = vec!["NAME", "STATE", "WANTED"];
            header
                .extend((args.output == Output::Wide).then_some(["ADMIN", "MISSING"]).into_iter().flatten());
            Ok(ui.table(&header, &rows))
        }
    }
}

fn proxy_row(view: &ProxyView, output: Output) -> Vec<String> {
    let (state, missing) = match &view.verdict {
        Verdict::Current => ("current", "-".to_owned()),
        Verdict::Behind(missing) => ("behind", missing.join(", ")),
        Verdict::Stopped => ("stopped", "-".to_owned()),
        Verdict::Silent(reason) => ("silent", reason.clone()),
    };
    let mut row = vec![view.name.clone(), state.to_owned(), view.wanted_generation.to_string()];
    if output == Output::Wide {
        row.extend([view.admin.clone(), missing]);
    }
    row
}

fn names<'a>(ui: &Ui, kind: &str, names: impl Iterator<Item = &'a str>) -> u8 {
    ui.data(&names.map(|name| format!("{kind}/{name}\n")).collect::<String>())
}
