//! `lanectl init`: a lane group and the first configuration of its proxies.

use std::path::{self, PathBuf};

use clap::Args;
use envoy_config::names::BOOTSTRAP_FILE;
use envoy_config::standalone::Proxy;
use lane::model::group::DEFAULT_TRAIL_HEADER;
use lane::model::{Fallback, Faults, LANE_GROUP, LaneGroup, LaneGroupSpec, Propagation, Recovery, Service};
use lane::name::{EntryName, GroupName, HeaderName};

use super::error::CommandError;
use super::ui::Ui;
use super::{ChangeArgs, Knows, now_ms};
use crate::standalone::change::{self, Plan};
use crate::standalone::documents::{in_file, parse_topology};
use crate::standalone::error::{Error, Result};
use crate::standalone::files;
use crate::standalone::store::{Objects, State, Store};

/// The Wasm module where nothing else is said.
const MODULE: &str = "graylane.wasm";

/// Write a lane group, and the configuration of every Envoy of its topology
///
/// On a cluster it finds out ports, workloads and the label of the baseline, shows them, and writes the group alone:
/// the controller does the rest.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Name of the lane group
    pub(super) name: GroupName,
    /// Gateways or workloads where requests enter; on a cluster Deployments, `NAMESPACE/NAME` in another namespace
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    entry: Vec<EntryName>,
    /// Services of the call chain, in the order of calls; `NAMESPACE/NAME` in another namespace of a cluster
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true, value_parser = service)]
    service: Vec<Service>,
    /// File that says where gateways and workloads are (files); topology.yaml of the directory if not given
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// The Wasm module, as the Envoys will find it (files) [default: graylane.wasm]
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Header that carries the lane
    #[arg(long, value_name = "NAME", default_value = lane::model::group::DEFAULT_LANE_HEADER)]
    lane_header: HeaderName,
    /// Let every hop write itself into the header x-lane-path
    #[arg(long)]
    trail: bool,
    /// Find a lost lane again by the request's trace, for applications that forward only tracing headers
    #[arg(long)]
    recovery: bool,
    /// Make place for faults in every proxy (`lanectl fault`), which changes listeners once
    #[arg(long)]
    faults: bool,
    /// Answer 503 where a lane has no version of a service, instead of the baseline
    #[arg(long)]
    strict: bool,
    /// Replace a lane group that is there already
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

impl InitArgs {
    /// A topology and a module are things of files.
    pub(super) fn knows(&self) -> Knows {
        if self.topology.is_some() || self.module.is_some() { Knows::Files } else { Knows::Both }
    }

    /// The group that is asked for.
    pub(super) fn group(&self) -> LaneGroup {
        let trail = self.trail.then(|| DEFAULT_TRAIL_HEADER.parse().ok()).flatten();
        let spec = LaneGroupSpec {
            lane_header: self.lane_header.clone(),
            propagation: Propagation {
                trail,
                recovery: self.recovery.then(Recovery::default),
                ..Propagation::default()
            },
            faults: self.faults.then(Faults::default),
            fallback: if self.strict { Fallback::Strict } else { Fallback::Permissive },
            ..LaneGroupSpec::new(self.entry.clone(), self.service.clone())
        };
        LaneGroup::new(LANE_GROUP, self.name.clone(), spec)
    }
}

/// A service as `NAME` or `NAMESPACE/NAME`.
fn service(text: &str) -> Result<Service, String> {
    let (namespace, name) = match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, text),
    };
    let namespace = namespace.map(|namespace| namespace.parse().map_err(|error| format!("{error}")));
    let name = name.parse().map_err(|error| format!("{error}"))?;
    Ok(Service { namespace: namespace.transpose()?, ..Service::named(name) })
}

pub(super) async fn run(store: &Store, args: &InitArgs, ui: &Ui) -> Result<u8, CommandError> {
    if store.exists() && !args.force {
        return Err(Error::Exists(store.dir().to_owned()).into());
    }
    let path = args.topology.clone().unwrap_or_else(|| store.topology_path());
    let text = files::read_existing(&path)?;
    let topology =
        parse_topology(&text).map_err(|problems| Error::Refused(in_file(&path, problems).collect()))?;
    let (lanes, faults) = store.lanes_and_faults()?;
    let objects = Objects { group: args.group(), topology, lanes, faults };
    let state = state_before(store, args)?;
    let plan = Plan::new(store, &state, objects.clone(), now_ms())?.with_topology_text(text);
    let options = args.change.on_files()?;
    if args.change.dry_run().is_some() {
        ui.problems(plan.warnings());
        ui.say(&format!("would initialise {} in {}", args.name, store.dir().display()));
        return Ok(0);
    }
    let _lock = files::lock(store.dir())?;
    let module = state.module.clone();
    let done = change::carry_out(store, state, plan, options).await?;
    ui.problems(&done.warnings);
    ui.say(&format!("initialised {} in {}; start the Envoys with:", args.name, store.dir().display()));
    let proxies = change::proxies(store, &module, &objects, done.generation)?;
    let commands = proxies.iter().map(|proxy| start_command(store, proxy) + "\n");
    Ok(ui.data(&commands.collect::<String>())?)
}

/// What may be in force when there was a lane group already; everything is then brought anew.
fn state_before(store: &Store, args: &InitArgs) -> Result<State> {
    let given = args.module.clone().unwrap_or_else(|| MODULE.into());
    let module = path::absolute(&given).map_err(|source| Error::File {
        action: "find",
        path: given.clone(),
        source,
    })?;
    let (generation, begun) = match store.state() {
        Ok(Some(state)) => (state.generation, state.in_force().cloned()),
        Ok(None) if !store.exists() => (0, None),
        // The number is lost: the seconds of the clock are beyond every number that was counted up to.
        Ok(None) | Err(Error::Unreadable { .. }) => (now_ms() / 1000, None),
        Err(error) => return Err(error),
    };
    Ok(State { generation, module, applied: None, begun })
}

fn start_command(store: &Store, proxy: &Proxy) -> String {
    let bootstrap = store.proxy_dir(proxy.name.as_str()).join(BOOTSTRAP_FILE);
    let concurrency = proxy.concurrency.map(|n| format!(" --concurrency {n}")).unwrap_or_default();
    format!("envoy -c {} --disable-hot-restart{concurrency}", quoted(&bootstrap.to_string_lossy()))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_may_name_their_namespace() {
        assert_eq!(service("a").unwrap(), Service::named("a".parse().unwrap()));
        assert_eq!(service("demo/a").unwrap().namespace.unwrap().as_str(), "demo");
        for bad in ["", "/a", "demo/", "a/b/c", "A"] {
            assert!(service(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_are_quoted_for_the_shell_where_need_be() {
        for (word, want) in [("/a/b.json", "/a/b.json"), ("/a b", "'/a b'"), ("/it's", r"'/it'\''s'")] {
            assert_eq!(quoted(word), want);
        }
    }
}
