//! The corpus of each target, replayed without libFuzzer: as it is, and changed a little.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fuzz::TARGETS;
use proptest::prelude::*;
use proptest::sample::Index;

/// The files of a target: what was written by hand, what libFuzzer found to matter, what has crashed once.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = root().join("corpus").join(target);
    let mut paths = listed(&dir);
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", dir.display());
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn names(dir: &str) -> BTreeSet<String> {
    let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    listed(&root().join(dir)).iter().map(stem).collect()
}

#[test]
fn every_check_has_a_target_and_a_corpus() {
    let checks: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), checks);
    assert_eq!(names("corpus"), checks);
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for name in checks {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is no target");
    }
}

#[test]
fn every_file_of_the_corpus_passes() {
    for (target, check) in TARGETS {
        for (path, bytes) in corpus(target) {
            let passed = std::panic::catch_unwind(|| check(&bytes));
            assert!(passed.is_ok(), "{} fails", path.display());
        }
    }
}

/// One change of a file, as a mutation of libFuzzer: a byte replaced, added or left out, the end cut off, two files
/// put together.
#[derive(Clone, Debug)]
enum Change {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Append(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let byte = || prop_oneof![3 => prop::sample::select(b"-=,;.&?#%+\"/ 0af".to_vec()), 1 => any::<u8>()];
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Remove),
        any::<Index>().prop_map(Change::Cut),
        any::<Index>().prop_map(Change::Append),
    ]
}

fn changed(mut bytes: Vec<u8>, change: &Change, corpus: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    match change {
        Change::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
        Change::Append(other) => bytes.extend_from_slice(&other.get(corpus).1),
        _ if bytes.is_empty() => {}
        Change::Replace(at, byte) => *at.get_mut(&mut bytes) = *byte,
        Change::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
        Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn changed_files_of_the_corpus_pass(file: Index, changes in prop::collection::vec(change(), 1..6)) {
        for (target, check) in TARGETS {
            let corpus = corpus(target);
            let original = file.get(&corpus).1.clone();
            check(&changes.iter().fold(original, |bytes, change| changed(bytes, change, &corpus)));
        }
    }

    #[test]
    fn any_bytes_pass(bytes: Vec<u8>) {
        for (_, check) in TARGETS {
            check(&bytes);
        }
    }
}
