//! The project's images, through a real registry and back by a client that knows nothing of how they are made.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::registry::{Registry, unpack};

/// Names the folder with the layouts of the images.
pub(crate) const IMAGES: &str = "GRAYLANE_IMAGES";

/// A layout, and the digest that it says its image has.
struct Layout {
    dir: PathBuf,
    digest: String,
}

impl Layout {
    fn named(name: &str) -> Result<Self> {
        let dir = PathBuf::from(variable(IMAGES)?).join(name);
        let index: Value = serde_json::from_slice(&fs::read(dir.join("index.json"))?)?;
        let digest = index["manifests"][0]["digest"].as_str().context("no digest")?.to_owned();
        Ok(Self { dir, digest })
    }
}

fn variable(name: &str) -> Result<OsString> {
    std::env::var_os(name).with_context(|| format!("{name} is not set: run through cargo xtask test"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Pushes an image and returns its name in the registry, once the registry knows it by the layout's digest.
async fn pushed(registry: &Registry, name: &str) -> Result<(String, Value)> {
    let layout = Layout::named(name)?;
    let reference = registry.reference(&format!("graylane/{name}:test"));
    registry.crane(&["push", &layout.dir.to_string_lossy(), &reference])?;
    let digest = text(&registry.crane(&["digest", &reference])?);
    ensure!(digest == layout.digest, "{name}: {digest}, and not {}", layout.digest);
    let answer = registry.get(&format!("/v2/graylane/{name}/manifests/{digest}")).await?;
    ensure!(answer.status == 200, "{name}: {} {}", answer.status, answer.text());
    ensure!(answer.header("docker-content-digest") == Some(&*digest), "{name}: {:?}", answer.headers);
    Ok((reference, serde_json::from_slice(&answer.body)?))
}

#[tokio::test]
async fn the_module_comes_back_from_a_registry_as_it_was() -> Result<()> {
    let registry = Registry::start().await?;
    let module = fs::read(variable("GRAYLANE_WASM")?)?;
    for name in ["filter", "filter-docker"] {
        let (reference, _) = pushed(&registry, name).await?;
        registry.crane(&["validate", "--remote", &reference])?;
        let dir = tempfile::tempdir()?;
        unpack(&registry.crane(&["export", &reference, "-"])?, dir.path())?;
        ensure!(fs::read(dir.path().join("plugin.wasm"))? == module, "{name}: another module");
        ensure!(dir.path().read_dir()?.count() == 1, "{name}: more than the module");
    }
    let (_, manifest) = pushed(&registry, "filter-artifact").await?;
    let layer = &manifest["layers"][0];
    ensure!(layer["mediaType"] == "application/vnd.module.wasm.content.layer.v1+wasm", "{manifest}");
    let digest = layer["digest"].as_str().context("no digest")?;
    let blob =
        registry.crane(&["blob", &registry.reference(&format!("graylane/filter-artifact@{digest}"))])?;
    ensure!(blob == module, "filter-artifact: another module");
    Ok(())
}

#[tokio::test]
async fn the_controllers_image_runs_with_nothing_but_its_own_files() -> Result<()> {
    let registry = Registry::start().await?;
    let (reference, manifest) = pushed(&registry, "lane-controller").await?;
    registry.crane(&["validate", "--remote", &reference])?;
    let config: Value = serde_json::from_slice(&registry.crane(&["config", &reference])?)?;
    ensure!(config["os"] == "linux", "{config}");
    ensure!(config["config"]["User"] == "65532:65532", "{config}");
    ensure!(config["config"]["Entrypoint"][0] == "/lane-controller", "{config}");
    ensure!(config["rootfs"]["diff_ids"].as_array().map(Vec::len) == Some(3), "{config}");
    ensure!(manifest["layers"].as_array().map(Vec::len) == Some(3), "{manifest}");

    let root = tempfile::tempdir()?;
    unpack(&registry.crane(&["export", &reference, "-"])?, root.path())?;
    let mut names: Vec<_> =
        root.path().read_dir()?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    names.sort();
    ensure!(names == ["etc", "graylane.wasm", "lane-controller", "lanectl"], "{names:?}");
    ensure!(fs::read(root.path().join("graylane.wasm"))? == fs::read(variable("GRAYLANE_WASM")?)?);

    let version = run_in(root.path(), "/lane-controller", &["--version"])?;
    ensure!(version.starts_with("lane-controller "), "{version}");
    let installed = run_in(root.path(), "/lanectl", &["install", "--image=a", "--dry-run=client"])?;
    ensure!(installed.contains("kind: Deployment"), "{installed}");
    Ok(())
}

/// Runs a program of the image: as root with the image as the whole file system and as the image's user; as
/// somebody else, who may not, from where it lies, which a program without libraries does not notice.
fn run_in(root: &Path, program: &str, args: &[&str]) -> Result<String> {
    let mut command = if rustix::process::geteuid().is_root() {
        // A temporary folder is its owner's alone.
        fs::set_permissions(root, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let mut command = Command::new("chroot");
        command.arg("--userspec=65532:65532").arg(root).arg(program);
        command
    } else {
        Command::new(root.join(program.trim_start_matches('/')))
    };
    let output =
        command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).output()?;
    ensure!(output.status.success(), "{program}: {}: {}", output.status, text(&output.stderr));
    Ok(text(&output.stdout))
}
