//! The published reference, completion and manual pages.

use std::collections::BTreeSet;
use std::time::Duration;

use controller::cluster::conditions::reason;
use controller::cluster::metrics::{Metrics, PassResult};
use envoy_config::istio::Reason;
use envoy_config::topology::{TOPOLOGY, Topology};
use lane::metric;
use prometheus_client::encoding::text::encode;
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

/// What stands in the first column of the tables of a page.
fn listed(page: &str) -> BTreeSet<&str> {
    page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn the_page_of_metrics_has_every_metric() {
    let page = include_str!("../../../docs/metrics.md");
    assert_eq!(listed(page), BTreeSet::from(metric::NAMES));
}

#[test]
fn the_page_of_the_controller_has_every_reason_and_metric() {
    let (metrics, registry) = Metrics::new();
    // A counter with labels is not written before it has counted.
    metrics.passed(PassResult::settled, Duration::ZERO);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let metrics = types.map(|(name, kind)| match kind {
        "counter" => format!("{name}_total"),
        _ => name.to_owned(),
    });
    let found = Reason::OF_CONDITIONS.map(|reason| {
        assert!(reason.condition().is_some(), "{reason}");
        reason.to_string()
    });
    let reasons = reason::ALL.map(str::to_owned).into_iter().chain(found);
    let wanted: BTreeSet<String> = metrics.chain(reasons).collect();
    let page = include_str!("../../../docs/controller.md");
    // The table below is of names on objects.
    let (page, _) = page.split_once("## Names on objects").unwrap();
    assert_eq!(listed(page), wanted.iter().map(String::as_str).collect());
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
