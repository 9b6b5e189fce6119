//! A registry of images and a client for it, both built from the Go modules that `tests/registry` pins.
//!
//! The tests push the project's images to the registry; `cargo xtask image --push` uses the client.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{cached, fingerprint};
use crate::process;
use crate::workspace::Workspace;

/// Where the modules are pinned, from the root of the checkout.
const SOURCES: &str = "tests/registry";

/// The packages; each binary has the last part of the name.
const PACKAGES: [&str; 2] = [
    "github.com/google/go-containerregistry/cmd/crane",
    "github.com/distribution/distribution/v3/cmd/registry",
];

/// Returns the folder with `registry` and `crane`, built on the first call and whenever others are pinned.
pub(crate) fn ensure(ws: &Workspace) -> Result<PathBuf> {
    let sources = ws.path(SOURCES);
    cached("registry", &fingerprint::of([sources.as_path()])?, |dir| {
        // With a slash at its end Go takes it for a folder.
        let out = dir.join("");
        process::run(
            Command::new("go")
                .current_dir(&sources)
                .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
                .arg(out)
                .args(PACKAGES),
        )
        .context("building it needs Go; install it from your system's packages")
    })
}
