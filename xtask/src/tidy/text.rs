//! Rules for every text file: whitespace, notes left behind, paths of somebody's machine.

use super::{File, Finding, find_word};

/// Words that mark unfinished work; written in two parts, so that this file does not contain them.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("db", "g!"), concat!("to", "do!")];

/// Where people's own files lie; what names such a place works on one machine only.
const HOMES: [&str; 3] = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Checks all files but data.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().filter(|file| !file.is_data()).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        findings.push(file.finding(None, "does not end with exactly one newline"));
    }
    for (line, number) in file.text.split_terminator('\n').zip(1..) {
        if line.ends_with(char::is_whitespace) {
            findings.push(file.finding(number, "whitespace at the end of the line"));
        }
        for word in UNFINISHED {
            if find_word(line, word).next().is_some() {
                findings.push(file.finding(number, format!("`{word}`: finish it, or file an issue")));
            }
        }
        for home in HOMES {
            if names_place(line, home) {
                findings
                    .push(file.finding(number, format!("a path below `{home}` exists on one machine only")));
            }
        }
    }
    findings
}

/// Whether a line names an absolute path that starts so; the same letters inside a longer path do not count.
fn names_place(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~}>".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{mk_file, printed};

    fn check_text(text: &str) -> Vec<String> {
        printed(&check(&[mk_file("a.md", text)]))
    }

    #[test]
    fn whitespace() {
        assert_eq!(check_text("a\nb\n"), [""; 0]);
        assert_eq!(check_text(""), [""; 0]);
        assert_eq!(check_text("a \nb\r\n").len(), 2);
        assert_eq!(check_text("a"), ["a.md: does not end with exactly one newline"]);
        assert_eq!(check_text("a\n\n"), ["a.md: does not end with exactly one newline"]);
    }

    #[test]
    fn unfinished_work() {
        let found = check_text(&format!("fine\n// {}: later\n", UNFINISHED[0]));
        assert_eq!(found, [format!("a.md:2: `{}`: finish it, or file an issue", UNFINISHED[0])]);
        assert_eq!(check_text(&format!("{}(x)\n", UNFINISHED[2])).len(), 1);
        assert_eq!(check_text(&format!("{}s\n", UNFINISHED[0])), [""; 0]);
    }

    #[test]
    fn homes() {
        assert_eq!(check_text(&format!("see `{}me/file`\n", HOMES[0])).len(), 1);
        assert_eq!(check_text(&format!("see src{}me/file\n", HOMES[0])), [""; 0]);
    }

    #[test]
    fn data_is_left_alone() {
        assert!(check(&[mk_file("tests/testdata/head.txt", "GET / \r\n\r\n")]).is_empty());
    }
}
