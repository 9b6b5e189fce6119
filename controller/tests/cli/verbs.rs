//! Each verb on a directory whose proxies do not run.

use insta::assert_snapshot;

use crate::{INIT, Shop};

#[test]
fn init_writes_everything_and_says_how_to_start() {
    let shop = Shop::empty();
    assert_snapshot!(shop.lanectl(&[INIT, &["--trail"]].concat()), @r###"
exit code 0
--- stdout
envoy -c ROOT/graylane/proxies/gateway/bootstrap.json --disable-hot-restart
envoy -c ROOT/graylane/proxies/a-v1/bootstrap.json --disable-hot-restart
envoy -c ROOT/graylane/proxies/a-gray/bootstrap.json --disable-hot-restart
envoy -c ROOT/graylane/proxies/b-v1/bootstrap.json --disable-hot-restart
envoy -c ROOT/graylane/proxies/c-v1/bootstrap.json --disable-hot-restart
envoy -c ROOT/graylane/proxies/c-gray/bootstrap.json --disable-hot-restart
--- stderr
initialised shop in ROOT/graylane; start the Envoys with:
"###);
    for file in [
        "group.yaml",
        "topology.yaml",
        "state.json",
        "proxies/gateway/bootstrap.json",
        "proxies/c-gray/ecds/inbound.json",
    ] {
        assert!(shop.path("graylane").join(file).exists(), "{file}");
    }
    assert_eq!(shop.read("graylane/topology.yaml"), shop.read("topology.yaml"), "comments and all");
}

#[test]
fn init_does_not_replace_a_group_unless_told_to() {
    let shop = Shop::init(&[]);
    assert_snapshot!(shop.lanectl(INIT), @r###"
exit code 1
--- stdout
--- stderr
error: there is a lane group in ROOT/graylane already
hint: --force replaces it and keeps the lanes
"###);
    assert_eq!(shop.lanectl(&["set-lane", "gray", "--header", "x-gray"]).code, 0);
    assert_eq!(shop.lanectl(&[INIT, &["--force", "--module=other.wasm"]].concat()).code, 0);
    assert!(shop.read("graylane/proxies/gateway/ecds/entry.json").contains("other.wasm"));
    assert_eq!(shop.lanectl(&["get", "lanes", "-o", "name"]).stdout, "lane/gray\n");
}

#[test]
fn a_lane_is_set_changed_and_removed() {
    let shop = Shop::init(&[]);
    assert_snapshot!(shop.lanectl(&["set-lane", "gray", "--header", "x-gray"]), @r###"
exit code 0
--- stdout
--- stderr
lane gray applied, generation 2
unverified, since they do not run: gateway, a-v1, a-gray, b-v1, c-v1, c-gray
"###);
    assert_snapshot!(shop.read("graylane/lanes/gray.yaml"), @r###"
apiVersion: graylane.dev/v1alpha1
kind: Lane
metadata:
  name: gray
spec:
  group: shop
  rules:
  - name: flags
    match:
      header:
        name: x-gray
"###);
    assert!(shop.read("graylane/proxies/gateway/ecds/entry.json").contains("x-gray"));
    assert_snapshot!(shop.lanectl(&["set-lane", "gray", "--header", "x-gray"]).stderr, @"lane gray unchanged, generation 2");
    assert_snapshot!(shop.lanectl(&["set-lane", "gray", "--percent", "5", "--sticky", "source", "--no-wait"]).stderr, @"lane gray written, generation 3");
    assert_snapshot!(shop.read("graylane/lanes/gray.yaml"), @r###"
apiVersion: graylane.dev/v1alpha1
kind: Lane
metadata:
  name: gray
spec:
  group: shop
  share:
    percent: 5.0
    key: source
status:
  buckets:
  - from: 0
    to: 500
"###);
    assert_snapshot!(shop.lanectl(&["remove-lane", "gray"]), @r###"
exit code 0
--- stdout
--- stderr
removal of lane gray applied, generation 4
unverified, since they do not run: gateway, a-v1, a-gray, b-v1, c-v1, c-gray
"###);
    assert!(!shop.path("graylane/lanes/gray.yaml").exists());
    assert!(!shop.read("graylane/proxies/gateway/cds.json").contains("a_gray"));
    assert_snapshot!(shop.lanectl(&["remove-lane", "gray"]), @r###"
exit code 1
--- stdout
--- stderr
error: there is no lane gray
hint: `lanectl get lanes` shows what there is
"###);
    assert_eq!(shop.lanectl(&["remove-lane", "gray", "--ignore-not-found"]).code, 0);
}

#[test]
fn no_change_of_lanes_touches_bootstrap_or_listeners() {
    let shop = Shop::init(&["--trail"]);
    let fixed = || -> Vec<_> {
        let files = shop.files().into_iter();
        files.filter(|(path, _)| path.ends_with("bootstrap.json") || path.ends_with("lds.json")).collect()
    };
    let before = fixed();
    assert_eq!(before.len(), 12);
    shop.lanectl(&["set-lane", "gray", "--header", "x-gray"]);
    assert_eq!(fixed(), before);
    shop.lanectl(&["remove-lane", "gray"]);
    assert_eq!(fixed(), before);
}

#[test]
fn a_dry_run_changes_nothing() {
    let shop = Shop::init(&[]);
    let before = shop.files();
    assert_snapshot!(shop.lanectl(&["set-lane", "gray", "--header", "x-gray", "--dry-run"]), @r###"
exit code 0
--- stdout
--- stderr
lane gray would change
"###);
    assert_eq!(shop.files(), before);
}

#[test]
fn diff_shows_what_apply_would_do() {
    let shop = Shop::init(&[]);
    assert_eq!(shop.lanectl(&["diff"]).to_string(), "exit code 0\n--- stdout\n--- stderr\n");
    std::fs::create_dir_all(shop.path("graylane/lanes")).unwrap();
    shop.write("graylane/lanes/gray.yaml", &lane("gray"));
    let run = shop.lanectl(&["diff"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("+++ gateway/ecds/entry.json"), "{run}");
    assert_eq!(shop.lanectl(&["apply"]).code, 0);
    assert_eq!(shop.lanectl(&["diff"]).code, 0);
}

#[test]
fn files_that_say_the_same_keep_their_comments() {
    let shop = Shop::init(&[]);
    std::fs::create_dir_all(shop.path("graylane/lanes")).unwrap();
    let text = format!("# why there is a gray lane\n{}", lane("gray"));
    shop.write("graylane/lanes/gray.yaml", &text);
    assert_eq!(shop.lanectl(&["apply"]).code, 0);
    assert_eq!(shop.read("graylane/lanes/gray.yaml"), text);
}

#[test]
fn apply_restores_a_file_that_somebody_changed() {
    let shop = Shop::init(&[]);
    let before = shop.files();
    shop.write("graylane/proxies/gateway/rds.json", "{}");
    assert_snapshot!(shop.lanectl(&["apply"]).stderr, @"configuration applied, generation 1");
    assert_eq!(shop.files(), before);
    assert_snapshot!(shop.lanectl(&["apply"]).stderr, @"configuration unchanged, generation 1");
}

#[test]
fn diff_shows_what_is_taken_away_and_tells_failures_from_differences() {
    let shop = Shop::init(&[]);
    let topology = shop.read("graylane/topology.yaml");
    let without: Vec<_> = topology.lines().filter(|line| !line.contains("c-gray")).collect();
    shop.write("graylane/topology.yaml", &without.join("\n"));
    let run = shop.lanectl(&["diff"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("--- c-gray/rds.json\n+++ /dev/null\n"), "{run}");
    assert_eq!(shop.lanectl(&["apply"]).code, 0);
    assert!(!shop.path("graylane/proxies/c-gray").exists());
    assert_eq!(shop.lanectl(&["diff"]).code, 0);

    shop.write("graylane/topology.yaml", "spec: 1");
    assert_eq!(shop.lanectl(&["diff"]).code, 4);
    shop.write("graylane/state.json", "");
    assert_eq!(shop.lanectl(&["diff"]).code, 2);
}

#[test]
fn render_prints_or_writes_elsewhere_and_applies_nothing() {
    let shop = Shop::init(&[]);
    std::fs::create_dir_all(shop.path("graylane/lanes")).unwrap();
    shop.write("graylane/lanes/gray.yaml", &lane("gray"));
    let before = shop.files();
    let all = shop.lanectl(&["render"]);
    assert_eq!(all.code, 0, "{all}");
    assert!(all.stdout.starts_with("--- gateway/bootstrap.json\n{"), "{all}");
    assert!(all.stdout.contains("x-gray"), "{all}");
    let one = shop.lanectl(&["render", "--proxy", "b-v1"]);
    assert!(one.stdout.starts_with("--- b-v1/bootstrap.json\n{"), "{one}");
    assert!(!one.stdout.contains("--- gateway/"), "{one}");
    assert_eq!(shop.lanectl(&["render", "--proxy", "nobody"]).code, 1);
    assert_eq!(shop.lanectl(&["render", "--out", "out"]).code, 0);
    assert!(shop.read("out/gateway/ecds/entry.json").contains("x-gray"));
    assert_eq!(shop.files(), before);
}

#[test]
fn validate_checks_the_objects_and_files_beside_them() {
    let shop = Shop::init(&["--strict"]);
    assert_snapshot!(shop.lanectl(&["validate"]), @r###"
exit code 0
--- stdout
--- stderr
group shop is valid, lanes: 0
"###);
    shop.write("gray.yaml", &lane("gray"));
    shop.write("blue.yaml", &lane("blue").replace("x-blue", "x-lane"));
    let before = shop.files();
    assert_snapshot!(shop.lanectl(&["validate", "-f", "gray.yaml"]), @r###"
exit code 0
--- stdout
--- stderr
warning: Lane/gray metadata.name: the group is strict, and the lane has no workload of b; deploy one, or requests of the lane are answered with 503 there
group shop is valid, lanes: 1
"###);
    assert_snapshot!(shop.lanectl(&["validate", "-f", "gray.yaml", "-f", "blue.yaml"]), @r###"
exit code 4
--- stdout
--- stderr
warning: Lane/gray metadata.name: the group is strict, and the lane has no workload of b; deploy one, or requests of the lane are answered with 503 there
warning: Lane/blue metadata.name: the group is strict, and the lane has no workload of a; deploy one, or requests of the lane are answered with 503 there
warning: Lane/blue metadata.name: the group is strict, and the lane has no workload of b; deploy one, or requests of the lane are answered with 503 there
warning: Lane/blue metadata.name: the group is strict, and the lane has no workload of c; deploy one, or requests of the lane are answered with 503 there
error: Lane/blue spec.rules[0].match.header.name: x-lane is written by the filter and removed from what outsiders send; choose another header, such as x-gray
hint: nothing was changed
"###);
    assert_eq!(shop.files(), before);
}

#[test]
fn wait_never_counts_a_proxy_that_does_not_run() {
    let shop = Shop::init(&[]);
    assert_snapshot!(shop.lanectl(&["wait", "--timeout", "0s"]), @r###"
exit code 3
--- stdout
NAME      STATE     WANTED   MISSING
gateway   stopped   1        -
a-v1      stopped   1        -
a-gray    stopped   1        -
b-v1      stopped   1        -
c-v1      stopped   1        -
c-gray    stopped   1        -
--- stderr
error: not every proxy runs generation 1:
error: gateway is unverified: it does not run
error: a-v1 is unverified: it does not run
error: a-gray is unverified: it does not run
error: b-v1 is unverified: it does not run
error: c-v1 is unverified: it does not run
error: c-gray is unverified: it does not run
hint: look at the named proxies; `lanectl apply` finishes a change, `lanectl wait` looks again
"###);
    assert_eq!(shop.lanectl(&["wait", "--timeout", "0s", "--allow-unverified"]).code, 0);
}

#[test]
fn a_lane_comes_from_a_file_or_from_standard_input() {
    let shop = Shop::init(&[]);
    shop.write("gray.yaml", &lane("gray"));
    assert_eq!(shop.lanectl(&["set-lane", "gray", "-f", "gray.yaml"]).code, 0);
    assert_eq!(shop.lanectl_with(&["set-lane", "blue", "-f", "-"], &lane("blue")).code, 0);
    assert_snapshot!(shop.lanectl(&["set-lane", "green", "-f", "gray.yaml"]), @r###"
exit code 4
--- stdout
--- stderr
error: gray.yaml metadata.name: the file is about lane gray, the command about green; use the same name in both
hint: nothing was changed
"###);
}

/// A lane object as a user would write it.
fn lane(name: &str) -> String {
    format!(
        "apiVersion: graylane.dev/v1alpha1\nkind: Lane\nmetadata:\n  name: {name}\nspec:\n  group: shop\n  \
         rules:\n    - name: testers\n      match:\n        header: {{name: x-{name}}}\n"
    )
}
