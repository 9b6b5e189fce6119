//! Entry point: one application of the chain as a process.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use chain::{App, Config, Forward, NextHop};
use clap::Parser;
use http::uri::{Authority, Uri};
use tokio::signal::unix::{SignalKind, signal};

/// An application of the example call chain: forwards headers, knows nothing of lanes.
#[derive(Parser)]
#[command(name = "chain")]
struct Args {
    /// Name of this instance, as reported in `hops`
    #[arg(long)]
    name: String,
    /// Service that the instance belongs to
    #[arg(long)]
    service: String,
    /// Version of that service
    #[arg(long)]
    version: String,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the next hop is dialled, such as http://127.0.0.1:15001
    #[arg(long, value_name = "URL")]
    next: Option<Uri>,
    /// Host that the next hop is asked for; the address of --next without it
    #[arg(long, value_name = "HOST", requires = "next")]
    next_host: Option<Authority>,
    /// Which of the caller's headers go to the next hop
    #[arg(long, value_enum, default_value_t)]
    forward: Forward,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Args::parse().into_config()?;
    let name = config.name.clone();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let running = App { config }.start().await.context("failed to listen")?;
    eprintln!("{name} listens on {}", running.addr);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    running.stop().await;
    Ok(())
}

impl Args {
    fn into_config(self) -> anyhow::Result<Config> {
        let Self { name, service, version, listen, next, next_host, forward } = self;
        let next = next.map(|url| next_hop(&url, next_host)).transpose()?;
        Ok(Config { name, service, version, listen, next, forward, witness: None })
    }
}

fn next_hop(url: &Uri, host: Option<Authority>) -> anyhow::Result<NextHop> {
    ensure!(url.scheme_str() == Some("http"), "--next {url}: only http:// is spoken");
    let dial = url.authority().filter(|authority| authority.port().is_some());
    let dial = dial.with_context(|| format!("--next {url}: a port is missing"))?.clone();
    let host = host.unwrap_or_else(|| dial.clone());
    Ok(NextHop { dial, host })
}
