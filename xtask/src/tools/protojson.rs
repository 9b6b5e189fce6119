//! The check of Envoy configuration against Envoy's descriptors: our own Go program in `tests/protojson`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{cached, fingerprint};
use crate::process;
use crate::workspace::Workspace;

/// Where its sources are, from the root of the checkout.
pub(crate) const SOURCES: &str = "tests/protojson";

/// Returns the binary, built on the first call and whenever its sources are others.
pub(crate) fn ensure(ws: &Workspace) -> Result<PathBuf> {
    let sources = ws.path(SOURCES);
    let dir = cached("protojson", &fingerprint::of([sources.as_path()])?, |dir| {
        process::run(
            Command::new("go")
                .current_dir(&sources)
                .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
                .arg(dir.join("protojson"))
                .arg("."),
        )
        .context("building it needs Go; install it from your system's packages")
    })?;
    Ok(dir.join("protojson"))
}
