//! The shell steps of whole builds, as the tests of the Jenkins library have recorded them from the Jenkinsfile.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::site::checkout;

/// One `sh` step.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Step {
    /// The container of the agent's pod that it runs in; the agent's own if none is given.
    pub(super) container: Option<String>,
    /// What Jenkins shows.
    pub(super) label: String,
    /// Its text.
    pub(super) script: String,
    /// The environment that the build gives it.
    pub(super) env: BTreeMap<String, String>,
}

/// The steps of a build, in order.
pub(super) fn recorded(road: &str) -> Result<Vec<Step>> {
    let file = checkout(&format!("jenkins/tests/steps/{road}.json"));
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let steps: Vec<Step> = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    for step in &steps {
        let Some(name) = step.label.strip_prefix("lane: ") else { continue };
        let script = std::fs::read_to_string(checkout(&format!("jenkins/resources/dev/graylane/{name}.sh")))?;
        ensure!(
            script == step.script,
            "{road}: {name}.sh has changed; record it by `mvn test -Dgraylane.steps=write` in jenkins/tests"
        );
    }
    Ok(steps)
}

/// The labels of steps.
pub(super) fn labels(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.label.as_str()).collect()
}
