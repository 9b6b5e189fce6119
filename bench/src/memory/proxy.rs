//! An Envoy whose filters come by ECDS from files, as `lanectl` writes them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ::tests::diagnostics::Diagnostics;
use ::tests::envoy::{Envoy, EnvoyOptions};
use ::tests::ports;
use anyhow::{Context as _, Result, ensure};
use lane::filter_config::FilterConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::side::envoy_config::{self, Listener, Routes};
use crate::side::filters;

/// How long an update may take to come into force.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running Envoy with its files.
pub(super) struct Proxy {
    envoy: Envoy,
    dir: TempDir,
    module: PathBuf,
    version: u64,
    /// Port of the listener that has all filters.
    pub(super) port: u16,
    /// The VM that updates name.
    pub(super) vm_id: String,
}

impl Proxy {
    /// Starts it with one filter for each configuration.
    pub(super) async fn start(
        module: &Path,
        configs: &[FilterConfig],
        workers: u32,
        diagnostics: &Diagnostics,
    ) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (module, vm_id, version) = (module.to_owned(), filters::VM_ID.to_owned(), 1);
        for (place, config) in configs.iter().enumerate() {
            write_resource(dir.path(), place, version, &filters::ours_in(&vm_id, &module, config)?)?;
        }
        let discovered: Vec<Value> = (0..configs.len()).map(|place| discovered(dir.path(), place)).collect();
        let port = ports::free()?;
        let listener = Listener {
            name: "memory",
            port,
            routes: Routes::ByLane,
            filters: &discovered,
            early_removal: false,
        };
        let bootstrap = dir.path().join("bootstrap.json");
        std::fs::write(&bootstrap, envoy_config::bootstrap(&[listener], None).to_string())?;
        let options = EnvoyOptions::new(diagnostics).log_level("warning").concurrency(workers);
        let envoy = Envoy::start(&bootstrap, options).await?;
        let mut proxy = Self { envoy, dir, module, version, port, vm_id };
        for place in 0..configs.len() {
            proxy.wait_for_version(place).await?;
        }
        Ok(proxy)
    }

    /// Replaces the configuration of a filter, and returns how long it took to come into force.
    pub(super) async fn update(&mut self, place: usize, config: &FilterConfig) -> Result<Duration> {
        self.version += 1;
        let filter = filters::ours_in(&self.vm_id, &self.module, config)?;
        let start = Instant::now();
        write_resource(self.dir.path(), place, self.version, &filter)?;
        self.wait_for_version(place).await?;
        Ok(start.elapsed())
    }

    /// Resident memory of the process in KiB.
    pub(super) fn resident_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.envoy.pid()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("there is no VmRSS")?;
        line.trim_end_matches("kB").trim().parse().context("VmRSS is no number")
    }

    /// Asks for the version again and again, without a pause: a pause would be measured.
    async fn wait_for_version(&mut self, place: usize) -> Result<()> {
        let name = format!("extension_config_discovery.http_filter.{}.version_text", resource(place));
        let expected = format!("{name}: \"{}\"", self.version);
        let start = Instant::now();
        loop {
            let stats = self.envoy.admin_get(&format!("/stats?filter={name}")).await?;
            if stats.trim() == expected {
                return Ok(());
            }
            ensure!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} for {expected}, found {stats}");
        }
    }
}

fn resource(place: usize) -> String {
    format!("graylane-{place}")
}

fn file(dir: &Path, place: usize) -> PathBuf {
    dir.join(format!("{}.json", resource(place)))
}

/// Writes the file beside its place and renames it, so that Envoy never reads a part of it.
fn write_resource(dir: &Path, place: usize, version: u64, filter: &Value) -> Result<()> {
    let resource = json!({
        "version_info": version.to_string(),
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": resource(place),
            "typed_config": filter["typed_config"],
        }],
    });
    let new = dir.join("new.json");
    std::fs::write(&new, resource.to_string())?;
    Ok(std::fs::rename(new, file(dir, place))?)
}

/// The filter of a connection manager whose configuration stands in a file.
fn discovered(dir: &Path, place: usize) -> Value {
    json!({
        "name": resource(place),
        "config_discovery": {
            "config_source": {"path_config_source": {"path": file(dir, place)}},
            "default_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"},
            "apply_default_config_without_warming": true,
            "type_urls": [
                "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            ],
        },
    })
}
