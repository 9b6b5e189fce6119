//! The guides do what they say: their commands are run as they stand there, beside real Envoys that are started
//! as the guide says, or on a real API server (`cluster`).

mod cluster;
mod jenkins;
mod nodes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use chain::{App, Config, Running};
use serde_json::Value;
use tempfile::TempDir;
use tests::client::{Call, Client};
use tests::envoy::ENVOY_VARIABLE;
use tests::lanectl::LANECTL_VARIABLE;
use tests::mesh::WASM_VARIABLE;
use tokio::process::{Child, Command};

use crate::lanes;

/// Where the guides are.
const GUIDES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides");
/// Guides for a cluster; of the one to Jenkins, what needs a container that runs is not followed.
const ON_CLUSTER: [&str; 3] = ["install.md", "jenkins.md", "promotion.md"];
/// How long a command may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// Languages of blocks that are not run: they are shown, or follow from a command that is.
const SHOWN: [&str; 3] = ["json", "text", "yaml"];

/// The blocks of a guide that are run, in order.
fn commands(guide: &str) -> Result<Vec<String>> {
    let mut blocks = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match language {
            "sh" => blocks.push(block.join("\n")),
            "console" => {
                let typed = block.iter().filter_map(|line| line.strip_prefix("$ "));
                blocks.push(typed.collect::<Vec<_>>().join("\n"));
            }
            shown => ensure!(SHOWN.contains(&shown), "a block of {shown:?}: is it run, or only shown?"),
        }
    }
    Ok(blocks)
}

/// The text with ports that are free here.
fn with_free_ports(mut text: String) -> Result<String> {
    let mut ports = BTreeMap::new();
    for place in text.split("127.0.0.1:").skip(1) {
        let port: String = place.chars().take_while(char::is_ascii_digit).collect();
        ports.insert(port, tests::ports::free()?);
    }
    for (written, free) in ports {
        text = text.replace(&format!("127.0.0.1:{written}"), &format!("127.0.0.1:{free}"));
    }
    Ok(text)
}

/// The path that a variable of the environment holds.
fn named_by(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable).with_context(|| format!("{variable} is not set"))?;
    Ok(PathBuf::from(path))
}

/// A directory in which a guide is followed, with what it has started.
struct Reader {
    dir: TempDir,
    bin: TempDir,
    env: Vec<(&'static str, String)>,
    envoys: Vec<Child>,
    apps: Vec<Running>,
}

impl Reader {
    fn new() -> Result<Self> {
        let (dir, bin) = (tempfile::tempdir()?, tempfile::tempdir()?);
        std::os::unix::fs::symlink(named_by(LANECTL_VARIABLE)?, bin.path().join("lanectl"))?;
        std::os::unix::fs::symlink(named_by(ENVOY_VARIABLE)?, bin.path().join("envoy"))?;
        std::fs::copy(named_by(WASM_VARIABLE)?, dir.path().join("graylane.wasm"))?;
        Ok(Self { dir, bin, env: Vec::new(), envoys: Vec::new(), apps: Vec::new() })
    }

    fn shell(&self, script: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.args(["-ec", script]).current_dir(self.dir.path()).kill_on_drop(true);
        command.env("PATH", format!("{}:{path}", self.bin.path().display())).env_remove("GRAYLANE_DIR");
        command.envs(self.env.iter().cloned());
        command
    }

    /// Runs a block to its end and returns what it printed.
    async fn run(&self, block: &str) -> Result<String> {
        let output = tokio::time::timeout(DEADLINE, self.shell(block).output()).await;
        let output = output.with_context(|| format!("no end within {DEADLINE:?}:\n{block}"))??;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{block}\n{}\n{out}{err}", output.status);
        Ok(out.into_owned())
    }

    /// Starts the Envoys whose commands have been printed, and an application behind each.
    async fn start(&mut self, printed: &str) -> Result<()> {
        for line in printed.lines().filter(|line| line.starts_with("envoy -c ")) {
            // In place of the shell, so that what is killed in the end is the Envoy.
            let mut command = self.shell(&format!("exec {line}"));
            self.envoys
                .push(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
            let bootstrap = line.split(' ').nth(2).context("an Envoy without a bootstrap")?;
            let proxy = Path::new(bootstrap).parent().context("a bootstrap without a directory")?;
            if let Some(address) = application(proxy)? {
                let name = proxy.file_name().unwrap_or_default().to_string_lossy();
                let mut config = Config::new(&name, "").listen(address);
                config.name = name.into_owned();
                self.apps.push(App { config }.start().await?);
            }
        }
        Ok(())
    }
}

/// Where the application behind a proxy listens; a gateway has none.
fn application(proxy: &Path) -> Result<Option<SocketAddr>> {
    let clusters: Value = serde_json::from_slice(&std::fs::read(proxy.join("cds.json"))?)?;
    let clusters = clusters["resources"].as_array().context("no clusters")?;
    let Some(app) = clusters.iter().find(|cluster| cluster["name"] == "app") else { return Ok(None) };
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    let address = app.pointer(endpoint).with_context(|| format!("no address: {app}"))?;
    let (host, port) = (address["address"].as_str().unwrap_or_default(), &address["port_value"]);
    Ok(Some(format!("{host}:{port}").parse()?))
}

/// Follows a guide to its end. Wherever its Envoys run, all of them have taken what a block has changed.
async fn follow(guide: &str) -> Result<()> {
    let mut reader = Reader::new()?;
    let blocks = commands(&with_free_ports(guide.to_owned())?)?;
    ensure!(!blocks.is_empty(), "it has no commands");
    let gateway = blocks.concat();
    let gateway = gateway.split("listen: \"").nth(1).and_then(|rest| rest.split('"').next());
    let gateway: SocketAddr = gateway.context("no gateway")?.parse()?;
    for block in &blocks {
        let printed = reader.run(block).await?;
        reader.start(&printed).await?;
        if !reader.envoys.is_empty() {
            reader.run("lanectl wait --timeout 60s").await.with_context(|| block.clone())?;
        }
        if block.contains("--header x-gray") {
            let client = Client::h1(gateway);
            assert_eq!(client.send(Call::get("/").header(lanes::ENTERS, "1")).await?.hops(), "a-gray");
            assert_eq!(client.send(Call::get("/")).await?.hops(), "a-v1");
        }
    }
    ensure!(!reader.envoys.is_empty(), "it has started no Envoy");
    Ok(())
}

#[tokio::test]
async fn every_guide_for_files_can_be_followed() -> Result<()> {
    let mut followed = 0;
    for entry in std::fs::read_dir(GUIDES)? {
        let path = entry?.path();
        let is_followed = path.file_name().is_some_and(|name| ON_CLUSTER.iter().all(|other| name != *other));
        if is_followed && path.extension().is_some_and(|extension| extension == "md") {
            let guide = std::fs::read_to_string(&path)?;
            follow(&guide).await.with_context(|| path.display().to_string())?;
            followed += 1;
        }
    }
    if followed == 0 {
        bail!("there are no guides in {GUIDES}");
    }
    Ok(())
}
