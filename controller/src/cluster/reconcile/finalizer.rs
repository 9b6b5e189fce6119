//! A group is not gone before its objects are, and is let go all the same if they cannot be removed.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use lane::model::LaneGroupStatus;
use serde_json::json;

use super::{Outcome, Pass, ReconcileError};
use crate::cluster::apply;
use crate::cluster::conditions::{self, Draft, PROGRAMMED, reason};

/// Keeps a group until its objects in all namespaces are gone.
const FINALIZER: &str = "graylane.dev/objects";

/// Annotation of a group that is to go: with `true` it goes at once, whatever is left of its objects.
const FORCE: &str = "graylane.dev/force-removal";

/// How long a group that is to go waits for its objects.
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
        let deleted = self.group.metadata.deletion_timestamp.as_ref().map(|time| time.0);
        let must_go = is_let_go(deleted, self.group.annotations(), Timestamp::now());
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

    /// One step, or all that is left; returns what was there before it.
    async fn withdraw(&self, everything: bool) -> Result<Vec<String>, ReconcileError> {
        if self.put_gateways(None).await? > 0 && !everything {
            return Ok(vec!["the filters of gateways".to_owned()]);
        }
        Ok(apply::withdraw(&self.ctx.client, &self.ctx.world, &self.owned(), everything).await?)
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

/// Whether a group goes with objects left.
fn is_let_go(deleted: Option<Timestamp>, annotations: &BTreeMap<String, String>, now: Timestamp) -> bool {
    let waited = deleted.map(|deleted| now.duration_since(deleted));
    let is_late = waited.is_some_and(|waited| waited.is_positive() && waited.unsigned_abs() >= DEADLINE);
    is_late || annotations.get(FORCE).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_let_go_by_annotation_or_after_the_deadline() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let forced = BTreeMap::from([(FORCE.to_owned(), "true".to_owned())]);
        let other = BTreeMap::from([(FORCE.to_owned(), "false".to_owned())]);
        for (annotations, now, want) in [
            (BTreeMap::new(), 599, false),
            (BTreeMap::new(), 600, true),
            (other, 599, false),
            (forced, 0, true),
            // A clock that is behind.
            (BTreeMap::new(), -900, false),
        ] {
            assert_eq!(is_let_go(Some(at(0)), &annotations, at(now)), want, "{annotations:?} at {now}");
        }
    }
}
