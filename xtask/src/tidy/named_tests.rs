//! Rules for claims: where a document names a test, `path/to/file.rs::name`, that test is there; and a table of tests
//! names one in each row.

use super::{File, Finding};

/// The documents whose tables have a test in each row.
const TABLES: [&str; 1] = ["docs/bad-input.md"];

/// Checks all documents against the sources.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md") && !file.is_data()) {
        for (line, number) in file.text.lines().zip(1..) {
            let named: Vec<_> = named(line).collect();
            if TABLES.contains(&file.path.as_str()) && is_row(line) && named.is_empty() {
                findings.push(file.finding(number, "the row names no test"));
            }
            for (path, test) in named {
                if !files.iter().any(|source| source.path == path && has_test(&source.text, test)) {
                    findings.push(file.finding(number, format!("there is no test `{path}::{test}`")));
                }
            }
        }
    }
    findings
}

/// The tests that a line names in backticks: path and function.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = line.split('`').skip(1).step_by(2);
    words.filter_map(|word| word.split_once("::")).filter(|(path, _)| path.ends_with(".rs"))
}

/// Whether a line is a row of a table below its head.
fn is_row(line: &str) -> bool {
    line.starts_with("| ") && !line.ends_with("| shown by |")
}

/// Whether a source has a function of that name that is marked as a test.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let is_it = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|line| line.strip_prefix(name)).is_some_and(|l| l.starts_with('('))
    };
    let marks = |at: usize| lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    lines.iter().enumerate().any(|(at, line)| {
        is_it(line) && marks(at).any(|mark| *mark == "#[test]" || mark.starts_with("#[tokio::test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{mk_file, printed};

    #[test]
    fn tests_that_documents_name_are_there() {
        let source = "#[test]\nfn a() {}\nfn b() {}\nproptest! {\n    #[test]\n    fn c(x: u8) {}\n}\n\
                      #[tokio::test(flavor = \"multi_thread\")]\nasync fn d_e() {}\n";
        let table = "| input | shown by |\n|---|---|\n| x | `t.rs::a`, `t.rs::c` |\n| y | none |\n| z | `t.rs::b` |\n";
        let files = [
            mk_file("t.rs", source),
            mk_file("docs/bad-input.md", table),
            mk_file("docs/other.md", "| z | none |\n`t.rs::d_e`, `t.rs::d`, `u.rs::a`, `a::b`\n"),
        ];
        assert_eq!(
            printed(&check(&files)),
            [
                "docs/bad-input.md:4: the row names no test",
                "docs/bad-input.md:5: there is no test `t.rs::b`",
                "docs/other.md:2: there is no test `t.rs::d`",
                "docs/other.md:2: there is no test `u.rs::a`",
            ]
        );
    }
}
