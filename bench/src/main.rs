//! `bench`: measures Graylane's filter side by side with others, and by counted instructions.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use bench::sample::{Spread, differences};
use bench::side::{self, Burst, Protocol};
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
}

/// The modules that are measured.
#[derive(Args)]
struct Modules {
    /// Graylane's filter as it is shipped
    #[arg(long, env = "GRAYLANE_WASM")]
    module: PathBuf,
    /// The SDK's no-op filter
    #[arg(long, env = "GRAYLANE_NOOP_WASM")]
    noop_module: PathBuf,
}

#[derive(Args)]
struct EnvoyArgs {
    #[command(flatten)]
    modules: Modules,
    /// Protocol of the load
    #[arg(long, value_enum, default_value = "h2")]
    protocol: Protocol,
    /// Bursts of each row
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Requests of a burst
    #[arg(long, default_value_t = 3000)]
    requests: u32,
    /// Rows to run, with their bases; all unless given
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
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
        Command::Envoy(args) => {
            let options = side::Options {
                module: std::path::absolute(args.modules.module)?,
                noop_module: std::path::absolute(args.modules.noop_module)?,
                burst: Burst::new(args.protocol, args.requests),
                rounds: args.rounds,
                only: args.only,
            };
            let run = side::run(&options).await?;
            for row in &run.rows {
                let base = row.base.as_ref().and_then(|b| run.row(b));
                let d = base.map(|b| Spread::of(&differences(&row.cpu_us, &b.cpu_us)));
                let c = Spread::of(&row.cpu_us);
                println!(
                    "{:28} {:6.2} {:6.2} rps {:7.0}  {:?}",
                    row.key,
                    c.median,
                    c.p25,
                    Spread::of(&row.per_second).median,
                    d.map(|d| format!("{:.2} [{:.2} {:.2}] p10 {:.2}", d.median, d.p25, d.p75, d.p10))
                );
            }
            Ok(())
        }
    }
}
