//! Every version of every object that the controller writes or obeys, as watches tell them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use controller::cluster::world::istio;
use futures_util::TryStreamExt as _;
use kube::ResourceExt as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, WatchEvent, WatchParams};
use tests::wait;
use tokio::task::JoinSet;

use super::super::demo::Demo;
use super::stage::DEADLINE;
use super::truths::{self, ENTRY};

/// Well below what API servers allow.
const WATCH_SECONDS: u32 = 200;
/// The pause between two tries while there is no API server.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// One object at one version.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) version: u64,
    pub(super) at: Instant,
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// `None` where this version is its deletion.
    pub(super) object: Option<DynamicObject>,
}

/// Versions after the first and up to the second, of which some of one kind may have been missed: an API server
/// that has just started knows no past.
pub(super) type Gap = (u64, u64);

/// The history of a namespace from when it began to be recorded.
///
/// The fake proxies of the demo follow it: they run what the gateway's object says, as soon as it is seen.
pub(super) struct History {
    seen: Arc<Mutex<Vec<Seen>>>,
    gaps: Arc<Mutex<Vec<Gap>>>,
    proxies: Arc<Proxies>,
    apis: Vec<(&'static str, Api<DynamicObject>)>,
    watches: JoinSet<Result<()>>,
}

impl History {
    /// Begins to record.
    pub(super) async fn of(demo: &Demo) -> Result<Self> {
        let (seen, gaps) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        let mut watches = JoinSet::new();
        let runs = demo.proxies.shown();
        let proxies = Arc::new(Proxies { runs, told: Mutex::default(), newest: AtomicU64::new(0) });
        proxies.show();
        let apis = apis(demo);
        for (kind, api) in apis.clone() {
            let list = api.list(&ListParams::default()).await?;
            let start = list.metadata.resource_version.context("a list without a version")?;
            let (seen, gaps, proxies) = (seen.clone(), gaps.clone(), proxies.clone());
            let recorder = Recorder { kind, api, seen, gaps, proxies };
            for object in list.items {
                recorder.record(object, false)?;
            }
            watches.spawn(async move { recorder.follow(start).await });
        }
        Ok(Self { seen, gaps, proxies, apis, watches })
    }

    /// From now on the proxies run this generation, whatever the objects say, or again what they say.
    pub(super) fn let_proxies_run(&self, generation: Option<u64>) {
        *self.proxies.told.lock().unwrap_or_else(PoisonError::into_inner) = generation;
        self.proxies.show();
    }

    /// What has been seen, in the order in which it was written.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.sort_by_key(|seen| seen.version);
        seen
    }

    /// Whether there has been one truth all the time; returns how many versions were looked at.
    pub(super) async fn judge(&mut self) -> Result<usize> {
        // Twice, since what is written while the kinds are listed may be seen of one and not of another.
        for _ in 0..2 {
            wait::succeeds(DEADLINE, "the history to be whole", async || self.is_whole().await).await?;
        }
        if let Some(ended) = self.watches.try_join_next() {
            bail!("a watch of the test has ended: {:?}", ended?);
        }
        let seen = self.seen();
        truths::judge(&seen, &self.gaps.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(seen.len())
    }

    /// Whether it ends at what the API server has: one watch may be later than another.
    async fn is_whole(&self) -> Result<()> {
        for (kind, api) in &self.apis {
            let live = api.list(&ListParams::default()).await?;
            let live =
                live.iter().map(|object| (object.name_any(), object.resource_version().unwrap_or_default()));
            let mut last = last_of(&self.seen, kind);
            last.retain(|_, seen| seen.object.is_some());
            let last = last.into_iter().map(|(name, seen)| (name, seen.version.to_string()));
            let (live, last): (BTreeMap<_, _>, BTreeMap<_, _>) = (live.collect(), last.collect());
            ensure!(live == last, "{kind}: {last:?} of {live:?}");
        }
        Ok(())
    }
}

/// The last version of each object of a kind that was seen.
fn last_of(seen: &Mutex<Vec<Seen>>, kind: &str) -> BTreeMap<String, Seen> {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let of_kind = seen.iter().filter(|seen| seen.kind == kind);
    of_kind.map(|seen| (seen.name.clone(), seen.clone())).collect()
}

fn apis(demo: &Demo) -> Vec<(&'static str, Api<DynamicObject>)> {
    let other = |group, version, kind| ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let kinds = [
        ("LaneGroup", other("graylane.dev", "v1alpha1", "LaneGroup")),
        ("Lane", other("graylane.dev", "v1alpha1", "Lane")),
        ("Deployment", other("apps", "v1", "Deployment")),
        ("EnvoyFilter", istio("EnvoyFilter")),
        ("DestinationRule", istio("DestinationRule")),
    ];
    kinds.into_iter().map(|(kind, resource)| (kind, demo.api(&resource))).collect()
}

/// Records one kind.
struct Recorder {
    kind: &'static str,
    api: Api<DynamicObject>,
    seen: Arc<Mutex<Vec<Seen>>>,
    gaps: Arc<Mutex<Vec<Gap>>>,
    proxies: Arc<Proxies>,
}

/// What the fake proxies run: what they are told to, or what the gateway's object says.
#[derive(Debug)]
struct Proxies {
    runs: Arc<AtomicU64>,
    told: Mutex<Option<u64>>,
    newest: AtomicU64,
}

impl Proxies {
    fn show(&self) {
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        self.runs.store(told.unwrap_or_else(|| self.newest.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}

impl Recorder {
    /// Follows over ends of watches and outages of the API server.
    async fn follow(&self, mut version: String) -> Result<()> {
        let params = WatchParams::default().timeout(WATCH_SECONDS);
        loop {
            let Ok(events) = self.api.watch(&params, &version).await else {
                tokio::time::sleep(BETWEEN_TRIES).await;
                continue;
            };
            let mut events = std::pin::pin!(events);
            while let Ok(Some(event)) = events.try_next().await {
                version = match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => self.record(object, false)?,
                    WatchEvent::Deleted(object) => self.record(object, true)?,
                    WatchEvent::Bookmark(bookmark) => bookmark.metadata.resource_version,
                    // The past is gone, or the API server is about to go.
                    WatchEvent::Error(_) => match self.look_anew(&version).await {
                        Ok(version) => version,
                        Err(_) => break,
                    },
                };
            }
        }
    }

    /// Records what differs from what was seen last; returns the version to go on from.
    async fn look_anew(&self, former: &str) -> Result<String> {
        let list = self.api.list(&ListParams::default()).await?;
        let version = list.metadata.resource_version.context("a list without a version")?;
        let gap = (former.parse()?, version.parse()?);
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner).push(gap);
        let mut last = last_of(&self.seen, self.kind);
        for object in list.items {
            let former = last.remove(&object.name_any()).and_then(|former| former.object);
            if former.and_then(|former| former.resource_version()) != object.resource_version() {
                self.record(object, false)?;
            }
        }
        for mut gone in last.into_values().filter_map(|former| former.object) {
            gone.metadata.resource_version = Some(version.clone());
            self.record(gone, true)?;
        }
        Ok(version)
    }

    fn record(&self, object: DynamicObject, is_gone: bool) -> Result<String> {
        let (name, version) = (object.name_any(), object.resource_version().context("no version")?);
        if name == ENTRY && !is_gone {
            let says = truths::configs(&object).iter().map(|config| config.generation).max();
            self.proxies.newest.store(says.unwrap_or_default(), Ordering::Relaxed);
            self.proxies.show();
        }
        let seen = Seen {
            version: version.parse()?,
            at: Instant::now(),
            kind: self.kind,
            name,
            object: (!is_gone).then_some(object),
        };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        Ok(version)
    }
}
