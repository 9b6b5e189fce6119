//! Writing objects: only on a real difference, only what is ours, in stages.

use std::collections::BTreeSet;
use std::sync::Arc;

use envoy_config::istio::{IstioObject, names};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::core::Status;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, ResourceExt as _};
use serde_json::Value;

use super::world::{World, istio};

/// What is wrong with a write.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Somebody else manages a field that we want to write.
    #[error("{object}: {message}; let go of the field there, or remove the object")]
    Conflict {
        /// Kind, namespace and name.
        object: String,
        /// Who manages which field, as the API server says.
        message: String,
    },
    /// It is not the version any more that was looked at.
    #[error("{object} has changed meanwhile")]
    Behind {
        /// Kind, namespace and name.
        object: String,
    },
    /// The API server refuses or does not answer.
    #[error("{object}: {source}")]
    Api {
        /// Kind, namespace and name.
        object: String,
        /// What it said.
        source: Box<kube::Error>,
    },
}

/// An object in the cache, with its kind.
type Found = (&'static str, Arc<DynamicObject>);

/// The objects that we have written for one owner: those with all of these labels.
pub struct Owned<'a> {
    /// The only namespace to look at; all unless given.
    pub namespace: Option<&'a str>,
    /// Labels that tell the owner.
    pub labels: Vec<(&'static str, &'a str)>,
}

impl Owned<'_> {
    fn has(&self, object: &DynamicObject) -> bool {
        let labels = object.labels();
        let is_here = self.namespace.is_none_or(|namespace| object.namespace().as_deref() == Some(namespace));
        is_here
            && labels.get(names::MANAGED_BY_LABEL).is_some_and(|manager| manager == names::MANAGER)
            && self.labels.iter().all(|(key, value)| labels.get(*key).is_some_and(|found| found == value))
    }

    /// The objects of the owner that stand in the cluster, in the order in which they are removed.
    fn all(&self, world: &World) -> Vec<Found> {
        let of = |kind, store: &Store<DynamicObject>| -> Vec<Found> {
            let own = store.state().into_iter().filter(|object| self.has(object));
            own.map(|object| (kind, object)).collect()
        };
        let mut all = of("EnvoyFilter", &world.envoy_filters);
        all.extend(of("DestinationRule", &world.destination_rules));
        all.sort_by_key(|(kind, object)| step(kind, object));
        all
    }

    /// The step that is next on the way to nothing; `None` where nothing is left.
    #[must_use]
    pub fn first_step(&self, world: &World) -> Option<Step> {
        self.all(world).first().map(|(kind, object)| step(kind, object))
    }

    /// Kind, namespace and name of all that stands.
    #[must_use]
    pub fn places(&self, world: &World) -> Vec<String> {
        let place = |(kind, object): &Found| {
            format!("{kind} {}/{}", object.namespace().unwrap_or_default(), object.name_any())
        };
        self.all(world).iter().map(place).collect()
    }

    /// The namespaces in which the owner has objects.
    #[must_use]
    pub fn namespaces(&self, world: &World) -> BTreeSet<String> {
        self.all(world).into_iter().filter_map(|(_, object)| object.namespace()).collect()
    }
}

/// Writes what differs, in the order given.
///
/// # Errors
/// The first write that fails; those before it stand.
pub async fn write(client: &Client, world: &World, wanted: &[IstioObject]) -> Result<usize, ApplyError> {
    let mut written = 0;
    for object in wanted {
        let found = find(world, object);
        if found.as_ref().is_some_and(|found| says(found, object)) {
            continue;
        }
        let api: Api<DynamicObject> =
            Api::namespaced_with(client.clone(), &object.namespace, &istio(object.kind));
        let params = PatchParams::apply(names::MANAGER);
        let manifest = over(object.manifest(), found.and_then(|found| found.resource_version()));
        let patched = api.patch(&object.name, &params, &Patch::Apply(manifest)).await;
        patched.map_err(|error| failed(object.kind, &object.namespace, &object.name, error))?;
        written += 1;
    }
    Ok(written)
}

/// Removes what the owner has and does not want: first what admits requests, last what serves them.
///
/// # Errors
/// The first removal that fails; those before it stand.
pub async fn prune(
    client: &Client,
    world: &World,
    owned: &Owned<'_>,
    wanted: &[IstioObject],
) -> Result<usize, ApplyError> {
    let is_wanted = |kind: &str, object: &DynamicObject| {
        let place = (object.namespace().unwrap_or_default(), object.name_any());
        wanted
            .iter()
            .any(|wanted| wanted.kind == kind && place == (wanted.namespace.clone(), wanted.name.clone()))
    };
    let gone: Vec<_> =
        owned.all(world).into_iter().filter(|(kind, object)| !is_wanted(kind, object)).collect();
    for of_step in gone.chunk_by(|(a, one), (b, other)| step(a, one) == step(b, other)) {
        remove(client, of_step).await?;
    }
    Ok(gone.len())
}

/// Takes one step on the way to nothing, or all at once, and then goes on after what cannot be removed.
///
/// # Errors
/// The first removal that failed; the others of its step are done.
pub async fn withdraw(
    client: &Client,
    world: &World,
    owned: &Owned<'_>,
    everything: bool,
) -> Result<(), ApplyError> {
    let first = owned.first_step(world);
    let mut next = owned.all(world);
    next.retain(|(kind, object)| everything || Some(step(kind, object)) == first);
    remove(client, &next).await
}

/// When an object is removed, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// What admits requests.
    Filters,
    /// What leads them.
    Routes,
    /// What routes name.
    Clusters,
    /// What clusters are made of.
    Subsets,
}

fn step(kind: &str, object: &DynamicObject) -> Step {
    let name = object.name_any();
    match kind {
        "DestinationRule" => Step::Subsets,
        _ if name.ends_with(".clusters") => Step::Clusters,
        _ if name.ends_with(".routes") || name.ends_with(".replies") => Step::Routes,
        _ => Step::Filters,
    }
}

/// Removes them all, whatever becomes of one.
async fn remove(client: &Client, gone: &[Found]) -> Result<(), ApplyError> {
    let mut done = Ok(());
    // Somebody else's finalizer may hold one that goes already.
    for (kind, object) in gone.iter().filter(|(_, object)| object.metadata.deletion_timestamp.is_none()) {
        let namespace = object.namespace().unwrap_or_default();
        let name = object.name_any();
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &istio(kind));
        // Not one of the same name that somebody has made meanwhile, nor one that says something else by now.
        let preconditions = Preconditions { uid: object.uid(), resource_version: object.resource_version() };
        let params = DeleteParams::default().preconditions(preconditions);
        match api.delete(&name, &params).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => done = done.and(Err(failed(kind, &namespace, &name, error))),
        }
    }
    done
}

/// The object as it stands in the cluster.
fn find(world: &World, wanted: &IstioObject) -> Option<Arc<DynamicObject>> {
    let store = match wanted.kind {
        "EnvoyFilter" => &world.envoy_filters,
        _ => &world.destination_rules,
    };
    let key = ObjectRef::new_with(&wanted.name, istio(wanted.kind)).within(&wanted.namespace);
    store.get(&key)
}

/// Whether an object says what is wanted.
fn says(found: &DynamicObject, wanted: &IstioObject) -> bool {
    found.data.get("spec") == Some(&wanted.spec)
        && wanted.labels.iter().all(|(key, value)| found.labels().get(key) == Some(value))
        && wanted.annotations.iter().all(|(key, value)| found.annotations().get(key) == Some(value))
}

/// The manifest as one that is refused over any other version: a cache that is behind, or a controller that has
/// slept, must not write an old truth over a newer one.
fn over(mut manifest: Value, version: Option<String>) -> Value {
    if let (Some(version), Some(metadata)) = (version, manifest.get_mut("metadata")) {
        metadata["resourceVersion"] = version.into();
    }
    manifest
}

fn failed(kind: &str, namespace: &str, name: &str, error: kube::Error) -> ApplyError {
    let object = format!("{kind} {namespace}/{name}");
    match error {
        kube::Error::Api(status) if status.code == 409 && is_about_fields(&status) => {
            ApplyError::Conflict { object, message: status.message.clone() }
        }
        kube::Error::Api(status) if status.code == 409 => ApplyError::Behind { object },
        error => ApplyError::Api { object, source: Box::new(error) },
    }
}

/// Whether a conflict is one with another field manager.
fn is_about_fields(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "FieldManagerConflict")
}
