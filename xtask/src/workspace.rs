//! What cargo knows of this checkout: where it is, where it builds, and which packages it has.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// The workspace, read from `cargo metadata`; so `CARGO_TARGET_DIR` and the like are respected.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    /// The root of the checkout.
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    /// The members.
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its `Cargo.toml`.
    pub(crate) manifest_path: PathBuf,
    /// All its dependencies, also those for tests and for some targets only.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a member declares it.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    /// The name of the package depended on.
    pub(crate) name: String,
    /// The name by which the sources call it, where that is another one.
    pub(crate) rename: Option<String>,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

impl Workspace {
    /// Asks cargo about the workspace that holds the current directory.
    pub(crate) fn load() -> Result<Self> {
        let text =
            process::capture(process::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
        serde_json::from_str(&text).context("failed to read the output of `cargo metadata`")
    }

    /// A path inside the checkout.
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }
}

impl Package {
    /// The folder of the package.
    pub(crate) fn dir(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}
