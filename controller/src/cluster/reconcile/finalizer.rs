//! A group is not gone before its objects are, and is let go all the same if they cannot be removed.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use lane::model::LaneGroupStatus;
use serde_json::json;
use tokio::time::Instant;

use super::{Outcome, Pass, ReconcileError};
use crate::cluster::apply::{self, Step};
use crate::cluster::clusters;
use crate::cluster::conditions::{self, Draft, PROGRAMMED, reason};

/// Keeps a group until its objects in all namespaces are gone.
const FINALIZER: &str = "graylane.dev/objects";

/// Annotation of a group that is to go: with `true` it goes at once, whatever is left of its objects.
const FORCE: &str = "graylane.dev/force-removal";

/// How long a group that is to go waits for its objects, from when this controller has seen that it is to go.
const DEADLINE: Duration = Duration::from_mins(10);

impl Pass<'_> {
    /// Makes sure that the group is not gone before its objects.
    pub(super) async fn hold(&mut self) -> Result<(), ReconcileError> {
        if self.group.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
            return Ok(());
        }
        let finalizers: Vec<&str> =
            self.group.finalizers().iter().map(String::as_str).chain([FINALIZER]).collect();
        let patch = json!({ "metadata": {
            "finalizers": finalizers, "resourceVersion": self.group.resource_version() } });
        let patched = self.groups().patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await;
        self.wrote(&patched.map_err(|error| self.failed(error))?);
        Ok(())
    }

    /// Removes the objects of the group step by step, then lets it go; it is let go without if it is told to, or if
    /// they have been in the way for too long.
    pub(super) async fn clean_up(&mut self) -> Result<Outcome, ReconcileError> {
        if !self.group.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
            return Ok(Outcome::Gone);
        }
        let waited = self.ctx.memory.in_step(self.group, FINALIZER, "removal", Instant::now());
        let must_go = is_let_go(waited, self.group.annotations());
        let left = match self.withdraw(must_go).await {
            Ok(left) if left.is_empty() && (must_go || self.nothing_is_left().await?) => {
                return self.let_go().await;
            }
            Ok(left) if left.is_empty() => "what the caches have not seen yet".to_owned(),
            Ok(left) => left.join(", "),
            Err(error) if must_go => error.to_string(),
            Err(error) => return Err(error),
        };
        let draft = Draft::bad(
            PROGRAMMED,
            reason::REMOVING,
            format!(
                "these are being removed: {left}; to let the group go without, \
             kubectl -n {} annotate lanegroup {} {FORCE}=true",
                self.namespace, self.name
            ),
        );
        self.say_of_removal(draft).await?;
        if must_go {
            tracing::warn!(
                group = format!("{}/{}", self.namespace, self.name),
                left,
                "let go with objects left"
            );
            return self.let_go().await;
        }
        Ok(Outcome::Waiting)
    }

    /// One step if its time has come, or all that is left; returns what was there before it.
    pub(super) async fn withdraw(&self, everything: bool) -> Result<Vec<String>, ReconcileError> {
        let (client, world, owned) = (&self.ctx.client, &self.ctx.world, self.owned());
        if self.is_at_gateways() && !everything {
            return Ok(vec!["the filters of gateways".to_owned()]);
        }
        let left = owned.places(world);
        let step = owned.first_step(world);
        let since = self.ctx.memory.in_step(self.group, "objects", &format!("{step:?}"), Instant::now());
        if everything || step.is_some_and(|step| since >= patience(step)) {
            apply::withdraw(client, world, &owned, everything).await?;
        }
        Ok(left)
    }

    async fn let_go(&self) -> Result<Outcome, ReconcileError> {
        let finalizers: Vec<&String> =
            self.group.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
        let patch = json!({ "metadata": { "finalizers": finalizers, "resourceVersion": self.version } });
        match self.groups().patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await {
            Ok(_) => Ok(Outcome::Gone),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Outcome::Gone),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn say_of_removal(&mut self, draft: Draft) -> Result<(), ReconcileError> {
        let former = self.status();
        let generation = self.group.metadata.generation;
        let said = conditions::timed([(draft, generation)], &former.conditions, Timestamp::now());
        let others = former.conditions.iter().filter(|condition| condition.kind != PROGRAMMED).cloned();
        let next = LaneGroupStatus { conditions: others.chain(said).collect(), ..former.clone() };
        if next != former {
            self.put_group(&next).await?;
            self.tell(&next.conditions).await;
        }
        Ok(())
    }
}

/// How long a step waits after the former one: requests go by the routes until every proxy has taken that they are
/// gone, and by the clusters likewise.
fn patience(step: Step) -> Duration {
    match step {
        Step::Filters | Step::Routes => Duration::ZERO,
        Step::Clusters | Step::Subsets => 2 * clusters::SETTLING,
    }
}

/// Whether a group goes with objects left.
fn is_let_go(waited: Duration, annotations: &BTreeMap<String, String>) -> bool {
    waited >= DEADLINE || annotations.get(FORCE).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_let_go_by_annotation_or_after_the_deadline() {
        let forced = BTreeMap::from([(FORCE.to_owned(), "true".to_owned())]);
        let other = BTreeMap::from([(FORCE.to_owned(), "false".to_owned())]);
        for (annotations, waited, want) in [
            (BTreeMap::new(), 599, false),
            (BTreeMap::new(), 600, true),
            (other, 599, false),
            (forced, 0, true),
        ] {
            assert_eq!(
                is_let_go(Duration::from_secs(waited), &annotations),
                want,
                "{annotations:?} {waited}"
            );
        }
    }
}
