//! The controller's loop: changes come in, passes go out.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use lane::model::LaneGroupSpec;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::crd::LaneGroup;
use super::dereference;
use super::leader::Elector;
use super::metrics::PassResult;
use super::neighbours;
use super::reconcile::{Context, Memory, Outcome, reconcile};
use super::world::{Change, Changes, Scope, World};

/// How long changes are collected before a pass: each write is a push to all proxies of its namespace.
const COALESCE: Duration = Duration::from_millis(200);
/// When to ask proxies again that have not followed.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// When to try again what failed: doubled each time up to the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest time between two tries.
const LAST_RETRY: Duration = Duration::from_secs(60);
/// When to look at a group to which nothing has happened: proxies come and go, and lanes end.
const RESYNC: Duration = Duration::from_secs(60);

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

/// A group in the queue.
struct Due {
    at: Instant,
    failures: u32,
}

type Queue = BTreeMap<(String, String), Due>;

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

/// Runs passes until it is told to stop; a pass that has begun is finished.
async fn run(ctx: &Context, mut changes: Changes, stop: &CancellationToken) {
    let mut queue = Queue::new();
    enqueue_all(ctx, &mut queue);
    loop {
        let next = queue.values().map(|due| due.at).min().unwrap_or_else(|| Instant::now() + RESYNC);
        tokio::select! {
            () = stop.cancelled() => return,
            change = changes.next() => {
                let Some(change) = change else { return };
                enqueue(ctx, &mut queue, &change);
            }
            () = sleep_until(next) => pass(ctx, &mut queue).await,
        }
    }
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

fn enqueue_all(ctx: &Context, queue: &mut Queue) {
    for group in ctx.world.groups.state() {
        soon(queue, &group);
    }
}

/// Every group that has to do with the namespace of the change, and those that share a service with a group there.
fn enqueue(ctx: &Context, queue: &mut Queue, change: &Change) {
    let groups = ctx.world.groups.state();
    let Some(namespace) = change else { return groups.iter().for_each(|group| soon(queue, group)) };
    let (there, elsewhere): (Vec<&LaneGroup>, Vec<_>) = groups
        .iter()
        .map(AsRef::as_ref)
        .partition(|group: &&LaneGroup| group.namespace().as_ref() == Some(namespace));
    let (concerned, others): (Vec<&LaneGroup>, Vec<_>) =
        elsewhere.into_iter().partition(|group| concerns(group, namespace));
    let neighbours = neighbours::of(&there, &others);
    for group in there.into_iter().chain(concerned).chain(neighbours) {
        soon(queue, group);
    }
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

/// In a moment, so that what changes together is looked at together; never later than it was due.
fn soon(queue: &mut Queue, group: &LaneGroup) {
    let at = Instant::now() + COALESCE;
    let key = (group.namespace().unwrap_or_default(), group.name_any());
    let due = queue.entry(key).or_insert(Due { at, failures: 0 });
    due.at = due.at.min(at);
}

/// One pass over the group that is due first.
async fn pass(ctx: &Context, queue: &mut Queue) {
    let now = Instant::now();
    let due = queue.iter().filter(|(_, due)| due.at <= now).min_by_key(|(_, due)| due.at);
    let Some((key, failures)) = due.map(|(key, due)| (key.clone(), due.failures)) else { return };
    let reference = ObjectRef::<LaneGroup>::new(&key.1).within(&key.0);
    let Some(group) = ctx.world.groups.get(&reference) else {
        queue.remove(&key);
        return;
    };
    let begun = Instant::now();
    let outcome = reconcile(ctx, &group).await;
    let result = match &outcome {
        Ok(Outcome::Settled | Outcome::Gone) => PassResult::settled,
        Ok(Outcome::Waiting) => PassResult::waiting,
        Err(_) => PassResult::failed,
    };
    ctx.metrics.passed(result, begun.elapsed());
    ctx.metrics.groups(ctx.world.groups.len());
    let due = match outcome {
        Ok(Outcome::Settled) => Due { at: Instant::now() + RESYNC, failures: 0 },
        Ok(Outcome::Waiting) => Due { at: Instant::now() + ASK_AGAIN, failures: 0 },
        Ok(Outcome::Gone) => {
            queue.remove(&key);
            return;
        }
        Err(error) => {
            let wait = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures)).min(LAST_RETRY);
            tracing::warn!(group = format!("{}/{}", key.0, key.1), %error, retry_in = ?wait, "a pass failed");
            Due { at: Instant::now() + wait, failures: failures.saturating_add(1) }
        }
    };
    queue.insert(key, due);
}
