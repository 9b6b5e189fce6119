//! `bench`: measures Graylane's filter side by side with others, and by counted instructions.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use bench::performance::{Origin, Part, Performance};
use bench::side::{Burst, Protocol};
use bench::{callgrind, cluster, delays, instructions, memory, report, side};
use clap::{Args, Parser, Subcommand};

/// Measurements of the filter.
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare filters side by side in one Envoy (GRAYLANE_ENVOY)
    Envoy(EnvoyArgs),
    /// Count instructions and host calls of each case
    Instructions(Measurement),
    /// Measure size, load time and memory in an Envoy (GRAYLANE_ENVOY)
    Memory(MemoryArgs),
    /// Measure how exact delays are, beside Envoy's own (GRAYLANE_ENVOY)
    Delays(DelaysArgs),
    /// Measure the controller with many groups (GRAYLANE_KUBERNETES, GRAYLANE_CONTROLLER, GRAYLANE_LANECTL)
    Cluster(ClusterArgs),
    /// Write the page about the data that were kept
    Report {
        /// The data
        #[arg(long, default_value = "docs/performance.json")]
        data: PathBuf,
        /// The page
        #[arg(long, default_value = "docs/performance.md")]
        page: PathBuf,
    },
    /// Decide the request of a case that often: what callgrind counts
    #[command(hide = true)]
    Decide {
        /// Key of the case
        case: String,
        /// Decisions
        times: u32,
    },
}

/// What every measurement needs.
#[derive(Args)]
struct Measurement {
    /// Graylane's filter as it is shipped
    #[arg(long, env = "GRAYLANE_WASM")]
    module: PathBuf,
    /// The SDK's no-op filter
    #[arg(long, env = "GRAYLANE_NOOP_WASM")]
    noop_module: PathBuf,
    #[command(flatten)]
    keeping: Keeping,
}

/// Where figures go.
#[derive(Args)]
struct Keeping {
    /// Keep the figures in the data
    #[arg(long)]
    save: bool,
    /// The data
    #[arg(long, default_value = "docs/performance.json")]
    data: PathBuf,
}

#[derive(Args)]
struct ClusterArgs {
    #[command(flatten)]
    keeping: Keeping,
    /// Lane groups with a service each
    #[arg(long, default_value_t = 1000)]
    groups: usize,
    /// Groups of a namespace, which share its gateway
    #[arg(long, default_value_t = 50)]
    groups_per_namespace: usize,
    /// Lanes at a time
    #[arg(long, default_value_t = 10)]
    lanes: usize,
    /// Lanes that are made, each of which is changed once
    #[arg(long, default_value_t = 50)]
    changes: usize,
    /// Proxies of the group that is waited for
    #[arg(long, default_value_t = 1000)]
    proxies: usize,
    /// Seconds without a change
    #[arg(long, default_value_t = 120)]
    idle_seconds: u64,
}

#[derive(Args)]
struct EnvoyArgs {
    #[command(flatten)]
    measurement: Measurement,
    /// Protocol of the load
    #[arg(long, value_enum, default_value = "h2")]
    protocol: Protocol,
    /// Bursts of each row
    #[arg(long, default_value_t = 60)]
    rounds: usize,
    /// Requests of a burst
    #[arg(long, default_value_t = 2000)]
    requests: u32,
    /// Rows to run, with their bases; all unless given
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

#[derive(Args)]
struct DelaysArgs {
    /// Graylane's filter as it is shipped
    #[arg(long, env = "GRAYLANE_WASM")]
    module: PathBuf,
    #[command(flatten)]
    keeping: Keeping,
    /// Bursts of each row
    #[arg(long, default_value_t = 4)]
    rounds: usize,
}

#[derive(Args)]
struct MemoryArgs {
    #[command(flatten)]
    measurement: Measurement,
    /// Requests over which memory must not grow
    #[arg(long, default_value_t = 1_000_000)]
    requests: u32,
    /// Updates of the rules over which memory must not grow
    #[arg(long, default_value_t = 1_000)]
    updates: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Envoy(args) => envoy(args).await,
        Command::Instructions(args) => {
            let origin = Origin::of("bench instructions".to_owned(), &args.module)?;
            let data = instructions::run(&args.module, &args.noop_module)?;
            print!("{}", report::instructions::tables(&data));
            args.keeping.keep(|kept| kept.instructions = Some(Part { origin, data }))
        }
        Command::Memory(args) => memory(args).await,
        Command::Delays(args) => exactness(args).await,
        Command::Cluster(args) => many_groups(args).await,
        Command::Report { data, page } => Ok(std::fs::write(page, report::page(&Performance::load(&data)?))?),
        Command::Decide { case, times } => callgrind::decide(&case, times),
    }
}

async fn envoy(args: EnvoyArgs) -> Result<()> {
    let EnvoyArgs { measurement, protocol, rounds, requests, only } = args;
    let (module, noop_module) = measurement.modules()?;
    let burst = Burst::new(protocol, requests);
    let options = side::Options { module, noop_module, burst, rounds, only };
    let command = format!("bench envoy --protocol {protocol} --rounds {rounds} --requests {requests}");
    let origin = Origin::of(command, &options.module)?;
    let data = side::run(&options).await?;
    print!("{}", report::side::table(&data));
    measurement.keeping.keep(|kept| *kept.side(protocol) = Some(Part { origin, data }))
}

async fn memory(args: MemoryArgs) -> Result<()> {
    let MemoryArgs { measurement, requests, updates } = args;
    let (module, noop_module) = measurement.modules()?;
    let options = memory::Options { module, noop_module, requests, updates };
    let command = format!("bench memory --requests {requests} --updates {updates}");
    let origin = Origin::of(command, &options.module)?;
    let data = memory::run(&options).await?;
    print!("{}", report::memory::tables(&data));
    measurement.keeping.keep(|kept| kept.memory = Some(Part { origin, data }))
}

async fn exactness(DelaysArgs { module, keeping, rounds }: DelaysArgs) -> Result<()> {
    let options = delays::Options { module: std::path::absolute(module)?, rounds };
    let origin = Origin::of(format!("bench delays --rounds {rounds}"), &options.module)?;
    let data = delays::run(&options).await?;
    print!("{}", report::delays::table(&data));
    keeping.keep(|kept| kept.delays = Some(Part { origin, data }))
}

async fn many_groups(args: ClusterArgs) -> Result<()> {
    let ClusterArgs { keeping, groups, groups_per_namespace, lanes, changes, proxies, idle_seconds } = args;
    let options = cluster::Options { groups, groups_per_namespace, lanes, changes, proxies, idle_seconds };
    let command = format!(
        "bench cluster --groups {groups} --groups-per-namespace {groups_per_namespace} --lanes {lanes} \
         --changes {changes} --proxies {proxies} --idle-seconds {idle_seconds}"
    );
    let origin = Origin::without_module(command)?;
    let data = cluster::run(options).await?;
    print!("{}", report::cluster::tables(&data));
    keeping.keep(|kept| kept.cluster = Some(Part { origin, data }))
}

impl Measurement {
    /// Absolute paths of both modules, since an Envoy reads them.
    fn modules(&self) -> Result<(PathBuf, PathBuf)> {
        let absolute = |path: &Path| std::path::absolute(path);
        Ok((absolute(&self.module)?, absolute(&self.noop_module)?))
    }
}

impl Keeping {
    /// Puts figures into the data, if that is wanted.
    fn keep(&self, put: impl FnOnce(&mut Performance)) -> Result<()> {
        if !self.save {
            return Ok(());
        }
        let mut kept = Performance::load(&self.data)?;
        put(&mut kept);
        kept.save(&self.data)
    }
}
