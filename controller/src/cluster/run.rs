//! The controller's loop: changes come in, passes go out.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use lane::model::LaneGroupSpec;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::crd::LaneGroup;
use super::dereference;
use super::leader::Elector;
use super::metrics::PassResult;
use super::neighbours;
use super::queue::{Due, Key, Place, Queue};
use super::reconcile::{
    Context, Memory, Outcome, changes_in, entries_of, reconcile, reconcile_gateway, serving,
};
use super::world::{Change, Changes, Scope, World};

/// When to ask proxies again that have not followed.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// When to try again proxies that cannot be asked, where nothing else is missing: each may cost seconds.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// When to try again what failed: doubled each time up to the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest time between two tries.
const LAST_RETRY: Duration = Duration::from_secs(60);
/// When to look at a group to which nothing has happened: proxies come and go, and lanes end.
const RESYNC: Duration = Duration::from_secs(60);

/// The most changes that are looked at together.
const MOST_AT_ONCE: usize = 1024;

/// How long the caches may take to fill.
const FILLED_WITHIN: Duration = Duration::from_secs(120);

/// What the caches are to hold.
pub struct View {
    /// Where to look.
    pub scope: Scope,
    /// Whether there are objects of the Gateway API.
    pub has_gateway_api: bool,
}

/// The caches cannot be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caches were not filled within {FILLED_WITHIN:?}: are the CRDs of Graylane and Istio installed?")]
pub struct NotFilled;

/// Waits for the lease, acts as long as it is ours, and waits again when it is lost, until it is told to stop.
///
/// Whoever begins to lead fills its caches anew: while somebody else has led, a watch may have stood still, and
/// what an old cache says must not be written over what is newer.
///
/// # Errors
/// The caches are not filled in time.
pub async fn lead(
    ctx: &mut Context,
    elector: &mut Elector,
    view: &View,
    stop: &CancellationToken,
) -> Result<(), NotFilled> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = elector.acquire() => {}
        }
        // Dropping the loop ends a pass in the middle, which the next one makes good; acting without the lease
        // would not be made good, so that the lease is looked at first.
        let ended = tokio::select! {
            biased;
            () = elector.hold() => None,
            ended = act(ctx, view, stop) => Some(ended),
        };
        ctx.metrics.lead(false);
        if let Some(ended) = ended {
            return ended;
        }
    }
}

/// Acts until it is told to stop.
async fn act(ctx: &mut Context, view: &View, stop: &CancellationToken) -> Result<(), NotFilled> {
    // Somebody else may have led since, of whose passes this controller knows nothing.
    ctx.memory = Memory::default();
    let Some(changes) = fill(ctx, view, stop).await? else { return Ok(()) };
    ctx.metrics.lead(true);
    run(ctx, changes, stop).await;
    Ok(())
}

/// Runs passes until it is told to stop; those that have begun are finished.
async fn run(ctx: &Context, changes: Changes, stop: &CancellationToken) {
    let (mut queue, mut passes) = (Queue::default(), FuturesUnordered::new());
    let mut changes = changes.ready_chunks(MOST_AT_ONCE);
    enqueue(ctx, &mut queue, vec![Change::Everywhere]);
    loop {
        while let Some((key, due)) = queue.begin(Instant::now()) {
            passes.push(pass(ctx, key, due.failures));
        }
        let next = queue.next().unwrap_or_else(|| Instant::now() + RESYNC);
        tokio::select! {
            () = stop.cancelled() => break,
            changes = changes.next() => match changes {
                Some(changes) => enqueue(ctx, &mut queue, changes),
                None => break,
            },
            Some((key, again)) = passes.next() => {
                for gateway in ctx.memory.take_stirred() {
                    queue.soon(Key::Gateway(gateway), Instant::now());
                }
                queue.end(key, again);
            }
            () = sleep_until(next) => {}
        }
        // The lease is held beside this loop, which may have much to do.
        tokio::task::yield_now().await;
    }
    while passes.next().await.is_some() {}
}

/// Fills the caches anew; returns what changes from then on, nothing where the controller is told to stop.
///
/// # Errors
/// They are not filled in time.
pub async fn fill(
    ctx: &mut Context,
    view: &View,
    stop: &CancellationToken,
) -> Result<Option<Changes>, NotFilled> {
    let (world, mut changes) = World::watch(&ctx.client, &view.scope, view.has_gateway_api);
    ctx.world = world;
    let follow = async { while changes.next().await.is_some() {} };
    let filled = tokio::select! {
        () = stop.cancelled() => return Ok(None),
        () = follow => false,
        filled = timeout(FILLED_WITHIN, ctx.world.filled()) => filled.is_ok(),
    };
    if filled { Ok(Some(changes)) } else { Err(NotFilled) }
}

/// Everything that changes may matter to.
fn enqueue(ctx: &Context, queue: &mut Queue, changes: Vec<Change>) {
    let now = Instant::now();
    let groups = ctx.world.groups.state();
    let groups: Vec<&LaneGroup> = groups.iter().map(AsRef::as_ref).collect();
    let serving = serving(&ctx.world);
    let mut found: BTreeSet<Place> = BTreeSet::new();
    // Many of them say the same.
    for change in changes.into_iter().collect::<BTreeSet<_>>() {
        match change {
            Change::Everywhere => {
                found.extend(groups.iter().map(|group| Place::of(group)));
                // Also those whose groups are all gone.
                serving.keys().for_each(|gateway| queue.soon(Key::Gateway(gateway.clone()), now));
            }
            Change::Namespace(namespace) if ctx.settings.root_namespace.as_str() == namespace => {
                // What stands in the root namespace holds for all namespaces.
                found.extend(groups.iter().map(|group| Place::of(group)));
            }
            Change::Namespace(namespace) => {
                let is_there = |group: &&&LaneGroup| group.metadata.namespace.as_ref() == Some(&namespace);
                let there: Vec<&LaneGroup> = groups.iter().filter(is_there).copied().collect();
                let concerned = groups.iter().filter(|group| concerns(group, &namespace)).copied();
                let all = concerned.chain(neighbours::of(&there, &groups)).chain(there.iter().copied());
                found.extend(all.map(Place::of));
            }
            Change::Group(changed) => {
                let own: Vec<&LaneGroup> =
                    groups.iter().filter(|group| Place::of(group) == changed).copied().collect();
                found.extend(neighbours::of(&own, &groups).into_iter().map(Place::of));
                // Also where it is gone, for its gateways.
                found.insert(changed);
            }
            Change::Gateway(gateway) => queue.soon(Key::Gateway(gateway), now),
        }
    }
    let entries =
        groups.iter().filter(|group| found.contains(&Place::of(group))).flat_map(|group| entries_of(group));
    let written =
        serving.iter().filter(|(_, served)| !served.is_disjoint(&found)).map(|(gateway, _)| gateway.clone());
    for gateway in entries.chain(written) {
        queue.soon(Key::Gateway(gateway), now);
    }
    found.into_iter().for_each(|group| queue.soon(Key::Group(group), now));
}

/// Whether a group has to do with a namespace that is not its own.
fn concerns(group: &LaneGroup, namespace: &str) -> bool {
    let names = |spec: &LaneGroupSpec| {
        let services = spec.services.iter().filter_map(|service| service.namespace.as_ref());
        let entries = spec.entries.iter().filter_map(|entry| entry.namespace.as_ref());
        let mut others = services.chain(entries).chain(&spec.callers);
        others.any(|other| other.as_str() == namespace)
    };
    names(&group.spec.0) || names(dereference::spec_in_force(group))
}

/// One pass; says when there is to be another one.
async fn pass(ctx: &Context, key: Key, failures: u32) -> (Key, Option<Due>) {
    let begun = Instant::now();
    let (outcome, what) = match &key {
        Key::Group(place) => match ctx.world.groups.get(&place.reference()) {
            Some(group) => (reconcile(ctx, &group).await, format!("group {place}")),
            None => return (key, None),
        },
        Key::Gateway(place) => (reconcile_gateway(ctx, place).await, format!("gateway {place}")),
    };
    let result = match &outcome {
        Ok(Outcome::Settled | Outcome::Gone) => PassResult::settled,
        Ok(Outcome::Waiting | Outcome::Unverified) => PassResult::waiting,
        Err(_) => PassResult::failed,
    };
    ctx.metrics.passed(result, begun.elapsed());
    ctx.metrics.groups(ctx.world.groups.len());
    let (wait, failures) = match outcome {
        Ok(Outcome::Settled) => (until_news(ctx, &key).min(RESYNC), 0),
        Ok(Outcome::Waiting) => (ASK_AGAIN, 0),
        Ok(Outcome::Unverified) => (until_news(ctx, &key).min(TRY_AGAIN), 0),
        Ok(Outcome::Gone) => return (key, None),
        Err(error) => {
            let wait = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures)).min(LAST_RETRY);
            tracing::warn!(what, %error, retry_in = ?wait, "a pass failed");
            (wait, failures.saturating_add(1))
        }
    };
    (key, Some(Due { at: Instant::now() + wait, failures }))
}

/// How long it is until time alone brings something to say of a group: the end of a lane comes nearer.
fn until_news(ctx: &Context, key: &Key) -> Duration {
    let news = match key {
        Key::Group(group) => changes_in(&ctx.world, group, Timestamp::now()),
        Key::Gateway(_) => None,
    };
    news.unwrap_or(RESYNC)
}
