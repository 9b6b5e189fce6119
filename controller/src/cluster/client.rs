//! What `lanectl` does at the API server: it reads, applies what a user wants, removes, and waits.
//!
//! Nothing is read, changed and written back: an object is applied server-side with the fields that the user has
//! named, and the fields of others stay theirs. All decisions are those of `lane` and of the controller.

mod access;
mod error;
mod examination;
mod granted;
mod manifest;
mod progress;
mod release;
mod snapshot;
mod wait;

use std::fmt::Debug;

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use lane::name::{GroupName, LaneName};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use access::Access;
pub use error::{Error, Result};
pub use examination::Places;
pub use granted::Right;
pub use manifest::Manifest;
pub use progress::{Demand, Goal, Progress};
pub use snapshot::{Place, Surroundings};

use super::crd::{Lane, LaneFault, LaneGroup};

/// The field manager of everything that `lanectl` applies.
pub const MANAGER: &str = "lanectl";

/// A cluster, and the namespace in it that a command is about.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
    server: String,
}

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Only ask whether the API server would accept it.
    pub dry_run: bool,
    /// Take fields over that others manage.
    pub force: bool,
}

impl Cluster {
    /// The cluster that `access` leads to. Nothing is sent yet.
    ///
    /// # Errors
    /// There is no kubeconfig, or it cannot be used.
    pub async fn connect(access: &Access) -> Result<Self> {
        access.cluster().await
    }

    /// The namespace that the command is about.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Objects of a kind in the namespace, or everywhere.
    pub fn api<K>(&self, everywhere: bool) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        if everywhere {
            Api::all(self.client.clone())
        } else {
            Api::namespaced(self.client.clone(), &self.namespace)
        }
    }

    /// The lane groups of the namespace, or of all, by name.
    ///
    /// # Errors
    /// The API server does not answer, or not with them.
    pub async fn groups(&self, everywhere: bool) -> Result<Vec<LaneGroup>> {
        self.list(&self.api(everywhere), "lanegroups").await
    }

    /// The lanes of the namespace, or of all, by name.
    ///
    /// # Errors
    /// The API server does not answer, or not with them.
    pub async fn lanes(&self, everywhere: bool) -> Result<Vec<Lane>> {
        self.list(&self.api(everywhere), "lanes").await
    }

    /// The lanes of one group.
    ///
    /// # Errors
    /// The API server does not answer, or not with them.
    pub async fn lanes_of(&self, group: &LaneGroup) -> Result<Vec<Lane>> {
        let mut lanes = self.lanes(false).await?;
        lanes.retain(|lane| lane.spec.0.group.as_str() == group.name_any());
        Ok(lanes)
    }

    /// The group of that name, or the only one of the namespace.
    ///
    /// # Errors
    /// There is none, or there are several to choose from.
    pub async fn group(&self, name: Option<&GroupName>) -> Result<LaneGroup> {
        if let Some(name) = name {
            let found = self.api(false).get(name.as_str()).await;
            return found.map_err(|error| self.failed(&format!("lanegroup {name}"), error));
        }
        let mut groups = self.groups(false).await?;
        match (groups.pop(), groups.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(Error::NoGroup { namespace: self.namespace.clone() }),
            (Some(last), false) => {
                let names = groups.iter().chain([&last]).map(ResourceExt::name_any).collect();
                Err(Error::SeveralGroups { namespace: self.namespace.clone(), names })
            }
        }
    }

    /// A lane, if there is one of that name.
    ///
    /// # Errors
    /// The API server does not answer, or not with it.
    pub async fn lane(&self, name: &LaneName) -> Result<Option<Lane>> {
        let found = self.api(false).get_opt(name.as_str()).await;
        found.map_err(|error| self.failed(&format!("lane {name}"), error))
    }

    /// The faults of the namespace, by name.
    ///
    /// # Errors
    /// The API server does not answer, or not with them.
    pub async fn faults(&self) -> Result<Vec<LaneFault>> {
        self.list(&self.api(false), "lanefaults").await
    }

    /// The faults of one group.
    ///
    /// # Errors
    /// The API server does not answer, or not with them.
    pub async fn faults_of(&self, group: &LaneGroup) -> Result<Vec<LaneFault>> {
        let mut faults = self.faults().await?;
        faults.retain(|fault| fault.spec.0.group.as_str() == group.name_any());
        Ok(faults)
    }

    /// Applies an object: makes it, or brings it to what it says.
    ///
    /// # Errors
    /// The API server refuses it, somebody else manages one of its fields, or the cluster cannot be reached.
    pub async fn apply(&self, manifest: &Manifest, options: ApplyOptions) -> Result<DynamicObject> {
        let params =
            PatchParams { dry_run: options.dry_run, force: options.force, ..PatchParams::apply(MANAGER) };
        let patched =
            self.objects(manifest)?.patch(manifest.name(), &params, &Patch::Apply(manifest.value())).await;
        patched.map_err(|error| self.failed(&manifest.to_string(), error))
    }

    /// The object as it stands in the cluster, if it does.
    ///
    /// # Errors
    /// The API server does not answer, or not with it.
    pub async fn live(&self, manifest: &Manifest) -> Result<Option<DynamicObject>> {
        let found = self.objects(manifest)?.get_opt(manifest.name()).await;
        match found.map_err(|error| self.failed(&manifest.to_string(), error)) {
            // No such kind, or no such namespace, and so no such object.
            Err(Error::NotInstalled | Error::NotFound { .. }) => Ok(None),
            found => found,
        }
    }

    /// Removes an object; says whether there was one.
    ///
    /// # Errors
    /// The API server does not let it go, or cannot be reached.
    pub async fn remove(&self, manifest: &Manifest, dry_run: bool) -> Result<bool> {
        let params = DeleteParams { dry_run, ..DeleteParams::background() };
        match self.objects(manifest)?.delete(manifest.name(), &params).await {
            Ok(_) => Ok(true),
            Err(error) => match self.failed(&manifest.to_string(), error) {
                Error::NotInstalled | Error::NotFound { .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// What went wrong, in words of its own; `object` is what it was about.
    #[must_use]
    pub fn failed(&self, object: &str, error: kube::Error) -> Error {
        Error::of(&self.server, object, error)
    }

    async fn list<K>(&self, api: &Api<K>, what: &str) -> Result<Vec<K>>
    where
        K: Resource + Clone + DeserializeOwned + Debug,
    {
        let list = api.list(&ListParams::default()).await.map_err(|error| self.failed(what, error))?;
        let mut items = list.items;
        items.sort_by_key(|item| (item.namespace(), item.name_any()));
        Ok(items)
    }

    fn objects(&self, manifest: &Manifest) -> Result<Api<DynamicObject>> {
        let resource: ApiResource = manifest.resource();
        Ok(match manifest.namespace() {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        })
    }
}

/// Whether two readings of an object say the same, but for what the API server counts.
#[must_use]
pub fn says_the_same(a: &DynamicObject, b: &DynamicObject) -> bool {
    let said = |object: &DynamicObject| {
        let mut data = object.data.clone();
        if let Some(fields) = data.as_object_mut() {
            fields.remove("status");
        }
        (data, object.metadata.labels.clone(), object.metadata.annotations.clone())
    };
    let (a, b): ((Value, _, _), _) = (said(a), said(b));
    a == b
}
