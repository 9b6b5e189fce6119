//! A group is not gone before its objects are.

use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Outcome, Pass, ReconcileError};
use crate::cluster::apply;

/// Keeps a group until its objects in all namespaces are gone.
const FINALIZER: &str = "graylane.dev/objects";

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
        self.version = patched.map_err(|error| self.failed(error))?.resource_version();
        Ok(())
    }

    /// Removes all objects of the group, then lets it go.
    pub(super) async fn clean_up(&self) -> Result<Outcome, ReconcileError> {
        if !self.group.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
            return Ok(Outcome::Gone);
        }
        let changed = self.put_gateways(None).await?;
        let removed = changed + apply::prune(&self.ctx.client, &self.ctx.world, &self.owned(), &[]).await?;
        if removed > 0 {
            // The caches still hold them: the next pass sees whether they are gone.
            return Ok(Outcome::Waiting);
        }
        let finalizers: Vec<&String> =
            self.group.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
        let patch = json!({ "metadata": {
            "finalizers": finalizers, "resourceVersion": self.group.resource_version() } });
        match self.groups().patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await {
            Ok(_) => Ok(Outcome::Gone),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Outcome::Gone),
            Err(error) => Err(self.failed(error)),
        }
    }
}
