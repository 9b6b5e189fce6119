//! Code that runs in a proxy or beside a pipeline does not panic: no unwrap, expect or panic outside of tests.
//!
//! clippy denies the same; this check sees also the code that is built for another target or behind a feature.

use super::rust_code::{blank, split_tests};
use super::{File, Finding, find_word, line_of};

/// The crates that it holds for.
const CRATES: [&str; 4] = ["lane", "filter", "envoy-config", "controller"];

/// What panics; each is followed by its arguments.
const CALLS: [&str; 6] = [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err(", "panic!", "unreachable!"];

/// Checks the sources of those crates.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let sources: Vec<(&File, _)> = files
        .iter()
        .filter(|file| file.is_rust() && is_checked(file))
        .map(|file| (file, split_tests(&blank(&file.text))))
        .collect();
    let test_modules: Vec<String> = sources
        .iter()
        .flat_map(|(file, split)| split.modules.iter().map(|name| child_path(file, name)))
        .collect();
    let mut findings = Vec::new();
    for (file, split) in &sources {
        if test_modules.iter().any(|module| is_inside(&file.path, module)) {
            continue;
        }
        for call in CALLS {
            for at in find_call(&split.rest, call) {
                let text = format!("`{call}` outside of tests: return an error instead");
                findings.push(file.finding(line_of(&split.rest, at), text));
            }
        }
    }
    findings
}

fn find_call<'a>(text: &'a str, call: &'a str) -> Box<dyn Iterator<Item = usize> + 'a> {
    if call.starts_with('.') {
        return Box::new(text.match_indices(call).map(|(at, _)| at));
    }
    Box::new(find_word(text, call))
}

fn is_checked(file: &File) -> bool {
    let Some((name, inside)) = file.path.split_once("/src/") else { return false };
    CRATES.contains(&name) && file.stem() != "tests" && !inside.split('/').any(|part| part == "tests")
}

/// The path of a child module, without extension.
fn child_path(file: &File, child: &str) -> String {
    match file.stem() {
        "lib" | "main" => format!("{}/{child}", file.dir()),
        stem => format!("{}/{stem}/{child}", file.dir()),
    }
}

/// Whether a source is the module at that path or below it.
fn is_inside(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{mk_file, printed};

    #[test]
    fn only_code_that_ships_is_checked() {
        let files = [
            mk_file(
                "lane/src/lib.rs",
                "//! `x.unwrap()`\n#[cfg(test)]\nmod fake;\nfn f() { g().unwrap_or(1) }\n",
            ),
            mk_file("lane/src/fake.rs", "x.unwrap()"),
            mk_file("lane/src/fake/deep.rs", "x.unwrap()"),
            mk_file("lane/src/rule/tests.rs", "x.unwrap()"),
            mk_file("lane/tests/all.rs", "x.unwrap()"),
            mk_file("bench/src/lib.rs", "x.unwrap()"),
            mk_file(
                "lane/src/rule.rs",
                "fn f() {\n x.unwrap();\n panic!(\"\");\n}\n#[cfg(test)]\nmod t { y.expect(1) }\n",
            ),
            mk_file("filter/src/a.rs", "let s = \"x.unwrap()\";\nx\n  .expect(\"y\");\nmy_panic!();"),
        ];
        assert_eq!(
            printed(&check(&files)),
            [
                "lane/src/rule.rs:2: `.unwrap()` outside of tests: return an error instead",
                "lane/src/rule.rs:3: `panic!` outside of tests: return an error instead",
                "filter/src/a.rs:3: `.expect(` outside of tests: return an error instead",
            ]
        );
    }
}
