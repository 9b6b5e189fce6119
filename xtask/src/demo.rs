//! `cargo xtask demo`: the example chain on real Envoys, with a lane set by the very `lanectl` of pipelines.

mod chain;
mod children;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use self::chain::{Chain, Way};
use self::children::Children;
use crate::workspace::Workspace;
use crate::{process, tools, wasm};

/// What the demo shows: a header to send or none, and the way that its request must take.
const CASES: [(Option<&str>, &str); 2] = [
    (None, "gateway → a[baseline] → b[baseline] → c[baseline]"),
    (Some("x-gray: 1"), "gateway → a[gray] → b[baseline] → c[gray]"),
];

/// Builds everything, starts the chain, sets a lane, shows the way of requests; stays until Ctrl-C
/// unless `once`.
pub(crate) fn run(ws: &Workspace, once: bool) -> Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst))?;

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
    lanectl.run(&[
        "init",
        "shop",
        "--entry=gateway",
        "--service=a,b,c",
        "--trail",
        &format!("--topology={}", topology.display()),
        &format!("--module={}", module.display()),
    ])?;

    // Declared after the directory, so that the processes end before their files go.
    let mut children = Children::default();
    start(&mut children, &chain, &bin.join("chain"), &envoy, &lanectl.dir)?;
    wait_until_ready(&chain, &mut children, &interrupted)?;
    step("setting the lane as a pipeline does");
    lanectl.run(&["set-lane", "gray", "--header=x-gray"])?;
    lanectl.run(&["wait"])?;

    show(&chain)?;
    if once || interrupted.load(Ordering::SeqCst) {
        return Ok(());
    }
    println!("\nTry it:\n{}\nCtrl-C ends the demo.", advice(&chain, &lanectl));
    while !interrupted.load(Ordering::SeqCst) {
        children.check()?;
        std::thread::sleep(Duration::from_millis(200));
    }
    step("stopping");
    Ok(())
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
        eprintln!("$ lanectl {}", args.join(" "));
        process::run(Command::new(&self.binary).arg("--dir").arg(&self.dir).args(args))
    }
}

fn start(children: &mut Children, chain: &Chain, app: &Path, envoy: &Path, dir: &Path) -> Result<()> {
    step(&format!("starting {} applications and {} Envoys", chain.workloads.len(), chain.proxies().count()));
    let logs = dir.join("logs");
    std::fs::create_dir_all(&logs)?;
    for workload in &chain.workloads {
        let mut cmd = Command::new(app);
        let version = workload.lane.as_deref().unwrap_or("v1");
        cmd.args(["--name", &workload.name, "--service", &workload.service, "--version", version]);
        cmd.args(["--listen", &workload.app]);
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

/// Sends the requests and checks their ways; an unexpected one fails the demo.
fn show(chain: &Chain) -> Result<()> {
    println!();
    for (header, want) in CASES {
        let mut request = ureq::get(format!("http://{}/", chain.gateway.listen));
        if let Some((name, value)) = header.and_then(|header| header.split_once(": ")) {
            request = request.header(name, value);
        }
        let body = request.call().context("the gateway did not answer")?.body_mut().read_to_string()?;
        let way = Way::from_answer(&body)?.to_string();
        println!("{:<18} {way}", header.unwrap_or("without a header"));
        if way != want {
            bail!("expected {want}; the last application saw {body}");
        }
    }
    Ok(())
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
