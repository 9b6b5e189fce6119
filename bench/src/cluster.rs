//! The controller with many groups: how fast a change is written, what it costs, and what standing still costs.
//!
//! The API server, its store and the rollouts are real; pods have no processes, and one address answers in place
//! of all proxies, which take every generation at once. So what is measured is Graylane's part and the API server's,
//! not istiod's and not Envoy's.
//!
//! ```text
//! objects.rs   the cluster's contents
//! calls.rs     what the controller asked of the API server, by its audit log
//! process.rs   CPU and memory of the controller
//! ```

mod calls;
mod objects;
mod process;

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use controller::cluster::crd::LaneGroup;
use kube::api::{Api, ListParams};
use serde::{Deserialize, Serialize};
use tests::cluster::Cluster;
use tests::controller::{Controller, ControllerOptions};
use tests::fake_proxies::FakeProxies;
use tests::lanectl::Lanectl;
use tests::wait;

pub use calls::Calls;

use calls::Window;
use objects::{Contents, WIDE};
use process::Usage;

/// How long a thousand groups may take.
const DEADLINE: Duration = Duration::from_secs(1200);

/// How much is measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Options {
    /// Lane groups, each with a service of its own.
    pub groups: usize,
    /// Groups of a namespace; they share its gateway.
    pub groups_per_namespace: usize,
    /// Lanes that stand at a time.
    pub lanes: usize,
    /// Lanes that are made, and as many changes of a lane.
    pub changes: usize,
    /// Proxies of the group that `lanectl wait` waits for.
    pub proxies: usize,
    /// Seconds without a change.
    pub idle_seconds: u64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scale {
    /// How much.
    pub options: Options,
    /// From the controller's start until every group is `Programmed`, nothing having been written before; seconds.
    pub first_programmed_s: f64,
    /// From the start of another controller until it has looked at every group; seconds.
    pub restarted_s: f64,
    /// Objects that it wrote meanwhile.
    pub restarted_writes: usize,
    /// A new lane.
    pub made: Vec<Change>,
    /// Another rule for a lane that stands.
    pub changed: Vec<Change>,
    /// Nothing happens.
    pub idle: Idle,
    /// One group with many proxies.
    pub wide: Wide,
}

/// A change, from the start of `lanectl`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Change {
    /// Until the first EnvoyFilter was written, milliseconds.
    pub first_written_ms: f64,
    /// Until the EnvoyFilter of the gateway, which admits requests to the lane, was written, milliseconds.
    pub admitted_ms: f64,
    /// Until `lanectl --wait` came back, milliseconds.
    pub in_force_ms: f64,
    /// What the controller asked of the API server meanwhile, its lease left out.
    pub calls: Calls,
    /// Processor time of the controller, milliseconds.
    pub cpu_ms: f64,
}

/// The controller when nothing changes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Idle {
    /// Share of one core, percent.
    pub cpu_percent: f64,
    /// Resident memory.
    pub resident_kib: u64,
    /// The most that it ever was.
    pub peak_kib: u64,
    /// What it asked of the API server, its lease left out.
    pub calls: Calls,
}

/// One group with many proxies.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Wide {
    /// `lanectl set-lane --wait` of a new lane, milliseconds.
    pub set_lane_ms: f64,
    /// `lanectl wait` after that, milliseconds.
    pub wait_ms: f64,
}

/// A cluster with its contents, and the controller that is measured.
struct Bench {
    cluster: Cluster,
    contents: Contents,
    proxies: FakeProxies,
    controller: Controller,
    lanectl: Lanectl,
    options: Options,
}

/// Measures.
///
/// # Errors
/// When a part of it does not work; nothing is measured then.
pub async fn run(options: Options) -> Result<Scale> {
    let cluster = Cluster::start().await?;
    let contents = Contents::create(&cluster, options).await?;
    let proxies = FakeProxies::start().await?;
    let begun = Instant::now();
    let controller = start(&cluster, &proxies).await?;
    programmed(&cluster, options.groups + 1).await?;
    let first_programmed_s = begun.elapsed().as_secs_f64();
    eprintln!("all groups are programmed after {first_programmed_s:.0} s");
    let lanectl = Lanectl::new(cluster.dir())?.env("KUBECONFIG", &cluster.kubeconfig()?.to_string_lossy());
    let mut bench = Bench { cluster, contents, proxies, controller, lanectl, options };
    let (made, changed) = bench.changes().await?;
    let wide = bench.wide().await?;
    let (restarted_s, restarted_writes) = bench.restart().await?;
    let idle = bench.idle().await?;
    Ok(Scale { options, first_programmed_s, restarted_s, restarted_writes, made, changed, idle, wide })
}

async fn start(cluster: &Cluster, proxies: &FakeProxies) -> Result<Controller> {
    Controller::start(&ControllerOptions {
        kubeconfig: &cluster.kubeconfig_for(calls::USER)?,
        namespace: None,
        lease_namespace: "default",
        proxy_metrics: &proxies.metrics(),
    })
    .await
}

/// Waits until so many groups are programmed.
async fn programmed(cluster: &Cluster, groups: usize) -> Result<()> {
    let api: Api<LaneGroup> = Api::all(cluster.client().await?);
    let deadline = Instant::now() + DEADLINE;
    loop {
        let listed = api.list(&ListParams::default()).await?;
        let is_programmed = |group: &&LaneGroup| {
            let conditions = group.status.iter().flat_map(|status| &status.conditions);
            conditions.into_iter().any(|found| found.kind == "Programmed" && found.status == "True")
        };
        let done = listed.iter().filter(is_programmed).count();
        if done >= groups {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{done} of {groups} groups are programmed after {DEADLINE:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

impl Bench {
    /// Makes lanes, changes each once, and removes them again, so that there are never too many.
    async fn changes(&self) -> Result<(Vec<Change>, Vec<Change>)> {
        let (mut made, mut changed) = (Vec::new(), Vec::new());
        for turn in 0..self.options.changes {
            if let Some(last) = turn.checked_sub(self.options.lanes) {
                let (namespace, group) = self.contents.turn(last);
                let lane = objects::lane_of(group);
                self.lanectl.ok(["remove-lane", &lane, "-n", namespace, "--group", group, "--wait"]).await?;
            }
            // Neither is a part of another one.
            made.push(self.change(turn, &format!("made-{turn}-")).await?);
            changed.push(self.change(turn, &format!("changed-{turn}-")).await?);
            eprint!("\r{} of {} lanes", turn + 1, self.options.changes);
        }
        eprintln!();
        Ok((made, changed))
    }

    async fn change(&self, turn: usize, value: &str) -> Result<Change> {
        let (namespace, group) = self.contents.turn(turn);
        let (window, usage) = (Window::open(&self.cluster)?, Usage::of(self.controller.pid())?);
        let begun = SystemTime::now();
        self.set_lane(namespace, group, value).await?;
        let in_force_ms = begun.elapsed()?.as_secs_f64() * 1e3;
        let admits = |name: &str, body: &str| name.starts_with("graylane.entry") && body.contains(value);
        // These proxies promise what they have not been told yet, so that the gateway may be written only now.
        let (events, admitted) = wait::succeeds(DEADLINE, "the gateway to be written", async || {
            let events = window.events(&self.cluster)?;
            let admitted = calls::written(&events, admits).context("it is not")?;
            Ok((events, admitted))
        })
        .await?;
        let first =
            calls::written(&events, |name, _| name.contains(group) || name.starts_with("graylane.entry"));
        let after = |time: SystemTime| -> Result<f64> { Ok(time.duration_since(begun)?.as_secs_f64() * 1e3) };
        Ok(Change {
            first_written_ms: after(first.unwrap_or(admitted))?,
            admitted_ms: after(admitted)?,
            in_force_ms,
            calls: Calls::of(&events),
            cpu_ms: Usage::of(self.controller.pid())?.cpu_since(&usage).as_secs_f64() * 1e3,
        })
    }

    async fn set_lane(&self, namespace: &str, group: &str, value: &str) -> Result<()> {
        let (lane, header) = (objects::lane_of(group), format!("x-gray={value}"));
        let args = ["set-lane", &lane, "--header", &header, "-n", namespace, "--group", group, "--wait"];
        self.lanectl.ok(args).await.map(drop)
    }

    async fn wide(&self) -> Result<Wide> {
        let begun = Instant::now();
        self.set_lane(WIDE, WIDE, "wide").await?;
        let set_lane_ms = begun.elapsed().as_secs_f64() * 1e3;
        let begun = Instant::now();
        let waited = self.lanectl.ok(["wait", "-n", WIDE, "--group", WIDE, "-o", "json"]).await?.json()?;
        let wait_ms = begun.elapsed().as_secs_f64() * 1e3;
        let ready = waited["proxies"]["ready"].as_u64().unwrap_or_default();
        let expected = u64::try_from(self.options.proxies)?;
        ensure!(ready >= expected, "{ready} of {expected} proxies are ready");
        Ok(Wide { set_lane_ms, wait_ms })
    }

    /// Kills the controller and starts another one.
    async fn restart(&mut self) -> Result<(f64, usize)> {
        let window = Window::open(&self.cluster)?;
        let begun = Instant::now();
        self.controller = start(&self.cluster, &self.proxies).await?;
        let groups = u64::try_from(self.options.groups)?;
        wait::succeeds(DEADLINE, "a pass over every group", async || {
            let passes = self.controller.passes().await?;
            ensure!(passes > groups, "{passes} passes");
            Ok(())
        })
        .await?;
        let writes = Calls::of(&window.events(&self.cluster)?).objects_written;
        Ok((begun.elapsed().as_secs_f64(), writes))
    }

    async fn idle(&self) -> Result<Idle> {
        let pid = self.controller.pid();
        let (window, usage, begun) = (Window::open(&self.cluster)?, Usage::of(pid)?, Instant::now());
        tokio::time::sleep(Duration::from_secs(self.options.idle_seconds)).await;
        let after = Usage::of(pid)?;
        let busy = after.cpu_since(&usage).as_secs_f64() / begun.elapsed().as_secs_f64();
        Ok(Idle {
            cpu_percent: busy * 100.0,
            resident_kib: after.resident_kib,
            peak_kib: after.peak_kib,
            calls: Calls::of(&window.events(&self.cluster)?),
        })
    }
}
