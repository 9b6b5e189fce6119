//! The command line of `lane-controller`: from flags to the loop, and to a graceful end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::events::{Recorder, Reporter};
use kube::{Api, Client, Config};
use lane::name::NamespaceName;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::dereference::Settings;
use super::leader::Elector;
use super::metrics::Metrics;
use super::module::{self, ModuleError, ModuleFlags};
use super::receipts::Scraper;
use super::reconcile::{Context, Memory};
use super::run::{self, View};
use super::server::{Shown, router};
use super::world::{Scope, World, has_gateway_api};

/// Turns lane groups and lanes into Istio's objects.
#[derive(Debug, Parser)]
#[command(name = "lane-controller", version)]
struct Options {
    /// Address of health, metrics and the module
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Namespace of the lease by which one of several controllers is chosen
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE", default_value = "graylane-system")]
    lease_namespace: String,
    /// Kubeconfig of the cluster; from inside of the cluster unless given
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The only namespace to work in; the whole cluster unless given
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Name of this controller among the candidates, unique
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: String,
    /// The module as a file of this controller, which serves it; `--module-url` is then where agents reach the
    /// controller, such as `http://lane-controller.graylane-system:8080`
    #[arg(long, value_name = "FILE", requires = "module_url", conflicts_with = "module_path")]
    module: Option<PathBuf>,
    #[command(flatten)]
    module_flags: ModuleFlags,
    /// Istio's root namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    root_namespace: NamespaceName,
    /// The cluster's DNS domain
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    cluster_domain: String,
    /// Address of a proxy's metrics; `{ip}` stands for the address of its pod
    #[arg(long, value_name = "URL", default_value = "http://{ip}:15090/stats/prometheus")]
    proxy_metrics: String,
}

/// Why the controller cannot run.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{0}")]
    Module(#[from] ModuleError),
    #[error("{listen} cannot be listened on: {source}")]
    Listen { listen: SocketAddr, source: std::io::Error },
    #[error("there is no cluster: {0}")]
    Config(#[from] kube::config::InferConfigError),
    #[error("the kubeconfig cannot be read: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    #[error("the cluster cannot be reached: {0}")]
    Client(#[from] Box<kube::Error>),
    #[error("there is no HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    #[error("signals cannot be received: {0}")]
    Signal(std::io::Error),
    #[error(transparent)]
    NotFilled(#[from] run::NotFilled),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "there is no runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(start(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended");
            ExitCode::FAILURE
        }
    }
}

async fn start(options: Options) -> Result<(), StartError> {
    let stop = stop_token()?;
    let found = module::find(options.module.as_deref(), &options.module_flags)?;
    let (metrics, registry) = Metrics::new();
    let ready = Arc::new(AtomicBool::new(false));
    let shown = Shown { ready: ready.clone(), registry: Arc::new(registry), module: found.served };
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.map_err(|source| StartError::Listen { listen: options.listen, source })?;
    let stopped = stop.clone().cancelled_owned();
    let server =
        tokio::spawn(axum::serve(listener, router(shown)).with_graceful_shutdown(stopped).into_future());

    let scope = options.namespace.clone().map_or(Scope::Cluster, Scope::Namespace);
    let config = config(options.kubeconfig.as_deref()).await?;
    let client = Client::try_from(config).map_err(Box::new)?;
    let has_gateway_api = has_gateway_api(&client).await.map_err(Box::new)?;
    // Nothing is polled yet, and so nothing is asked.
    let (world, _) = World::watch(&client, &scope, has_gateway_api);
    let view = View { scope, has_gateway_api };
    let settings = Settings {
        module: found.module,
        root_namespace: options.root_namespace.clone(),
        cluster_domain: options.cluster_domain.clone(),
    };
    let reporter =
        Reporter { controller: "lane-controller".into(), instance: Some(options.identity.clone()) };
    let recorder = Recorder::new(client.clone(), reporter.clone());
    let scraper = Scraper::new(&options.proxy_metrics)?;
    let memory = Memory::default();
    let mut ctx =
        Context { client: client.clone(), world, settings, scraper, recorder, reporter, metrics, memory };
    // Whoever can fill its caches once can do it when it begins to lead.
    if run::fill(&mut ctx, &view, &stop).await?.is_none() {
        return Ok(());
    }
    ready.store(true, Ordering::Relaxed);

    let leases = Api::namespaced(client, &options.lease_namespace);
    let mut elector = Elector::new(leases, "lane-controller", &options.identity);
    let ended = run::lead(&mut ctx, &mut elector, &view, &stop).await;
    elector.release().await;
    stop.cancel();
    let _ = server.await;
    Ok(ended?)
}

async fn config(kubeconfig: Option<&Path>) -> Result<Config, StartError> {
    let Some(path) = kubeconfig else { return Ok(Config::infer().await?) };
    let file = Kubeconfig::read_from(path)?;
    Ok(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?)
}

/// Cancelled by SIGTERM and SIGINT.
fn stop_token() -> Result<CancellationToken, StartError> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut received = signal(kind).map_err(StartError::Signal)?;
        let stop = stop.clone();
        tokio::spawn(async move {
            received.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}
