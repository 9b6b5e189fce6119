//! Golden files: `testdata/<case>/in.json` is rendered and compared with `testdata/<case>/out/`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p envoy-config --test golden` writes the files anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use envoy_config::standalone::{Proxy, RenderOptions, Stage, render};
use envoy_config::topology::Topology;
use lane::model::{Lane, LaneGroup};

/// What a case is made of.
#[derive(Clone, serde::Deserialize)]
struct Case {
    group: LaneGroup,
    lanes: Vec<Lane>,
    topology: Topology,
}

impl Case {
    fn read(dir: &Path) -> Self {
        let file = dir.join("in.json");
        let json = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        serde_json::from_slice(&json).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }

    fn named(name: &str) -> Self {
        Self::read(&testdata().join(name))
    }

    fn render(&self, generation: u64) -> Vec<Proxy> {
        let options = RenderOptions {
            generation,
            module_path: "/usr/lib/graylane/filter.wasm".to_owned(),
            dir: "/var/lib/graylane".to_owned(),
        };
        render(&self.group, &self.lanes, &self.topology, &options).unwrap()
    }
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Files by their path below `out/`.
fn outputs(proxies: &[Proxy]) -> BTreeMap<String, String> {
    let files = |proxy: &Proxy| {
        let receipts = proxy.receipts.iter().map(|r| format!("{:?} {}: {}\n", r.stage, r.stat, r.value));
        let receipts = (format!("{}/receipts.txt", proxy.name), receipts.collect::<String>());
        let files = proxy.files.iter().map(|f| (format!("{}/{}", proxy.name, f.path), f.content.clone()));
        files.chain([receipts]).collect::<Vec<_>>()
    };
    proxies.iter().flat_map(files).collect()
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

#[test]
fn every_case_renders_its_golden_files() {
    let mut differences = Vec::new();
    for case in fs::read_dir(testdata()).unwrap() {
        let dir = case.unwrap().path();
        let (got, root) = (outputs(&Case::read(&dir).render(7)), dir.join("out"));
        if env::var_os("UPDATE_GOLDEN").is_some() {
            write_tree(&root, &got);
        }
        let mut want = BTreeMap::new();
        read_tree(&root, &root, &mut want);
        let names: BTreeSet<_> = want.keys().chain(got.keys()).collect();
        for name in names {
            if let Some(what) = difference(want.get(name), got.get(name)) {
                differences.push(format!("{}/{name}: {what}", root.display()));
            }
        }
    }
    assert!(differences.is_empty(), "{}\nUPDATE_GOLDEN=1 accepts", differences.join("\n"));
}

#[test]
fn no_change_of_lanes_touches_bootstrap_or_listeners() {
    let case = Case::named("two-lanes");
    let statics = |lanes: &[Lane], generation| {
        let case = Case { lanes: lanes.to_vec(), ..case.clone() };
        let files = case.render(generation).into_iter().flat_map(|proxy| proxy.files);
        files.filter(|file| file.stage == Stage::Static).collect::<Vec<_>>()
    };
    let [first, second] = case.lanes.as_slice() else { panic!("two-lanes has other lanes") };
    let none = statics(&[], 1);
    assert_eq!(none.len(), 2 * case.render(1).len());
    for lanes in [vec![first.clone()], vec![second.clone()], vec![second.clone(), first.clone()]] {
        assert_eq!(statics(&lanes, 2), none);
    }
}

#[test]
fn files_of_a_proxy_stand_in_the_order_of_their_stages() {
    for proxy in Case::named("one-lane").render(1) {
        assert!(proxy.files.is_sorted_by_key(|file| file.stage), "{}", proxy.name);
    }
}

#[test]
fn lanes_of_other_groups_change_nothing() {
    let case = Case::named("one-lane");
    let mut more = case.clone();
    let mut foreign = case.lanes[0].clone();
    foreign.metadata.name = "foreign".parse().unwrap();
    foreign.spec.group = "other".parse().unwrap();
    more.lanes.push(foreign);
    assert_eq!(more.render(1), case.render(1));
}

#[test]
fn a_topology_that_does_not_fit_is_refused_with_all_its_errors() {
    let mut case = Case::named("one-lane");
    case.topology.spec.workloads.clear();
    let options = RenderOptions { generation: 1, module_path: String::new(), dir: String::new() };
    let error = render(&case.group, &case.lanes, &case.topology, &options).unwrap_err().to_string();
    for service in case.group.spec.services {
        assert!(error.contains(&format!("service {} has no baseline workload", service.name)), "{error}");
    }
}
