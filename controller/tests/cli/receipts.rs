//! Changes and waiting, with proxies that answer.

use std::collections::BTreeSet;

use envoy_config::names::{CLUSTERS_FILE, ROUTES_FILE, filter_file};
use insta::assert_snapshot;
use lane::filter_config::Role;

use crate::fleet::{Fleet, Mood, Versions};
use crate::{Run, Shop};

/// A group whose proxies run.
fn running() -> (Shop, Fleet) {
    let (shop, fleet) = Shop::with_fleet();
    assert_eq!(shop.lanectl(&["wait", "--timeout", "10s"]).code, 0);
    (shop, fleet)
}

fn set_gray(shop: &Shop, timeout: &str) -> Run {
    shop.lanectl(&["set-lane", "gray", "--header", "x-gray", "--timeout", timeout])
}

#[test]
fn wait_succeeds_when_all_proxies_say_so() {
    let (shop, _fleet) = running();
    assert_snapshot!(shop.lanectl(&["wait"]), @r###"
exit code 0
--- stdout
NAME      STATE     WANTED   MISSING
gateway   current   1        -
a-v1      current   1        -
a-gray    current   1        -
b-v1      current   1        -
c-v1      current   1        -
c-gray    current   1        -
--- stderr
6 of 6 proxies run generation 1
"###);
    let run = shop.lanectl(&["wait", "-o", "json"]);
    let views: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(views[0]["name"], "gateway");
    assert_eq!(views[0]["state"], "current");
    assert_eq!(views[0]["wantedGeneration"], 1);
}

#[test]
fn the_proxies_are_asked_directly_whatever_web_proxy_the_environment_names() {
    let (shop, _fleet) = running();
    let mut command = shop.command(&["wait", "--timeout", "0s"]);
    command.env("http_proxy", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1");
    let run = shop.run(command, "");
    assert_eq!(run.code, 0, "{run}");
}

/// Clusters and routes of a lane are in force everywhere before the first request is admitted, and stay
/// until the last one is gone.
#[test]
fn a_lane_is_made_before_it_is_used_and_broken_after() {
    let (shop, fleet) = running();
    let entry = filter_file(Role::Entry);
    fleet.told();
    assert_eq!(set_gray(&shop, "10s").code, 0);
    check_order(&fleet.told(), "2", CLUSTERS_FILE, ROUTES_FILE);
    assert_eq!(shop.lanectl(&["set-lane", "gray", "--header", "x-grey"]).code, 0);
    check_order(&fleet.told(), "3", ROUTES_FILE, &entry);
    assert_eq!(shop.lanectl(&["remove-lane", "gray", "--grace", "10ms"]).code, 0);
    check_order(&fleet.told(), "4", &entry, ROUTES_FILE);
}

/// Every proxy told that it has `version` of the file `former` before any had it of the file `later`.
#[track_caller]
fn check_order(told: &[(String, Versions)], version: &str, former: &str, later: &str) {
    let has = |versions: &Versions, file: &str| versions.get(file).is_some_and(|v| v == version);
    let first = told.iter().position(|(_, versions)| has(versions, later)).expect("the later one is told");
    let with_former = told[..first].iter().filter(|(_, versions)| has(versions, former));
    let with_former: BTreeSet<_> = with_former.map(|(name, _)| name).collect();
    let concerned = told.iter().filter(|(_, versions)| versions.contains_key(former));
    assert_eq!(with_former, concerned.map(|(name, _)| name).collect(), "{told:?}");
}

#[test]
fn a_lane_is_not_admitted_while_a_proxy_lacks_its_clusters() {
    let (shop, fleet) = running();
    fleet.set("b-v1", Mood::Stuck);
    assert_snapshot!(set_gray(&shop, "200ms"), @r###"
exit code 3
--- stdout
--- stderr
error: not every proxy runs generation 2:
error: b-v1 is behind: cluster_manager.cds.version_text says "1"
hint: look at the named proxies; `lanectl apply` finishes a change, `lanectl wait` looks again
"###);
    let entry = || shop.read("graylane/proxies/gateway/ecds/entry.json");
    assert!(!entry().contains("x-gray"));
    let run = shop.lanectl(&["wait", "--timeout", "0s", "--allow-unverified"]);
    assert_eq!(run.code, 3, "{run}");

    fleet.set("b-v1", Mood::Follows);
    let run = shop.lanectl(&["wait", "--timeout", "0s"]);
    assert_eq!(run.code, 3, "the change is not finished: {run}");
    assert_snapshot!(shop.lanectl(&["apply"]), @r###"
exit code 0
--- stdout
--- stderr
configuration applied, generation 3
"###);
    assert!(entry().contains("x-gray"));
    assert_eq!(shop.lanectl(&["wait", "--timeout", "0s"]).code, 0);
    assert_eq!(shop.lanectl(&["diff"]).code, 0);
}

#[test]
fn a_lane_that_was_set_in_vain_is_taken_back_without_being_admitted() {
    let (shop, fleet) = running();
    let before = shop.lanectl(&["render", "--out", "before"]);
    assert_eq!(before.code, 0, "{before}");
    fleet.set("b-v1", Mood::Stuck);
    assert_eq!(set_gray(&shop, "200ms").code, 3);
    fleet.set("b-v1", Mood::Follows);
    assert_eq!(shop.lanectl(&["remove-lane", "gray"]).stderr, "removal of lane gray applied, generation 3\n");
    assert!(!shop.read("graylane/proxies/gateway/ecds/entry.json").contains("x-gray"));
    assert!(!shop.read("graylane/proxies/gateway/cds.json").contains("a_gray"));
    assert_eq!(shop.lanectl(&["wait", "--timeout", "0s"]).code, 0);
}

#[test]
fn a_removal_that_was_cut_off_is_finished_without_admitting_anew() {
    let (shop, fleet) = running();
    assert_eq!(set_gray(&shop, "10s").code, 0);
    fleet.set("gateway", Mood::Stuck);
    let removal = ["remove-lane", "gray", "--timeout", "200ms", "--grace", "10ms"];
    assert_eq!(shop.lanectl(&removal).code, 3);
    let cds = || shop.read("graylane/proxies/gateway/cds.json");
    assert!(cds().contains("a_gray"), "requests in flight still need it");
    fleet.set("gateway", Mood::Follows);
    assert_eq!(shop.lanectl(&["apply", "--grace", "10ms"]).stderr, "configuration applied, generation 4\n");
    assert!(!cds().contains("a_gray"));
    assert_eq!(shop.lanectl(&["wait", "--timeout", "0s"]).code, 0);
}

#[test]
fn a_worker_without_the_filter_is_seen() {
    let (shop, fleet) = running();
    fleet.set("gateway", Mood::LostWorker);
    assert_snapshot!(shop.lanectl(&["wait", "--timeout", "0s"]).stderr, @r###"
error: not every proxy runs generation 1:
error: gateway is behind: entry role is alive on 2 of 3 threads
hint: look at the named proxies; `lanectl apply` finishes a change, `lanectl wait` looks again
"###);
}

#[test]
fn a_proxy_that_cannot_be_asked_is_named_and_never_counted() {
    let (shop, fleet) = running();
    fleet.set("a-v1", Mood::Broken);
    fleet.set("c-v1", Mood::Foreign);
    assert_snapshot!(shop.lanectl(&["wait", "--timeout", "0s"]).stderr, @r###"
error: not every proxy runs generation 1:
error: a-v1 is unverified: /server_info answers 500 Internal Server Error
error: c-v1 is unverified: /server_info: expected value at line 1 column 1
hint: look at the named proxies; `lanectl apply` finishes a change, `lanectl wait` looks again
"###);
    assert_snapshot!(shop.lanectl(&["wait", "--timeout", "0s", "--allow-unverified"]).stderr, @r###"
warning: a-v1 is unverified: /server_info answers 500 Internal Server Error
warning: c-v1 is unverified: /server_info: expected value at line 1 column 1
4 of 6 proxies run generation 1
"###);
    assert_eq!(set_gray(&shop, "200ms").code, 3, "a change never passes it over");
}
