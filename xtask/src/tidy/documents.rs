//! Rules for documents: what they point at exists.

use std::path::Path;

use super::{File, Finding};

/// The documents whose paths in backticks are checked: they are the map of the repository.
const MAPS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

/// The extensions by which a word in backticks is known as the path of a file of the repository.
const EXTENSIONS: [&str; 9] = ["go", "json", "md", "mod", "rs", "sh", "toml", "yaml", "yml"];

/// Checks all documents.
pub(super) fn check(files: &[File], root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md") && !file.is_data()) {
        for (number, line) in prose(&file.text) {
            for link in links(line).filter(|link| !root.join(file.dir()).join(link).exists()) {
                findings.push(file.finding(number, format!("the link to `{link}` leads nowhere")));
            }
            if MAPS.contains(&file.path.as_str()) {
                for path in paths(line).filter(|path| !root.join(path).exists()) {
                    findings.push(file.finding(number, format!("there is no file `{path}`")));
                }
            }
        }
    }
    findings
}

/// The numbered lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The targets of links to files: `[text](target#anchor)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](")
        .filter_map(|(at, mark)| line[at + mark.len()..].split([')', ' ']).next())
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

/// The words in backticks that are paths of files with one of our extensions.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|word| {
        let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        let extension = word.rsplit_once('.').map(|(_, extension)| extension);
        is_plain
            && word.contains('/')
            && !word.starts_with('/')
            && !word.starts_with("target/")
            && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{mk_file, printed};

    #[test]
    fn what_documents_point_at_exists() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("docs")).unwrap();
        std::fs::write(root.path().join("docs/a.md"), "").unwrap();
        let text = "See [a](docs/a.md#part), [b](docs/b.md) and [web](https://x.y/z.md).\n\
                    `docs/a.md` `docs/c.md` `<dir>/d.md` `target/wasm/e.json` `plain.md` `a/b.wasm`\n\
                    ```\n[b](docs/b.md)\n```\n[anchor](#part)\n";
        let files = [mk_file("README.md", text), mk_file("docs/a.md", "[up](../README.md) `docs/c.md`\n")];
        std::fs::write(root.path().join("README.md"), "").unwrap();
        assert_eq!(
            printed(&check(&files, root.path())),
            [
                "README.md:1: the link to `docs/b.md` leads nowhere",
                "README.md:2: there is no file `docs/c.md`",
            ]
        );
    }
}
