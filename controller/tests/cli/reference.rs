//! The published reference, completion and manual pages.

use envoy_config::topology::{TOPOLOGY, Topology};
use lane::metric;
use serde::Serialize;
use serde_json::Value;

use crate::Shop;

#[test]
fn the_published_reference_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    let reference = controller::cli::reference();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &reference).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == reference,
        "docs/cli.md is not that of the code; run this test with UPDATE_GOLDEN=1"
    );
}

/// The objects in the YAML blocks of a page.
fn objects(page: &str) -> Vec<Value> {
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| serde_saphyr::from_str(block).unwrap()).collect()
}

/// A field that the page leaves out would appear with its default.
fn assert_complete(shown: &Value, parsed: &impl Serialize) {
    assert_eq!(*shown, serde_json::to_value(parsed).unwrap());
}

#[test]
fn the_page_of_groups_and_topologies_shows_every_field() {
    let objects = objects(include_str!("../../../docs/group.md"));
    let [group, on_kubernetes, topology] = objects.as_slice() else { panic!("not three: {objects:#?}") };
    for group in [group, on_kubernetes] {
        assert_complete(group, &lane::parse::group(group.clone()).unwrap());
    }
    assert_complete(topology, &lane::parse::object::<Topology>(topology.clone(), TOPOLOGY).unwrap());
}

#[test]
fn the_page_of_metrics_has_every_metric() {
    let page = include_str!("../../../docs/metrics.md");
    let mut listed: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    listed.sort_unstable();
    let mut names = metric::NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(listed, names);
}

#[test]
fn every_shell_gets_a_completion_script() {
    let shop = Shop::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = shop.lanectl(&["completion", shell]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("set-lane"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let shop = Shop::empty();
    assert_eq!(shop.lanectl(&["man", "pages"]).code, 0);
    assert!(shop.read("pages/lanectl-set-lane.1").contains("Create or replace a lane"));
}
