//! `lanectl init`: a lane group and the first configuration of its proxies.

use std::path::PathBuf;

use clap::Args;
use envoy_config::standalone::Proxy;
use lane::model::group::DEFAULT_TRAIL_HEADER;
use lane::model::{Fallback, LANE_GROUP, LaneGroup, LaneGroupSpec, Propagation, Service};
use lane::name::{GroupName, HeaderName, ServiceName, WorkloadName};

use super::error::CommandError;
use super::ui::Ui;
use super::{ChangeArgs, now_ms};
use crate::standalone::change;
use crate::standalone::error::{Error, Result};
use crate::standalone::files;
use crate::standalone::store::{Objects, State, Store, in_file, parse_topology};

/// Write a lane group, and the configuration of every Envoy of its topology
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Name of the lane group
    name: GroupName,
    /// Gateways or workloads where requests enter
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    entry: Vec<WorkloadName>,
    /// Services of the call chain, in the order of calls
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    service: Vec<ServiceName>,
    /// File that says where gateways and workloads are
    #[arg(long, value_name = "FILE")]
    topology: PathBuf,
    /// The Wasm module, as the Envoys will find it
    #[arg(long, value_name = "FILE")]
    module: PathBuf,
    /// Header that carries the lane
    #[arg(long, value_name = "NAME", default_value = lane::model::group::DEFAULT_LANE_HEADER)]
    lane_header: HeaderName,
    /// Let every hop write itself into the header x-lane-path
    #[arg(long)]
    trail: bool,
    /// Answer 503 where a lane has no version of a service, instead of the baseline
    #[arg(long)]
    strict: bool,
    /// Replace a lane group that is there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(store: &Store, args: &InitArgs, ui: &Ui) -> Result<u8, CommandError> {
    if store.exists() && !args.force {
        let path = store.dir().to_owned();
        let source = std::io::Error::other("there is a lane group already; --force replaces it");
        return Err(Error::File { action: "initialise", path, source }.into());
    }
    let text = files::read(&args.topology)?.ok_or_else(|| missing(&args.topology))?;
    let topology = parse_topology(&text)
        .map_err(|problems| Error::Refused(in_file(&args.topology, problems).collect()))?;
    let module = std::path::absolute(&args.module).map_err(|source| failed(&args.module, source))?;
    let previous = store.state()?;
    let lanes = if previous.is_some() { store.objects()?.lanes } else { Vec::new() };
    let objects = Objects { group: group(args), topology, lanes };
    let errors: Vec<_> =
        objects.problems(now_ms()).into_iter().filter(lane::problem::Problem::is_error).collect();
    if !errors.is_empty() {
        return Err(Error::Refused(errors).into());
    }
    if args.change.dry_run {
        ui.say(&format!("would initialise {} in {}", args.name, store.dir().display()));
        return Ok(0);
    }
    let _lock = files::lock(store.dir())?;
    store.write_topology_text(&text)?;
    let generation = previous.map_or(0, |state| state.generation);
    let state = State { generation, module, applied: None };
    let done = change::carry_out(store, state, objects.clone(), args.change.options()).await?;
    ui.problems(&done.warnings);
    ui.say(&format!("initialised {} in {}; start the Envoys with:", args.name, store.dir().display()));
    let state = super::state(store)?;
    for proxy in change::proxies(store, &state, &objects, done.generation)? {
        ui.say(&format!("  {}", start_command(store, &proxy)));
    }
    Ok(0)
}

fn group(args: &InitArgs) -> LaneGroup {
    let trail = args.trail.then(|| DEFAULT_TRAIL_HEADER.parse().ok()).flatten();
    let spec = LaneGroupSpec {
        entries: args.entry.clone(),
        services: args.service.iter().cloned().map(|name| Service { name }).collect(),
        lane_header: args.lane_header.clone(),
        propagation: Propagation { trail, ..Propagation::default() },
        fallback: if args.strict { Fallback::Strict } else { Fallback::Permissive },
    };
    LaneGroup::new(LANE_GROUP, args.name.clone(), spec)
}

fn start_command(store: &Store, proxy: &Proxy) -> String {
    let bootstrap = store.proxy_dir(proxy.name.as_str()).join("bootstrap.json");
    let concurrency = proxy.concurrency.map(|n| format!(" --concurrency {n}")).unwrap_or_default();
    format!("envoy -c {} --disable-hot-restart{concurrency}", bootstrap.display())
}

fn missing(path: &std::path::Path) -> Error {
    failed(path, std::io::ErrorKind::NotFound.into())
}

fn failed(path: &std::path::Path, source: std::io::Error) -> Error {
    Error::File { action: "read", path: path.to_owned(), source }
}
