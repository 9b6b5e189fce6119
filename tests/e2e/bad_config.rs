//! Configuration that is wrong: refused with every problem named, and the last good rules stay in force.

mod files;
mod proxies;
mod read_only;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tests::client::Call;
use tests::mesh::Mesh;

use crate::lanes::{self, Case};

/// Requests of lane gray and others take their ways.
async fn check_traffic(mesh: &Mesh) -> Result<()> {
    let gray = Call::get("/").header(lanes::ENTERS, "1");
    let cases = [
        Case::new("in the lane", gray, "a-gray,b-v1,c-gray"),
        Case::new("outside", Call::get("/"), "a-v1,b-v1,c-v1"),
    ];
    lanes::check_all(mesh, &cases).await
}

/// Every file below a directory with its content.
fn snapshot(dir: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.insert(path.clone(), std::fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

/// The names of files that differ.
fn changes(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let all = before.keys().chain(after.keys());
    let mut changed: Vec<PathBuf> =
        all.filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    changed.dedup();
    changed
}
