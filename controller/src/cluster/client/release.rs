//! Asking for a promotion or a rollback, and waiting until it has ended.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use lane::model::{Release, ReleasePhase, ReleaseStatus};
use lane::name::LaneName;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Cluster, Error, MANAGER, Result};
use crate::cluster::crd::Lane;
use crate::cluster::release::pairs::Pair;
use crate::cluster::release::template::Template;
use crate::cluster::release::workload::{Reference, Taking, WorkloadError};

/// How often a lane is written that changes all the time.
const ATTEMPTS: u32 = 10;
/// Pause between two readings.
const POLL: Duration = Duration::from_millis(500);

impl Cluster {
    /// Writes what is to become of a lane; nothing at all with `None`. What the lane is to be must be as it was
    /// read; what the controller has noted of it meanwhile does not matter.
    ///
    /// # Errors
    /// Somebody has changed the lane meanwhile, or the API server does not let us.
    pub async fn ask(&self, lane: &Lane, release: Option<&Release>) -> Result<()> {
        let name = lane.name_any();
        let mut version = lane.resource_version();
        for _ in 0..ATTEMPTS {
            match self.write(lane, version.as_deref(), release).await {
                Err(Error::Conflict { .. }) => {}
                done => return done,
            }
            let now = self.api::<Lane>(false).get_opt(&name).await;
            let now = now.map_err(|error| self.failed(&format!("lane {name}"), error))?;
            let same = now.filter(|now| {
                (&now.metadata.uid, now.metadata.generation) == (&lane.metadata.uid, lane.metadata.generation)
            });
            let Some(same) = same else { return Err(Error::Overtaken(name)) };
            version = same.resource_version();
        }
        Err(Error::Overtaken(name))
    }

    /// Writes it, if the lane has this version still.
    async fn write(&self, lane: &Lane, version: Option<&str>, release: Option<&Release>) -> Result<()> {
        let name = lane.name_any();
        let patch = json!({
            "metadata": { "resourceVersion": version },
            // Not merged with what an earlier request has said.
            "spec": { "release": Value::Null },
        });
        let object = format!("lane {name}");
        let wanted = match release {
            None => patch,
            Some(release) => {
                let release =
                    serde_json::to_value(release).map_err(|error| Error::Internal(error.to_string()))?;
                with_release(patch, lane, release)
            }
        };
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self.api::<Lane>(false).patch(&name, &params, &Patch::Merge(wanted)).await;
        patched.map(drop).map_err(|error| self.failed(&object, error))
    }

    /// Waits until a release has ended; `tell` hears of each step.
    ///
    /// # Errors
    /// It was refused, has failed or was overtaken, or it has not ended within `timeout`.
    pub async fn wait_for_release(
        &self,
        lane: &LaneName,
        request: &str,
        timeout: Duration,
        mut tell: impl FnMut(&ReleaseStatus),
    ) -> Result<()> {
        let deadline = Instant::now() + timeout;
        let mut told = None;
        loop {
            let found = match self.release_of(lane, request).await {
                Ok(found) => Ok(found),
                Err(error) if error.may_pass() => Err(error),
                Err(error) => return Err(error),
            };
            if let Ok(Some(status)) = &found {
                if told != Some(status.phase) {
                    told = Some(status.phase);
                    tell(status);
                }
                let lines = || status.message.lines().map(|line| format!("lane {lane}: {line}")).collect();
                match status.phase {
                    ReleasePhase::Promoted | ReleasePhase::RolledBack => return Ok(()),
                    ReleasePhase::Refused => return Err(Error::ReleaseRefused(lines())),
                    ReleasePhase::Failed => return Err(Error::ReleaseFailed(lines())),
                    _ => {}
                }
            }
            if Instant::now() >= deadline {
                let status = found?;
                let lagging = match status {
                    Some(status) => vec![format!("{:?}: {}", status.phase, status.message)],
                    None => vec!["the controller has not looked at it yet".to_owned()],
                };
                return Err(Error::TimedOut {
                    what: format!("lane {lane} is not there within {timeout:?}"),
                    lagging,
                });
            }
            sleep(POLL.min(deadline.saturating_duration_since(Instant::now()))).await;
        }
    }

    async fn release_of(&self, lane: &LaneName, request: &str) -> Result<Option<ReleaseStatus>> {
        let Some(found) = self.lane(lane).await? else {
            return Err(Error::NotFound { kind: "lane".to_owned(), name: lane.to_string() });
        };
        if found.spec.0.release.as_ref().is_none_or(|release| release.request != request) {
            return Err(Error::Overtaken(lane.to_string()));
        }
        let release = found.status.and_then(|status| status.release);
        Ok(release.filter(|release| release.request == request))
    }

    /// The name by which the API server knows whoever asks; nothing where it does not say.
    pub async fn user(&self) -> Option<String> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let review = api.create(&PostParams::default(), &SelfSubjectReview::default()).await.ok()?;
        review.status?.user_info?.username
    }
}

impl Cluster {
    /// What the lane's workload of a pair runs, and what that of the baseline runs.
    ///
    /// # Errors
    /// One of them is gone, or cannot be read.
    pub async fn versions(&self, pair: &Pair) -> Result<(Template, Template)> {
        let lane = self.template(&pair.lane).await?;
        Ok((lane, self.template(&pair.baseline).await?))
    }

    async fn template(&self, workload: &Reference) -> Result<Template> {
        let found = workload.get(&self.client).await.map_err(|error| self.of_workload(error))?;
        let missing = || Error::NotFound { kind: workload.kind.to_lowercase(), name: workload.name.clone() };
        Ok(Template::of(&found.ok_or_else(missing)?))
    }

    /// Why a workload could not take a version, if so; nothing is changed.
    ///
    /// # Errors
    /// The API server does not answer, or does not let us ask.
    pub async fn would_take(
        &self,
        workload: &Reference,
        version: &Template,
        taking: Taking<'_>,
    ) -> Result<Option<String>> {
        match workload.would_take(&self.client, version, taking).await {
            Ok(_) => Ok(None),
            Err(WorkloadError::Conflict(text) | WorkloadError::Refused(text)) => Ok(Some(text)),
            Err(error) => Err(self.of_workload(error)),
        }
    }

    fn of_workload(&self, error: WorkloadError) -> Error {
        match error {
            WorkloadError::Api { object, source } => self.failed(&object, *source),
            other => Error::ReleaseRefused(vec![other.to_string()]),
        }
    }
}

/// The patch that puts `release` in the place of what the lane asks for now: in a merge patch a field goes only by
/// being null.
fn with_release(mut patch: Value, lane: &Lane, mut release: Value) -> Value {
    let former = lane.spec.0.release.as_ref().and_then(|former| serde_json::to_value(former).ok());
    if let (Some(fields), Some(Value::Object(former))) = (release.as_object_mut(), former) {
        for key in former.keys() {
            fields.entry(key.clone()).or_insert(Value::Null);
        }
    }
    if let Some(place) = patch.pointer_mut("/spec/release") {
        *place = release;
    }
    patch
}
