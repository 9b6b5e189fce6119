//! What must hold at every version while a lane is promoted or rolled back.
//!
//! - Steps are taken in their order, and none is taken back.
//! - Who is admitted into a lane that is promoted is admitted until the baseline runs the lane's version.
//! - The lane's pods stay as long as a proxy may know the lane.
//! - A workload gets another version once for each request, and history has one entry of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::super::history::Seen;
use super::{ENTRY, configs};

const BASELINE: &str = "a-v1";
const GRAY: &str = "a-v2";

/// The steps of a promotion, and of a rollback, that succeed.
const PROMOTION: [&str; 5] = ["Checking", "RollingOut", "Retiring", "Finishing", "Promoted"];
const ROLLBACK: [&str; 4] = ["Retiring", "Restoring", "Finishing", "RolledBack"];

/// What is known after each version.
#[derive(Default)]
pub(super) struct Releases {
    request: Option<Request>,
    runs: BTreeMap<String, Runs>,
    /// Whether the entry admits anybody into a lane.
    admits: bool,
    /// Whether any lane is in force.
    in_force: bool,
}

/// What a lane asks for, and what has become of it.
struct Request {
    /// The lane's uid, and what it calls the request.
    id: (String, String),
    steps: &'static [&'static str],
    /// The number of the step that it has come to.
    step: usize,
    /// The workloads that have got another version.
    changed: BTreeSet<String>,
}

/// What a workload runs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Runs {
    uid: Option<String>,
    image: Value,
    replicas: Value,
    is_rolled_out: bool,
}

impl Releases {
    pub(super) fn follow(&mut self, seen: &Seen) -> Result<()> {
        match (seen.kind, &seen.object) {
            ("Lane", Some(lane)) => self.asked(lane),
            ("Lane", None) => {
                self.request = None;
                Ok(())
            }
            ("Deployment", Some(deployment)) => self.runs(deployment),
            ("LaneGroup", Some(group)) => self.group(group),
            ("EnvoyFilter", entry) if seen.name == ENTRY => self.entry(entry.as_ref()),
            _ => Ok(()),
        }
    }

    fn asked(&mut self, lane: &DynamicObject) -> Result<()> {
        let (wanted, found) = (&lane.data["spec"]["release"], &lane.data["status"]["release"]);
        let Some(request) = wanted["request"].as_str() else {
            self.request = None;
            return Ok(());
        };
        let id = (lane.uid().context("no uid")?, request.to_owned());
        let is_promotion = wanted["action"] == "Promote";
        let steps: &[&str] = if is_promotion { &PROMOTION } else { &ROLLBACK };
        let new = || Request { id: id.clone(), steps, step: 0, changed: BTreeSet::new() };
        let known = match self.request.take().filter(|known| known.id == id) {
            Some(known) => self.request.insert(known),
            None => self.request.insert(new()),
        };
        if found["request"] != wanted["request"] {
            return Ok(());
        }
        let step = steps.iter().position(|step| found["phase"] == *step);
        let step = step.with_context(|| format!("not a step of one that succeeds: {found}"))?;
        ensure!(step >= known.step, "it goes back from {} to {found}", steps[known.step]);
        known.step = step;
        Ok(())
    }

    fn runs(&mut self, deployment: &DynamicObject) -> Result<()> {
        let (name, now) = (deployment.name_any(), Runs::of(deployment));
        let former = self.runs.insert(name.clone(), now.clone()).filter(|former| former.uid == now.uid);
        let Some(former) = former else { return Ok(()) };
        if former.image != now.image {
            let request = self.request.as_mut().context("nobody has asked for another version")?;
            ensure!(request.changed.insert(name.clone()), "{name} is changed twice by {:?}", request.id);
        }
        let is_put_away = former.replicas != now.replicas && now.replicas == 0;
        ensure!(!is_put_away || name == GRAY, "{name} is put away");
        ensure!(!is_put_away || !self.in_force, "{name} is put away while the lane is in force");
        Ok(())
    }

    fn group(&mut self, group: &DynamicObject) -> Result<()> {
        let status = &group.data["status"];
        self.in_force = status["lanes"].as_array().is_some_and(|lanes| !lanes.is_empty());
        let history = status["history"].as_array().map(Vec::as_slice).unwrap_or_default();
        for change in ["Promote", "Rollback"] {
            let entries = history.iter().filter(|entry| entry["change"] == change).count();
            ensure!(entries <= 1, "history has {entries} entries of one {change}: {history:?}");
        }
        Ok(())
    }

    fn entry(&mut self, entry: Option<&DynamicObject>) -> Result<()> {
        let mut lanes = entry.into_iter().flat_map(configs).flat_map(|config| config.lanes);
        let admits = lanes.any(|lane| !lane.rules.is_empty() || lane.share.is_some());
        let ends = std::mem::replace(&mut self.admits, admits) && !admits;
        if ends && self.request.as_ref().is_some_and(|request| request.steps == PROMOTION) {
            let (baseline, gray) = (self.runs.get(BASELINE), self.runs.get(GRAY));
            let (baseline, gray) = baseline.zip(gray).context("the workloads were not seen")?;
            ensure!(
                baseline.is_rolled_out && baseline.image == gray.image,
                "the lane ends before the baseline runs its version: {baseline:?}, and the lane {gray:?}"
            );
        }
        Ok(())
    }
}

impl Runs {
    fn of(deployment: &DynamicObject) -> Self {
        let (spec, status) = (&deployment.data["spec"], &deployment.data["status"]);
        let numbers = ["replicas", "updatedReplicas", "readyReplicas"];
        let generation = json!(deployment.metadata.generation);
        Self {
            uid: deployment.uid(),
            image: spec["template"]["spec"]["containers"][0]["image"].clone(),
            replicas: spec["replicas"].clone(),
            is_rolled_out: status["observedGeneration"] == generation
                && numbers.iter().all(|number| status[number] == spec["replicas"]),
        }
    }
}
