//! The check of Envoy configuration against Envoy's descriptors: our own Go program in `tests/protojson`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::cached;
use crate::process;
use crate::wasm::hex;
use crate::workspace::Workspace;

/// Where its sources are, from the root of the checkout.
pub(crate) const SOURCES: &str = "tests/protojson";

/// Returns the binary, built on the first call and whenever its sources are others.
pub(crate) fn ensure(ws: &Workspace) -> Result<PathBuf> {
    let sources = ws.path(SOURCES);
    let dir = cached("protojson", &fingerprint(&sources)?, |dir| {
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

/// A short hash over the names and contents of the files in a folder.
fn fingerprint(dir: &Path) -> Result<String> {
    let read =
        |path: &Path| std::fs::read(path).with_context(|| format!("failed to read {}", path.display()));
    let mut files = Vec::new();
    for entry in dir.read_dir().with_context(|| format!("failed to list {}", dir.display()))? {
        files.push(entry?.path());
    }
    files.retain(|file| file.is_file());
    files.sort();
    let mut hash = Sha256::new();
    for file in &files {
        let text = read(file)?;
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        // The lengths keep the end of one field and the start of the next apart.
        for field in [name, &text] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
    }
    Ok(hex(hash.finalize().get(..8).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fingerprint of a folder with the given files.
    fn of(files: &[(&str, &str)]) -> String {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        fingerprint(dir.path()).unwrap()
    }

    #[test]
    fn a_change_of_name_or_content_is_seen() {
        let one = of(&[("main.go", "package main"), ("go.sum", "a")]);
        assert_eq!(one, of(&[("go.sum", "a"), ("main.go", "package main")]));
        assert_eq!(one.len(), 16);
        assert_ne!(one, of(&[("main.go", "package main"), ("go.sum", "b")]));
        assert_ne!(one, of(&[("main.go", "package main"), ("go.mod", "a")]));
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
    }
}
