//! Bad input: a clear error, the right exit code, and nothing changed.

use insta::assert_snapshot;

use crate::Shop;

/// A lane file with one fault after the other; each must be refused and leave no trace.
#[test]
fn each_wrong_kind_of_rule_file_is_refused_and_changes_nothing() {
    let shop = Shop::init(&[]);
    let before = shop.files();
    let head =
        "apiVersion: graylane.dev/v1alpha1\nkind: Lane\nmetadata: {name: gray}\nspec:\n  group: shop\n";
    let rule = |condition: &str| format!("{head}  rules: [{{name: r, match: {condition}}}]\n");
    for (name, text) in [
        ("empty", String::new()),
        ("not YAML", "a: [".to_owned()),
        ("a list", "- a\n".to_owned()),
        ("binary", "\u{1}\u{0}".to_owned()),
        ("another kind", head.replace("Lane", "LaneGroup")),
        ("another version", head.replace("v1alpha1", "v9")),
        ("another group", head.replace("group: shop", "group: other")),
        ("another name", head.replace("name: gray", "name: blue")),
        ("an unknown field", format!("{head}  shares: 5\n")),
        ("a share above all", format!("{head}  share: {{percent: 101}}\n")),
        ("a wrong time", format!("{head}  expires: tomorrow\n")),
        ("the lane header", rule("{header: {name: x-lane}}")),
        ("a bad regex", rule("{path: {regex: '('}}")),
        ("an empty list", rule("{all: []}")),
        ("two conditions in one", rule("{path: present, method: present}")),
        ("an alias bomb", alias_bomb()),
    ] {
        let run = shop.lanectl_with(&["set-lane", "gray", "-f", "-"], &text);
        assert_eq!(run.code, 4, "{name}: {run}");
        assert!(run.stderr.starts_with("error: "), "{name}: {run}");
        assert!(run.stderr.ends_with("hint: nothing was changed\n"), "{name}: {run}");
        assert_eq!(shop.files(), before, "{name}");
    }
}

#[test]
fn a_file_that_is_no_text_is_refused_too() {
    let shop = Shop::init(&[]);
    let before = shop.files();
    std::fs::write(shop.path("gray.yaml"), b"kind: \xff").unwrap();
    for args in [&["set-lane", "gray", "-f", "gray.yaml"][..], &["validate", "-f", "gray.yaml"]] {
        let run = shop.lanectl(args);
        assert_eq!(run.code, 4, "{run}");
    }
    assert_eq!(shop.files(), before);
}

/// YAML whose aliases would expand to a thousand million items.
fn alias_bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    text
}

#[test]
fn all_problems_of_a_file_are_reported_at_once() {
    let shop = Shop::init(&[]);
    let text = "apiVersion: graylane.dev/v1alpha1\nkind: Lane\nmetadata: {name: gray}\nspec:\n  priority: high\n  rules:\n    - {name: R, match: {paths: /}}\n  expire: x\n";
    assert_snapshot!(shop.lanectl_with(&["set-lane", "gray", "-f", "-"], text), @r###"
exit code 4
--- stdout
--- stderr
error: - spec.priority: invalid type: string "high"; write a whole number
error: - spec.rules[0].match: unknown variant `paths`; write one of `all`, `any`, `not`, `header`, `cookie`, `query`, `path`, `method`, `host`, `source`
error: - spec.rules[0].name: "R" is not a DNS label (RFC 1123: 1 to 63 of a-z, 0-9 and -, starting and ending with a letter or digit); correct it
error: - spec.group: it is missing; add group
error: - spec.expire: the field is not known; remove it or correct its spelling
hint: nothing was changed
"###);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let shop = Shop::init(&[]);
    for args in [
        &["set-lane"][..],
        &["set-lane", "Gray", "--header", "h"],
        &["set-lane", "baseline", "--header", "h"],
        &["set-lane", "gray", "--header", "bad name"],
        &["set-lane", "gray", "--percent", "200"],
        &["set-lane", "gray", "--expires", "yesterday"],
        &["set-lane", "gray", "-f", "x.yaml", "--percent", "5"],
        &["get", "pods"],
        &["frobnicate"],
    ] {
        assert_eq!(shop.lanectl(args).code, 2, "{args:?}");
    }
}

#[test]
fn without_a_group_every_verb_says_how_to_begin() {
    let shop = Shop::empty();
    for args in [
        &["get", "lanes"][..],
        &["set-lane", "gray", "--header", "h"],
        &["apply"],
        &["wait"],
        &["validate"],
        &["status"],
    ] {
        let run = shop.lanectl(args);
        assert_eq!(run.code, 1, "{args:?}: {run}");
        assert!(run.stderr.contains("hint: run `lanectl init NAME"), "{args:?}: {run}");
    }
    assert!(!shop.path("graylane").exists(), "nothing was created");
}

#[test]
fn what_only_one_target_knows_is_wrong_on_the_other() {
    let shop = Shop::init(&[]);
    for args in [
        &["apply", "-n", "shop"][..],
        &["render", "--context", "c"],
        &["init", "shop", "--entry=g", "--service=a", "--topology=topology.yaml", "-n", "shop"],
        &["doctor", "--dir", "graylane"],
        &["status", "--group", "shop"],
        &["get", "lanes", "--dir", "graylane", "-n", "shop"],
        &["get", "lanes", "-A"],
        &["get", "lanes", "--watch"],
        &["diff", "-f", "gray.yaml"],
        &["wait", "gray"],
        &["set-lane", "gray", "--header", "h", "--dry-run=server"],
        &["set-lane", "gray", "--header", "h", "--force-conflicts"],
        &["install"],
    ] {
        let run = shop.lanectl(args);
        assert_eq!(run.code, 2, "{args:?}: {run}");
        assert!(run.stderr.starts_with("error: "), "{args:?}: {run}");
    }
}

#[test]
fn a_lane_of_another_group_is_refused() {
    let shop = Shop::init(&[]);
    assert_eq!(shop.lanectl(&["set-lane", "gray", "--header", "h", "--group", "other"]).code, 4);
    assert_eq!(shop.lanectl(&["set-lane", "gray", "--header", "h", "--group", "shop"]).code, 0);
    assert_eq!(shop.lanectl(&["remove-lane", "gray", "--group", "other"]).code, 1);
    assert_eq!(shop.lanectl(&["remove-lane", "gray", "--group", "shop"]).code, 0);
}

#[test]
fn a_topology_that_does_not_fit_is_refused() {
    let shop = Shop::init(&[]);
    let before = shop.files();
    let topology = shop.read("topology.yaml").replace("service: b,", "service: x,");
    shop.write("graylane/topology.yaml", &topology);
    assert_snapshot!(shop.lanectl(&["apply"]), @r###"
exit code 4
--- stdout
--- stderr
error: spec.workloads[2].service: x is no service of the lane group; add it to the group's spec.services or correct the name
error: spec.workloads: service b has no baseline workload; add a workload of the service without a lane
hint: nothing was changed
"###);
    shop.write("graylane/topology.yaml", &shop.read("topology.yaml"));
    assert_eq!(shop.files(), before);
}
