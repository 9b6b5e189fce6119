//! Rules for modules: each says what it is, and its name says so too.

use super::{File, Finding};

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "helpers", "misc", "imp", "legacy", "v2"];

/// Checks the Rust sources.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && !file.is_data()) {
        if !file.text.starts_with("//! ") {
            findings.push(file.finding(1, "does not start with `//!` and a sentence on what it is"));
        }
        if file.stem() == "mod" {
            findings.push(file.finding(None, "is named mod.rs: name it after the module, beside its folder"));
        }
        let mut names = file.dir().split('/').chain([file.stem()]);
        if let Some(name) = names.find(|name| EMPTY_NAMES.contains(name)) {
            findings.push(file.finding(None, format!("`{name}` says nothing: name it after what it holds")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{mk_file, printed};

    #[test]
    fn names_and_docs() {
        let files = [
            mk_file("lane/src/rule.rs", "//! Rules.\n"),
            mk_file("lane/src/rule/mod.rs", "//! Rules.\n"),
            mk_file("lane/src/util/text.rs", "//! Text.\n"),
            mk_file("lane/src/share.rs", "use std::fmt;\n"),
            mk_file("docs/util.md", "text\n"),
        ];
        assert_eq!(
            printed(&check(&files)),
            [
                "lane/src/rule/mod.rs: is named mod.rs: name it after the module, beside its folder",
                "lane/src/util/text.rs: `util` says nothing: name it after what it holds",
                "lane/src/share.rs:1: does not start with `//!` and a sentence on what it is",
            ]
        );
    }
}
