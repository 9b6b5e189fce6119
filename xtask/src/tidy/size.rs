//! Rules for the length of sources: what is too long to read at once is cut into parts.

use super::{File, Finding};

/// A source may be this long.
const USUAL: usize = 300;

/// A source with an entry in the list may be this long, and none may be longer.
const LIMIT: usize = 500;

/// The sources that may be longer than usual: a path, a colon, the reason.
const LONG_FILES: &str = include_str!("long_files.txt");

/// Where that list is, for findings about it.
const LIST: &str = "xtask/src/tidy/long_files.txt";

/// Checks the sources, and the list against them: an entry that is not needed any more has to go.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    check_with(files, LONG_FILES)
}

fn check_with(files: &[File], list: &str) -> Vec<Finding> {
    let entries: Vec<(&str, &str)> =
        list.lines().map(|line| line.split_once(": ").unwrap_or((line, ""))).collect();
    let is_listed = |path: &str| entries.iter().any(|(listed, reason)| *listed == path && !reason.is_empty());
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_source(file)) {
        let lines = file.text.lines().count();
        if lines > LIMIT {
            findings.push(file.finding(None, format!("{lines} lines; none may have more than {LIMIT}")));
        } else if lines > USUAL && !is_listed(&file.path) {
            let text = format!("{lines} lines; over {USUAL} it needs a reason in {LIST}");
            findings.push(file.finding(None, text));
        }
    }
    for (path, _) in &entries {
        if !files.iter().any(|file| file.path == *path && file.text.lines().count() > USUAL) {
            let text = format!("`{path}` is not longer than {USUAL} lines: remove its entry");
            findings.push(Finding { path: LIST.to_owned(), line: None, text });
        }
    }
    findings
}

fn is_source(file: &File) -> bool {
    !file.is_data() && (file.is_rust() || file.path.ends_with(".go"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{mk_file, printed};

    #[test]
    fn lengths() {
        let lines = |n: usize| "x\n".repeat(n);
        let files = [
            mk_file("usual.rs", &lines(300)),
            mk_file("long.rs", &lines(301)),
            mk_file("listed.rs", &lines(500)),
            mk_file("too_long.rs", &lines(501)),
            mk_file("text.md", &lines(1000)),
        ];
        let list = "listed.rs: one table\ntoo_long.rs: no reason is good enough\nusual.rs: was long\n";
        assert_eq!(
            printed(&check_with(&files, list)),
            [
                "long.rs: 301 lines; over 300 it needs a reason in xtask/src/tidy/long_files.txt",
                "too_long.rs: 501 lines; none may have more than 500",
                "xtask/src/tidy/long_files.txt: `usual.rs` is not longer than 300 lines: remove its entry",
            ]
        );
    }
}
