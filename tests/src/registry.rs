//! A real registry of images on loopback, and `crane`, a client that knows nothing of how ours are made.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::client::{Answer, Call, Client};
use crate::process::Process;
use crate::{ports, wait};

/// Names the folder with both binaries.
pub const REGISTRY_VARIABLE: &str = "GRAYLANE_REGISTRY";

const DEADLINE: Duration = Duration::from_secs(60);

/// A running registry; dropping it ends it and removes what was pushed.
pub struct Registry {
    address: String,
    binaries: PathBuf,
    dir: TempDir,
    process: Process,
}

impl Registry {
    /// Starts an empty registry and waits until it answers.
    ///
    /// # Errors
    /// When `GRAYLANE_REGISTRY` is not set, or the registry does not answer in time; the error shows its log.
    pub async fn start() -> Result<Self> {
        let binaries = std::env::var_os(REGISTRY_VARIABLE)
            .with_context(|| format!("{REGISTRY_VARIABLE} is not set: run through cargo xtask test"))?;
        let binaries = PathBuf::from(binaries);
        let dir = tempfile::tempdir()?;
        let address = format!("127.0.0.1:{}", ports::free()?);
        let config = dir.path().join("config.yml");
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdir: {}}}}}\nhttp: {{addr: '{address}'}}\n",
            dir.path().join("blobs").display()
        );
        std::fs::write(&config, text)?;
        let process = Process::start(
            binaries.join("registry"),
            ["serve".as_ref(), config.as_os_str()],
            &dir.path().join("log"),
        )?;
        let mut registry = Self { address, binaries, dir, process };
        wait::succeeds(DEADLINE, "the registry to answer", async || registry.answers().await)
            .await
            .with_context(|| registry.log())?;
        Ok(registry)
    }

    /// The name of an image in this registry.
    #[must_use]
    pub fn reference(&self, image: &str) -> String {
        format!("{}/{image}", self.address)
    }

    /// Runs `crane` and returns what it printed.
    ///
    /// # Errors
    /// When it fails; the error shows what it and the registry said.
    pub fn crane(&self, args: &[&str]) -> Result<Vec<u8>> {
        let output = Command::new(self.binaries.join("crane"))
            .args(args)
            // Nobody's credentials are needed here.
            .env("DOCKER_CONFIG", self.dir.path())
            .stdin(Stdio::null())
            .output()
            .context("failed to start crane")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "crane {}: {said}\n{}", args.join(" "), self.log());
        Ok(output.stdout)
    }

    /// What the registry answers to a plain request.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        let accept = "application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.docker.distribution.manifest.v2+json";
        let call = Call::get(path).header("accept", accept);
        Ok(Client::h1(self.address.parse()?).send(call).await?)
    }

    async fn answers(&mut self) -> Result<()> {
        ensure!(self.process.ended()?.is_none(), "it has ended");
        let answer = self.get("/v2/").await?;
        ensure!(answer.status == 200, "it answers {}", answer.status);
        Ok(())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

/// A folder to unpack an image into, as a container runtime does it.
///
/// # Errors
/// When `tar` fails.
pub fn unpack(archive: &[u8], dir: &Path) -> Result<()> {
    let file = dir.join(".archive");
    std::fs::write(&file, archive)?;
    let status = Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(dir).status()?;
    ensure!(status.success(), "tar: {status}");
    Ok(std::fs::remove_file(file)?)
}
