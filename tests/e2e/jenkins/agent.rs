//! The agents of a build: a workspace with the service's sources, and what a shell step finds there.
//!
//! `lanectl` and `kubectl` are real, and speak as the service account `lane-agent`, with the rights of the example and
//! no others. `make` and `buildah` are stand-ins that only write down how they are called: there is no new code to
//! test, and no registry to push to. `curl` is real; its proxy is the stand-in of the gateway.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::lanectl::{Lanectl, Output};

use super::gateway::StandInGateway;
use super::site::{Site, checkout};
use super::steps::Step;

/// What the programs of the build container are replaced by.
const STAND_IN: &str = "#!/bin/sh\necho \"${0##*/} $*\" >>\"$STAND_IN_LOG\"\n";

/// What runs shell steps.
pub(super) struct Agent {
    workspace: PathBuf,
    /// The programs of the build container: it has neither `kubectl` nor `lanectl`, nor who to speak as.
    build_programs: String,
    lane_programs: String,
    kubeconfig: PathBuf,
    log: PathBuf,
    proxy: String,
}

impl Agent {
    pub(super) async fn new(site: &Site, gateway: &StandInGateway) -> Result<Self> {
        let agent = Self {
            workspace: site.path("workspace"),
            build_programs: format!("{}:/usr/bin:/bin", site.path("build").display()),
            lane_programs: site.programs()?,
            kubeconfig: site.path("lane-agent.kubeconfig"),
            log: site.path("build.log"),
            proxy: gateway.address(),
        };
        fs::create_dir_all(agent.workspace.join("deploy"))?;
        fs::write(agent.workspace.join("deploy/a-gray.yaml"), manifest_of_the_guide()?)?;
        fs::create_dir(site.path("build"))?;
        for name in ["make", "buildah"] {
            let program = site.path("build").join(name);
            fs::write(&program, STAND_IN)?;
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        }
        fs::write(&agent.log, "")?;
        let token = ["create", "token", "lane-agent", "-n", "jenkins-agents", "--duration=1h"];
        let token = site.kubectl(&token).await?.stdout;
        fs::write(&agent.kubeconfig, kubeconfig(&site.cluster.kubeconfig()?, token.trim())?)?;
        Ok(agent)
    }

    /// Runs a step as Jenkins does, whatever its exit code.
    pub(super) async fn run(&self, step: &Step) -> Result<Output> {
        let script = self.workspace.with_extension("sh");
        fs::write(&script, &step.script)?;
        let mut variables: Vec<String> =
            step.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if step.container.as_deref() == Some("build") {
            variables.push(format!("PATH={}", self.build_programs));
            variables.push(format!("STAND_IN_LOG={}", self.log.display()));
        } else {
            variables.push(format!("PATH={}", self.lane_programs));
            variables.push(format!("KUBECONFIG={}", self.kubeconfig.display()));
            variables.push(format!("http_proxy={}", self.proxy));
        }
        let args = ["-i".to_owned()].into_iter().chain(variables);
        let shell = ["/bin/sh", "-xe"].map(str::to_owned).into_iter();
        let args = args.chain(shell).chain([script.to_string_lossy().into_owned()]);
        Lanectl::with_binary(Path::new("/usr/bin/env"), &self.workspace).run(args).await
    }

    /// What the stand-ins of the build container were called with.
    pub(super) fn built(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }
}

/// The gray version's manifest, as step 4 of the guide shows it.
fn manifest_of_the_guide() -> Result<String> {
    let guide = fs::read_to_string(checkout("docs/guides/jenkins.md"))?;
    let block = guide.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let block = block.context("the guide shows no manifest")?;
    ensure!(block.contains("kind: Deployment"), "{block}");
    Ok(block.to_owned())
}

/// The administrator's kubeconfig, with somebody else's token in it.
fn kubeconfig(of_admin: &Path, token: &str) -> Result<String> {
    let mut config: Value = serde_json::from_str(&fs::read_to_string(of_admin)?)?;
    config["users"][0]["user"] = json!({ "token": token });
    Ok(config.to_string())
}
