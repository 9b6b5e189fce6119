//! `lanectl get`: what there is.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use lane::model::{Lane, LaneGroup, StickyKey};
use lane::name::LaneName;
use serde::Serialize;

use super::error::CommandError;
use super::proxy_view::{self, ProxyView};
use super::ui::{Output, Ui};
use super::{state, target};
use crate::ending;
use crate::standalone::error::{Error, Result};
use crate::standalone::store::{Objects, Store};

/// List lanes, the lane group or the proxies
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// What to list
    #[arg(value_enum)]
    pub(super) kind: Kind,
    /// Only this one
    pub(super) name: Option<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Output,
    /// Go on and print what changes (cluster)
    #[arg(short, long)]
    pub(super) watch: bool,
    /// Of all namespaces (cluster)
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(super) all_namespaces: bool,
}

/// What there is to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Lanes
    #[value(alias = "lane")]
    Lanes,
    /// The lane group
    #[value(alias = "group")]
    Groups,
    /// The proxies, with the generation that they run (files)
    #[value(alias = "proxy")]
    Proxies,
}

pub(super) async fn run(store: &Store, args: &GetArgs, ui: &Ui) -> Result<u8, CommandError> {
    target::refuse("files", &[("--watch", args.watch), ("--all-namespaces", args.all_namespaces)])?;
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
pub(super) fn objects_out<T: Serialize>(items: &[T], args: &GetArgs, ui: &Ui) -> Result<u8> {
    match items {
        [one] if args.name.is_some() => ui.object(one, args.output),
        list => ui.object(&list, args.output),
    }
}

fn lanes(objects: &Objects, args: &GetArgs, ui: &Ui) -> Result<u8> {
    let lanes = chosen(objects.lanes.clone(), args, "lane", |lane| lane.metadata.name.to_string())?;
    match args.output {
        Output::Json | Output::Yaml => objects_out(&lanes, args, ui),
        Output::Name => names(ui, "lane", lanes.iter().map(|lane| lane.metadata.name.as_str())),
        Output::Table => {
            let rows: Vec<_> = lanes.iter().map(|lane| lane_row(objects, lane)).collect();
            ui.table(&["NAME", "RULES", "SHARE", "SERVICES", "ENDS"], &rows)
        }
        Output::Wide => {
            let rows: Vec<_> = lanes.iter().map(|lane| wide_lane_row(objects, lane)).collect();
            let narrow = ["NAME", "RULES", "SHARE", "SERVICES", "ENDS"];
            let wide = ["EXPIRES", "STICKY", "PRIORITY", "OWNER", "GROUP"];
            ui.table(&[narrow, wide].concat(), &rows)
        }
    }
}

fn lane_row(objects: &Objects, lane: &Lane) -> Vec<String> {
    vec![
        lane.metadata.name.to_string(),
        lane.spec.rules.len().to_string(),
        lane.spec.share.as_ref().map_or("-".to_owned(), |share| share.percent.to_string()),
        services(objects, &lane.metadata.name),
        ending::cell(lane.spec.expires, Timestamp::now()),
    ]
}

fn wide_lane_row(objects: &Objects, lane: &Lane) -> Vec<String> {
    let key = lane.spec.share.as_ref().and_then(|share| share.key.as_ref());
    let mut row = lane_row(objects, lane);
    row.extend([
        lane.spec.expires.map_or("-".to_owned(), |end| end.to_string()),
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
        Output::Name => names(ui, "lanegroup", groups.iter().map(|group| group.metadata.name.as_str())),
        Output::Table | Output::Wide => {
            let rows: Vec<_> = groups.iter().map(|group| group_row(objects, group)).collect();
            ui.table(&["NAME", "ENTRIES", "SERVICES", "HEADER", "FALLBACK", "LANES"], &rows)
        }
    }
}

fn group_row(objects: &Objects, group: &LaneGroup) -> Vec<String> {
    let spec = &group.spec;
    let entries: Vec<String> = spec.entries.iter().map(ToString::to_string).collect();
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

async fn proxies_of(store: &Store, args: &GetArgs, ui: &Ui) -> Result<u8> {
    let views = ProxyView::all(store, &state(store)?).await?;
    let views = chosen(views, args, "proxy", |view| view.name.clone())?;
    match views.as_slice() {
        [one] if args.name.is_some() && matches!(args.output, Output::Json | Output::Yaml) => {
            ui.object(one, args.output)
        }
        views => proxy_view::print(views, args.output, ui),
    }
}

pub(super) fn names<'a>(ui: &Ui, kind: &str, names: impl Iterator<Item = &'a str>) -> Result<u8> {
    ui.data(&names.map(|name| format!("{kind}/{name}\n")).collect::<String>())
}
