//! `cargo xtask tidy`: the repository's own rules as code.
//!
//! Every check looks at all files that git knows or would add, and says all that it finds; each rule is a
//! file of its own beside this one.

mod dependencies;
mod documents;
mod modules;
mod named_tests;
mod panics;
mod rust_code;
mod size;
mod text;

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// A text file of the repository.
struct File {
    /// From the root of the checkout, with `/` between the parts.
    path: String,
    /// What is in it.
    text: String,
}

/// A place where a rule is broken.
#[derive(Clone)]
struct Finding {
    path: String,
    line: Option<usize>,
    text: String,
}

/// Checks the repository and prints what is wrong with it.
pub(crate) fn run(ws: &Workspace) -> Result<()> {
    let files = read_files(ws)?;
    let mut findings = [
        text::check(&files),
        size::check(&files),
        modules::check(&files),
        panics::check(&files),
        documents::check(&files, &ws.root),
        named_tests::check(&files),
        dependencies::check(&files, ws)?,
    ]
    .concat();
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("tidy has {} findings", findings.len());
    }
    eprintln!("tidy: {} files, no findings", files.len());
    Ok(())
}

/// All text files that git tracks or would add.
fn read_files(ws: &Workspace) -> Result<Vec<File>> {
    let listed = process::capture(Command::new("git").current_dir(&ws.root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]))
    .context("tidy asks git which files belong to the repository")?;
    let mut files = Vec::new();
    for path in listed.split_terminator('\0') {
        let full = ws.path(path);
        // A file may be deleted and not committed yet; a symbolic link's text is checked where it lies.
        if !full.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            continue;
        }
        let bytes = std::fs::read(&full).with_context(|| format!("failed to read {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    Ok(files)
}

impl File {
    /// Whether it is a Rust source.
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is data: input and expected output of tests, or written by a tool.
    fn is_data(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|part| part == "testdata")
            || self.path.starts_with("fuzz/corpus/")
            || name.ends_with(".snap")
            || name.ends_with(".proptest-regressions")
            || ["Cargo.lock", "go.sum", "LICENSE"].contains(&name)
    }

    /// The folder that it is in, without a `/` at the end.
    fn dir(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(dir, _)| dir)
    }

    /// Its name without the extension.
    fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    fn finding(&self, line: impl Into<Option<usize>>, text: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line: line.into(), text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

/// The line number of a byte of a text.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Where a word stands in a text, not as a part of a longer name.
fn find_word<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .filter(move |(at, _)| {
            let before = text[..*at].chars().next_back();
            let after = text[at + word.len()..].chars().next().filter(|_| word.ends_with(in_name));
            !before.is_some_and(in_name) && !after.is_some_and(in_name)
        })
        .map(|(at, _)| at)
}

/// A file for the tests of the checks.
#[cfg(test)]
fn mk_file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

/// The findings as they are printed, for the tests of the checks.
#[cfg(test)]
fn printed(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}
