//! `cargo xtask demo`: the example chain on real Envoys, with a lane set by the very `lanectl` of pipelines.

mod chain;
mod children;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use self::chain::{Chain, Way};
use self::children::Children;
use crate::workspace::Workspace;
use crate::{process, tools, wasm};

/// What the demo sends: a header or none.
const SENT: [Option<&str>; 2] = [None, Some("x-gray: 1")];
/// The ways that these requests must take, by the trail.
const WAYS: [&str; 2] =
    ["gateway → a[baseline] → b[baseline] → c[baseline]", "gateway → a[gray] → b[baseline] → c[gray]"];
/// The same by the applications, of which one drops the trail.
const HOPS: [&str; 2] = ["a-v1 → b-v1 → c-v1", "a-gray → b-v1 → c-gray"];

/// What to show.
#[derive(Args)]
pub(crate) struct Options {
    /// End after the first requests, with an exit code
    #[arg(long)]
    once: bool,
    /// Let the application of a workload forward `traceparent`, `baggage` or `none` of its headers; sidecars then
    /// find lanes again by traces. Can be given several times
    #[arg(long, value_name = "WORKLOAD=WHAT", value_parser = forward)]
    forward: Vec<(String, String)>,
}

/// The demos that tests run: applications that forward everything, one that forwards nothing but its trace, and one
/// of a lane that forwards nothing.
pub(crate) fn all(ws: &Workspace) -> Result<()> {
    run(ws, &Options { once: true, forward: Vec::new() })?;
    for (workload, what) in [("b-v1", "traceparent"), ("a-gray", "none")] {
        let forward = vec![(workload.to_owned(), what.to_owned())];
        let ways = demonstrate(ws, &Options { once: true, forward })?;
        ensure!(ways == HOPS, "with {workload}={what} the ways are {ways:?} instead of {HOPS:?}");
    }
    Ok(())
}

fn forward(text: &str) -> Result<(String, String), String> {
    let (name, what) = text.split_once('=').ok_or("write it as WORKLOAD=WHAT")?;
    Ok((name.to_owned(), what.to_owned()))
}

/// Shows the example chain; where every application forwards everything, an unexpected way fails.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let ways = demonstrate(ws, options)?;
    ensure!(!options.forward.is_empty() || ways == WAYS, "the ways are {ways:?} instead of {WAYS:?}");
    Ok(())
}

/// Builds everything, starts the chain, sets a lane, shows the way of requests; stays until Ctrl-C
/// unless it is to be done `once`. Returns the ways.
fn demonstrate(ws: &Workspace, options: &Options) -> Result<Vec<String>> {
    let Options { once, forward } = options;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // One for all demos of this process, of which only the last one stays.
    match ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst)) {
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => {}
        Err(error) => return Err(error.into()),
    }

    step("building the filter");
    let module = wasm::build_filter(ws)?;
    step("building lanectl and the example application");
    process::run(process::cargo().args(["build", "--package", "controller", "--package", "chain"]))?;
    let bin = ws.target.join("debug");
    step("looking for Envoy");
    let envoy = tools::envoy::ensure(tools::envoy::VERSION)?;

    let chain = Chain::load(&ws.path("examples/chain/topology.yaml"))?;
    let dir = tempfile::Builder::new().prefix("graylane-demo-").tempdir()?;
    let lanectl = Lanectl { binary: bin.join("lanectl"), dir: dir.path().join("graylane") };
    let topology = dir.path().join("topology.yaml");
    std::fs::write(&topology, chain.text())?;
    step("writing the configuration of every Envoy");
    let files = [format!("--topology={}", topology.display()), format!("--module={}", module.display())];
    let mut init =
        vec!["init", "shop", "--entry=gateway", "--service=a,b,c", "--trail", &files[0], &files[1]];
    init.extend((!forward.is_empty()).then_some("--recovery"));
    lanectl.run(&init)?;

    // Declared after the directory, so that the processes end before their files go.
    let mut children = Children::default();
    for (workload, _) in forward {
        ensure!(chain.workloads.iter().any(|w| w.name == *workload), "there is no workload {workload}");
    }
    start(&mut children, &chain, &[bin.join("chain"), envoy], &lanectl.dir, forward)?;
    wait_until_ready(&chain, &mut children, &interrupted)?;
    step("setting the lane as a pipeline does");
    lanectl.run(&["set-lane", "gray", "--header=x-gray"])?;
    lanectl.run(&["wait"])?;

    let ways = show(&chain, forward.is_empty())?;
    if !forward.is_empty() {
        println!();
        process::run_shown(&mut lanectl.command(&["status"]))?;
    }
    if *once || interrupted.load(Ordering::SeqCst) {
        return Ok(ways);
    }
    println!("\nTry it:\n{}\nCtrl-C ends the demo.", advice(&chain, &lanectl));
    while !interrupted.load(Ordering::SeqCst) {
        children.check()?;
        std::thread::sleep(Duration::from_millis(200));
    }
    step("stopping");
    Ok(ways)
}

fn step(text: &str) {
    eprintln!("── {text}");
}

/// `lanectl` on the demo's directory.
struct Lanectl {
    binary: PathBuf,
    dir: PathBuf,
}

impl Lanectl {
    fn run(&self, args: &[&str]) -> Result<()> {
        process::run(&mut self.command(args))
    }

    fn command(&self, args: &[&str]) -> Command {
        eprintln!("$ lanectl {}", args.join(" "));
        let mut command = Command::new(&self.binary);
        command.arg("--dir").arg(&self.dir).args(args);
        command
    }
}

fn start(
    children: &mut Children,
    chain: &Chain,
    [app, envoy]: &[PathBuf; 2],
    dir: &Path,
    forward: &[(String, String)],
) -> Result<()> {
    step(&format!("starting {} applications and {} Envoys", chain.workloads.len(), chain.proxies().count()));
    let logs = dir.join("logs");
    std::fs::create_dir_all(&logs)?;
    for workload in &chain.workloads {
        let mut cmd = Command::new(app);
        let version = workload.lane.as_deref().unwrap_or("v1");
        cmd.args(["--name", &workload.name, "--service", &workload.service, "--version", version]);
        cmd.args(["--listen", &workload.app]);
        for (_, what) in forward.iter().filter(|(name, _)| *name == workload.name) {
            cmd.args(["--forward", what]);
        }
        if let Some(next) = chain.next_service(&workload.service) {
            cmd.arg("--next").arg(format!("http://{}", workload.outbound)).args(["--next-host", next]);
        }
        children.spawn(&workload.name, cmd, &logs.join(format!("{}-app.log", workload.name)))?;
    }
    for (name, _) in chain.proxies() {
        let mut cmd = Command::new(envoy);
        cmd.arg("--config-path").arg(dir.join("proxies").join(name).join("bootstrap.json"));
        cmd.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]);
        children.spawn(&format!("{name}'s Envoy"), cmd, &logs.join(format!("{name}-envoy.log")))?;
    }
    Ok(())
}

fn wait_until_ready(chain: &Chain, children: &mut Children, interrupted: &AtomicBool) -> Result<()> {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    for (name, admin) in chain.proxies() {
        loop {
            children.check()?;
            ensure!(!interrupted.load(Ordering::SeqCst), "interrupted");
            if ureq::get(format!("http://{admin}/ready")).call().is_ok() {
                break;
            }
            ensure!(std::time::Instant::now() < deadline, "the Envoy of {name} was not ready within 60 s");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

/// Sends the requests, each with a trace of its own, and returns their ways: by the trail, or by the applications
/// where one drops it.
fn show(chain: &Chain, by_trail: bool) -> Result<Vec<String>> {
    println!();
    let mut ways = Vec::new();
    for (number, header) in (1..).zip(SENT) {
        let mut request = ureq::get(format!("http://{}/", chain.gateway.listen))
            .header("traceparent", format!("00-{number:032x}-{number:016x}-01"));
        if let Some((name, value)) = header.and_then(|header| header.split_once(": ")) {
            request = request.header(name, value);
        }
        let body = request.call().context("the gateway did not answer")?.body_mut().read_to_string()?;
        let way = if by_trail { Way::from_answer(&body)?.to_string() } else { chain::names(&body)? };
        println!("{:<18} {way}", header.unwrap_or("without a header"));
        ways.push(way);
    }
    Ok(ways)
}

fn advice(chain: &Chain, lanectl: &Lanectl) -> String {
    let gateway = &chain.gateway.listen;
    let lanectl = format!("{} --dir {}", lanectl.binary.display(), lanectl.dir.display());
    format!(
        "  curl http://{gateway}/                    # baseline
  curl -H 'x-gray: 1' http://{gateway}/     # a[gray] → b[baseline] → c[gray]
  {lanectl} explain -H 'x-gray: 1'
  {lanectl} set-lane gray --percent 50
  {lanectl} get lanes"
    )
}
