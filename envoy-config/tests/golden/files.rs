//! Comparing what was made with the files that were expected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

/// The differences between the files below `root` and `got`; with `UPDATE_GOLDEN`, the files are written first.
pub(crate) fn compare(root: &Path, got: &BTreeMap<String, String>) -> Vec<String> {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        write_tree(root, got);
    }
    let mut want = BTreeMap::new();
    read_tree(root, root, &mut want);
    let names: BTreeSet<_> = want.keys().chain(got.keys()).collect();
    let different = |name: &&String| {
        let what = difference(want.get(*name), got.get(*name))?;
        Some(format!("{}/{name}: {what}", root.display()))
    };
    names.iter().filter_map(different).collect()
}

fn read_tree(dir: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_tree(&path, root, found);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn write_tree(root: &Path, files: &BTreeMap<String, String>) {
    if root.exists() {
        fs::remove_dir_all(root).unwrap();
    }
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// The first line in which two files differ.
fn difference(want: Option<&String>, got: Option<&String>) -> Option<String> {
    if want == got {
        return None;
    }
    let (Some(want), Some(got)) = (want, got) else {
        return Some(if want.is_some() { "is no longer rendered" } else { "is new" }.to_owned());
    };
    let line = want.lines().zip(got.lines()).take_while(|(want, got)| want == got).count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("end of file").trim().to_owned();
    Some(format!("line {}: {:?} became {:?}", line + 1, at(want), at(got)))
}
