//! The standalone target: the cases in `testdata/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::standalone::{Proxy, RenderOptions, Stage, render};
use envoy_config::topology::Topology;
use lane::model::{Lane, LaneFault, LaneGroup};

/// What a case is made of.
#[derive(Clone, serde::Deserialize)]
struct Case {
    group: LaneGroup,
    lanes: Vec<Lane>,
    #[serde(default)]
    faults: Vec<LaneFault>,
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
        render(&self.group, &self.lanes, &self.faults, &self.topology, &options).unwrap()
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

#[test]
fn every_case_renders_its_golden_files() {
    let mut differences = Vec::new();
    for case in fs::read_dir(testdata()).unwrap() {
        let dir = case.unwrap().path();
        // The other target has a folder of its own, with cases inside.
        if dir.join("in.json").exists() {
            differences
                .extend(crate::files::compare(&dir.join("out"), &outputs(&Case::read(&dir).render(7))));
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
    let error =
        render(&case.group, &case.lanes, &case.faults, &case.topology, &options).unwrap_err().to_string();
    for service in case.group.spec.services {
        assert!(error.contains(&format!("service {} has no baseline workload", service.name)), "{error}");
    }
}
