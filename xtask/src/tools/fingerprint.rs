//! What a tool of our own is cached by: a short hash over its sources.

use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::wasm::hex;

/// A hash over the names of folders, and over the names and contents of the files in them.
pub(super) fn of<'a>(dirs: impl IntoIterator<Item = &'a Path>) -> Result<String> {
    let mut hash = Sha256::new();
    for dir in dirs {
        add(&mut hash, name(dir));
        add_files(&mut hash, dir)?;
    }
    Ok(hex(hash.finalize().get(..8).unwrap_or_default()))
}

fn add_files(hash: &mut Sha256, dir: &Path) -> Result<()> {
    let mut files = Vec::new();
    for entry in dir.read_dir().with_context(|| format!("failed to list {}", dir.display()))? {
        files.push(entry?.path());
    }
    files.retain(|file| file.is_file());
    files.sort();
    for file in &files {
        let text = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
        add(hash, name(file));
        add(hash, &text);
    }
    Ok(())
}

/// The length keeps the end of one field and the start of the next apart.
fn add(hash: &mut Sha256, field: &[u8]) {
    hash.update((field.len() as u64).to_le_bytes());
    hash.update(field);
}

fn name(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_encoded_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fingerprint of a folder with the given files.
    fn of_files(files: &[(&str, &str)]) -> String {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("sources");
        std::fs::create_dir(&dir).unwrap();
        for (name, text) in files {
            std::fs::write(dir.join(name), text).unwrap();
        }
        of([dir.as_path()]).unwrap()
    }

    #[test]
    fn a_change_of_name_or_content_is_seen() {
        let one = of_files(&[("main.go", "package main"), ("go.sum", "a")]);
        assert_eq!(one, of_files(&[("go.sum", "a"), ("main.go", "package main")]));
        assert_eq!(one.len(), 16);
        assert_ne!(one, of_files(&[("main.go", "package main"), ("go.sum", "b")]));
        assert_ne!(one, of_files(&[("main.go", "package main"), ("go.mod", "a")]));
        assert_ne!(of_files(&[("a", "bc")]), of_files(&[("ab", "c")]));
    }

    #[test]
    fn folders_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| root.path().join(name));
        for dir in [&a, &b] {
            std::fs::create_dir(dir).unwrap();
        }
        assert_ne!(of([a.as_path()]).unwrap(), of([b.as_path()]).unwrap());
        assert_ne!(of([a.as_path()]).unwrap(), of([a.as_path(), &b]).unwrap());
    }
}
