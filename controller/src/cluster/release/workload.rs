//! Reading and changing the workloads of a release. These are the user's own objects, and the only ones that are
//! changed: a baseline takes a template and gives it back, a lane's workload is put away.

use std::fmt;

use kube::Client;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use lane::model::Afterwards;
use serde_json::{Value, json};

use super::managers::{MANAGER, strangers};
use super::template::{FORMER, Former, RESTORED_BY, Template};

/// What is wrong with a change of a workload.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// Somebody else manages what would change, or has changed it: nothing was done.
    #[error("{0}")]
    Conflict(String),
    /// The API server refuses the change for good.
    #[error("{0}")]
    Refused(String),
    /// The API server does not answer, or the object changed in between: to be tried again.
    #[error("{object}: {source}")]
    Api {
        /// Kind, namespace and name.
        object: String,
        /// What it said.
        source: Box<kube::Error>,
    },
}

/// Names a Deployment or `StatefulSet`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// `Deployment` or `StatefulSet`.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// How a lane's version is put into a baseline.
#[derive(Clone, Copy, Debug)]
pub struct Taking<'a> {
    /// The lane.
    pub lane: &'a str,
    /// The request.
    pub request: &'a str,
    /// Whether fields of others are overwritten.
    pub force: bool,
}

/// How a template is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// By server-side apply, which leaves the fields of others alone.
    Apply,
    /// As a whole, so that nothing of the former template stays.
    Replace,
}

/// What a workload remembers of a write.
#[derive(Clone, Copy)]
enum Mark<'a> {
    None,
    Taken(&'a Former),
    Restored(&'a str),
}

impl Mark<'_> {
    fn annotation(self) -> Option<(&'static str, String)> {
        match self {
            Self::None => None,
            Self::Taken(former) => Some((FORMER, former.text())),
            Self::Restored(request) => Some((RESTORED_BY, request.to_owned())),
        }
    }
}

impl Reference {
    fn api(&self, client: &Client) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", self.kind));
        Api::namespaced_with(client.clone(), &self.namespace, &resource)
    }

    /// The workload as it stands now; the caches are not asked, since a change must not rest on old news.
    ///
    /// # Errors
    /// The API server does not answer, or not with it.
    pub async fn get(&self, client: &Client) -> Result<Option<Value>, WorkloadError> {
        let found = self.api(client).get_opt(&self.name).await.map_err(|error| self.failed(error))?;
        Ok(found.map(|object| as_value(&object)))
    }

    /// Asks the API server what the workload would be like with a lane's version; changes nothing.
    ///
    /// # Errors
    /// It cannot take the version, or somebody else manages what would change.
    pub async fn would_take(
        &self,
        client: &Client,
        version: &Template,
        taking: Taking<'_>,
    ) -> Result<Option<(Former, Write)>, WorkloadError> {
        let Some(live) = self.get(client).await? else {
            return Err(WorkloadError::Refused(format!("there is no {self}")));
        };
        let remembered = Former::of(&live).is_some_and(|former| former.request == taking.request);
        if remembered || Template::of(&live) == *version {
            return Ok(None);
        }
        if live.pointer("/spec/paused") == Some(&Value::Bool(true)) {
            let text = format!("{self}: its rollouts are paused; run `kubectl rollout resume` first");
            return Err(WorkloadError::Refused(text));
        }
        let template = Template::of(&live);
        let (lane, request) = (taking.lane.to_owned(), taking.request.to_owned());
        let former = Former { lane, request, taken: String::new(), template };
        let how = if taking.force { Write::Replace } else { self.respectful(client, &live, version).await? };
        let found = Template::of(&self.write(client, &live, version, Mark::Taken(&former), how, true).await?);
        Ok(Some((Former { taken: found.digest(), ..former }, how)))
    }

    /// Gives the workload a lane's version; nothing where it has it already.
    ///
    /// # Errors
    /// As [`Reference::would_take`].
    pub async fn take(
        &self,
        client: &Client,
        version: &Template,
        taking: Taking<'_>,
    ) -> Result<(), WorkloadError> {
        let Some((former, how)) = self.would_take(client, version, taking).await? else { return Ok(()) };
        // Read again: the one write carries what is written and what was there, and is refused if it was changed.
        let Some(live) = self.get(client).await? else { return Ok(()) };
        let former = Former { template: Template::of(&live), ..former };
        self.write(client, &live, version, Mark::Taken(&former), how, false).await.map(drop)
    }

    /// Gives the workload back what it ran before a promotion; says whether that one has changed it at all.
    ///
    /// # Errors
    /// Somebody else has changed it since.
    pub async fn give_back(
        &self,
        client: &Client,
        promotion: &str,
        request: &str,
        force: bool,
    ) -> Result<bool, WorkloadError> {
        let Some(live) = self.get(client).await? else { return Ok(false) };
        let annotation = |key: &str| live.pointer("/metadata/annotations").and_then(|all| all.get(key));
        let Some(former) = Former::of(&live).filter(|former| former.request == promotion) else {
            return Ok(annotation(RESTORED_BY).and_then(Value::as_str) == Some(request));
        };
        if !force && Template::of(&live).digest() != former.taken {
            return Err(WorkloadError::Conflict(format!(
                "{self}: somebody has changed it since the promotion, so it keeps what it has; its former version \
                 is in its annotation {FORMER}; {FORCE}"
            )));
        }
        let mark = Mark::Restored(request);
        let respectful = match strangers(&live).is_empty() {
            true => None,
            false => self.write(client, &live, &former.template, mark, Write::Apply, true).await.ok(),
        };
        // What nobody has changed since is our own doing, and may be undone in any way.
        let is_enough = respectful.is_some_and(|found| Template::of(&found) == former.template);
        let how = if is_enough { Write::Apply } else { Write::Replace };
        self.write(client, &live, &former.template, mark, how, false).await?;
        Ok(true)
    }

    /// Puts a lane's workload away.
    ///
    /// # Errors
    /// The API server does not let us.
    pub async fn put_away(&self, client: &Client, how: Afterwards) -> Result<(), WorkloadError> {
        let api = self.api(client);
        let done = match how {
            Afterwards::Keep => return Ok(()),
            Afterwards::Delete => api.delete(&self.name, &DeleteParams::background()).await.map(drop),
            Afterwards::ScaleToZero => {
                let live = self.get(client).await?;
                if live.is_none_or(|live| live.pointer("/spec/replicas") == Some(&json!(0))) {
                    return Ok(());
                }
                let params =
                    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
                let patch = Patch::Merge(json!({ "spec": { "replicas": 0 } }));
                api.patch(&self.name, &params, &patch).await.map(drop)
            }
        };
        match done {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            done => done.map_err(|error| self.failed(error)),
        }
    }

    /// How the workload can take a version without touching what somebody manages who will come again.
    async fn respectful(
        &self,
        client: &Client,
        live: &Value,
        version: &Template,
    ) -> Result<Write, WorkloadError> {
        let strangers = strangers(live);
        if strangers.is_empty() {
            return Ok(Write::Replace);
        }
        let applied = self.write(client, live, version, Mark::None, Write::Apply, true).await?;
        let others = Template::of(&applied).differences(version);
        if others.is_empty() {
            return Ok(Write::Apply);
        }
        let (owners, fields) = (strangers.join(", "), others.join(", "));
        Err(WorkloadError::Conflict(format!(
            "{self}: {owners} manages what the lane's version does not have: {fields}; {FORCE}"
        )))
    }

    async fn write(
        &self,
        client: &Client,
        live: &Value,
        template: &Template,
        mark: Mark<'_>,
        how: Write,
        dry_run: bool,
    ) -> Result<Value, WorkloadError> {
        let api = self.api(client);
        let written = match how {
            Write::Apply => {
                let params = PatchParams { dry_run, ..PatchParams::apply(MANAGER) };
                let manifest = template.manifest(live, mark.annotation());
                api.patch(&self.name, &params, &Patch::Apply(manifest)).await
            }
            Write::Replace => {
                let wanted = template.put_into(live, mark.annotation());
                let object: DynamicObject = serde_json::from_value(wanted)
                    .map_err(|error| WorkloadError::Refused(format!("{self}: {error}")))?;
                let params = PostParams { dry_run, field_manager: Some(MANAGER.to_owned()) };
                api.replace(&self.name, &params, &object).await
            }
        };
        written.map(|object| as_value(&object)).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: kube::Error) -> WorkloadError {
        let kube::Error::Api(status) = &error else {
            return WorkloadError::Api { object: self.to_string(), source: Box::new(error) };
        };
        let causes: Vec<&str> = status
            .details
            .iter()
            .flat_map(|details| &details.causes)
            .filter(|cause| cause.reason == "FieldManagerConflict")
            .map(|cause| cause.field.as_str())
            .collect();
        match status.code {
            409 if !causes.is_empty() => {
                WorkloadError::Conflict(format!("{self}: {}; {FORCE}", status.message))
            }
            403 | 413 | 422 => WorkloadError::Refused(format!("{self}: {}", status.message)),
            _ => WorkloadError::Api { object: self.to_string(), source: Box::new(error) },
        }
    }
}

/// What to do about a conflict.
const FORCE: &str =
    "change it there, or repeat the command with --force-conflicts if nobody will write it back";

fn as_value(object: &DynamicObject) -> Value {
    // It came as JSON.
    serde_json::to_value(object).unwrap_or_default()
}
