//! The figures that the end-to-end tests leave behind: printed after each run, and after a full one written
//! into `docs/reliability.md`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;
use crate::workspace::Workspace;

/// The document of a full run.
const DOCUMENT: &str = "docs/reliability.md";

/// How the document begins.
const HEAD: &str = "\
# Reliability

What the end-to-end tests have shown on real Envoys, with the large numbers.
Written by `cargo xtask test --full`; `cargo xtask test` shows the same behaviours with small numbers, and prints \
its figures.

| Claim | Seen | With | Commit |
|---|---|---|---|
";

/// A claim with what shows it, as a test has written it.
#[derive(Deserialize)]
struct Figures {
    claim: String,
    parameters: Vec<(String, String)>,
    figures: Vec<(String, String)>,
}

/// A directory for the figures of one run.
pub(super) fn empty_dir(ws: &Workspace) -> Result<PathBuf> {
    let dir = ws.target.join("figures");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("failed to empty {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
    Ok(dir)
}

/// Prints the figures of a run, and writes the document if it was a full one.
pub(super) fn report(ws: &Workspace, dir: &Path, full: bool) -> Result<()> {
    let all = read(dir)?;
    for Figures { claim, parameters, figures } in &all {
        println!("{claim}\n    seen: {}\n    with: {}", list(figures), list(parameters));
    }
    if full {
        let path = ws.path(DOCUMENT);
        std::fs::write(&path, document(&all, &commit(ws)?))
            .with_context(|| format!("failed to write {}", path.display()))?;
        println!("written to {DOCUMENT}");
    }
    Ok(())
}

/// The figures of a directory, by file name.
fn read(dir: &Path) -> Result<Vec<Figures>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("failed to list {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let figures = paths.iter().map(|path| {
        let text = std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("no figures: {}", path.display()))
    });
    figures.collect()
}

fn document(all: &[Figures], commit: &str) -> String {
    let mut text = HEAD.to_owned();
    for Figures { claim, parameters, figures } in all {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {claim} | {} | {} | {commit} |", list(figures), list(parameters));
    }
    text
}

/// The commit that was tested; changes that are in no commit are told.
fn commit(ws: &Workspace) -> Result<String> {
    let git = |args: &[&str]| process::capture(Command::new("git").current_dir(&ws.root).args(args));
    let commit = git(&["rev-parse", "--short", "HEAD"])?.trim().to_owned();
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Ok(if changed.trim().is_empty() { commit } else { format!("{commit} with changes") })
}

fn list(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name}: {value}"));
    pairs.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_a_row_for_each_claim() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("b.json", r#"{"claim": "B holds", "parameters": [], "figures": [["not run", "here"]]}"#);
        write(
            "a.json",
            r#"{"claim": "A holds", "parameters": [["n", "9"]], "figures": [["x", "0"], ["y", "1"]]}"#,
        );
        let text = document(&read(dir.path()).unwrap(), "abc");
        let rows = text.strip_prefix(HEAD).unwrap();
        assert_eq!(rows, "| A holds | x: 0; y: 1 | n: 9 | abc |\n| B holds | not run: here |  | abc |\n");
    }
}
