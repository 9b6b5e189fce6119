//! A Kubernetes control plane without containers: etcd, the API server, its controllers, the scheduler, kubectl
//! and KWOK in place of the kubelet, all built from the Go modules that `tests/kubernetes` pins.
//!
//! `KUBEBUILDER_ASSETS`, where it is set, names a folder with some of these binaries, as it does for other
//! projects; only what is missing there is built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{cached, fingerprint};
use crate::process;
use crate::wasm::hex;
use crate::workspace::Workspace;

/// Where the modules are pinned, from the root of the checkout: a folder for each.
const SOURCES: &str = "tests/kubernetes";

/// Names a folder with binaries that need not be built.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// What to do when the build fails.
const REMEDY: &str = "building the control plane needs Go, 5 GB of disk and 2 GB of memory; or set \
                      KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl";

/// A binary: its name, the folder that pins its module, and its package.
struct Binary {
    name: &'static str,
    module: &'static str,
    package: &'static str,
}

const fn of_kubernetes(name: &'static str, package: &'static str) -> Binary {
    Binary { name, module: "control-plane", package }
}

/// All binaries, the one that takes longest last: what is wrong with the machine shows early.
const BINARIES: [Binary; 6] = [
    Binary { name: "etcd", module: "etcd", package: "go.etcd.io/etcd/server/v3" },
    Binary { name: "kwok", module: "kwok", package: "sigs.k8s.io/kwok/cmd/kwok" },
    of_kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    of_kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    of_kubernetes("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    of_kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
];

/// Where the release is that the built binaries say they are: without it they claim to be none.
const RELEASE: (&str, &str) = ("control-plane", "k8s.io/kubernetes");

/// Istio's custom resource definitions: the folder that pins the module, its name, the file in it and ours.
const ISTIO: (&str, &str) = ("istio", "istio.io/api");
const ISTIO_FILE: &str = "kubernetes/customresourcedefinitions.gen.yaml";
const CRDS: &str = "istio-crds.yaml";

/// Returns the folder with all binaries and Istio's definitions, filled on the first call and whenever other
/// versions are pinned.
pub(crate) fn ensure(ws: &Workspace) -> Result<PathBuf> {
    let sources = ws.path(SOURCES);
    let assets = assets()?;
    let modules = ["control-plane", "etcd", "kwok", "istio"].map(|module| sources.join(module));
    let mut version = fingerprint::of(modules.iter().map(PathBuf::as_path))?;
    if let Some(assets) = &assets {
        let hash = Sha256::digest(assets.as_os_str().as_encoded_bytes());
        version = format!("{version}-with-{}", hex(hash.get(..4).unwrap_or_default()));
    }
    cached("kubernetes", &version, |dir| {
        definitions(&sources, dir)?;
        let flags = linker_flags(&sources)?;
        for (binary, number) in BINARIES.iter().zip(1..) {
            eprintln!("{number} of {}: {}", BINARIES.len(), binary.name);
            let started = Instant::now();
            provide(binary, assets.as_deref(), &sources, &flags, dir).context(REMEDY)?;
            eprintln!("{number} of {}: {} in {:.1?}", BINARIES.len(), binary.name, started.elapsed());
        }
        Ok(())
    })
}

/// The folder that the environment names.
fn assets() -> Result<Option<PathBuf>> {
    let named = std::env::var_os(ASSETS).filter(|path| !path.is_empty());
    named.map(std::path::absolute).transpose().context("failed to find the current directory")
}

/// Links a binary that is there, or builds it.
fn provide(binary: &Binary, assets: Option<&Path>, sources: &Path, flags: &str, dir: &Path) -> Result<()> {
    let target = dir.join(binary.name);
    if let Some(present) = assets.map(|assets| assets.join(binary.name)).filter(|path| path.is_file()) {
        return std::os::unix::fs::symlink(&present, &target)
            .with_context(|| format!("failed to link {}", present.display()));
    }
    process::run(
        Command::new("go")
            .current_dir(sources.join(binary.module))
            .args(["build", "-trimpath", "-ldflags", flags, "-o"])
            .arg(target)
            .arg(binary.package),
    )
}

/// Flags that leave out what only debuggers read, and that stamp the release as Kubernetes' own build does.
fn linker_flags(sources: &Path) -> Result<String> {
    let module = download(sources, RELEASE)?;
    let mut parts = module.version.trim_start_matches('v').split('.');
    let [major, minor] = [parts.next(), parts.next()].map(Option::unwrap_or_default);
    let stamp = |name, value| format!(" -X k8s.io/component-base/version.{name}={value}");
    let stamps = [stamp("gitVersion", &*module.version), stamp("gitMajor", major), stamp("gitMinor", minor)];
    Ok(format!("-s -w{}", stamps.concat()))
}

/// Copies Istio's custom resource definitions out of their module.
fn definitions(sources: &Path, dir: &Path) -> Result<()> {
    let from = download(sources, ISTIO)?.dir.join(ISTIO_FILE);
    let text = std::fs::read(&from).with_context(|| format!("failed to read {}", from.display()))?;
    Ok(std::fs::write(dir.join(CRDS), text)?)
}

/// What Go says of a module that it has downloaded.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Module {
    version: String,
    dir: PathBuf,
}

/// Downloads one of the pinned modules, if it is not there, and says where it is.
fn download(sources: &Path, (folder, module): (&str, &str)) -> Result<Module> {
    let mut command = Command::new("go");
    command.current_dir(sources.join(folder)).args(["mod", "download", "-json", module]);
    let printed = process::capture(&mut command).context(REMEDY)?;
    serde_json::from_str(&printed).with_context(|| format!("`go mod download` says nothing of {module}"))
}
