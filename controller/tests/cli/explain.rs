//! Explaining requests, given as flags or captured.

use insta::assert_snapshot;

use crate::Shop;

#[test]
fn a_request_of_the_lane_falls_back_and_returns() {
    let shop = Shop::init(&[]);
    shop.lanectl(&["set-lane", "gray", "--header", "x-gray"]);
    shop.lanectl(&["set-lane", "half", "--percent", "50", "--sticky", "source"]);
    assert_snapshot!(shop.lanectl(&["explain", "-H", "x-gray: 1", "--source-ip", "10.0.0.1"]).stdout, @r###"
lane gray, by rule flags

rules, in order of precedence:
* gray/flags: holds
  half/share: holds, bucket 5609 is not in 0..5000

hops:
  a → a-gray [gray]: the lane has a version of it
  b → b-v1 [baseline]: the lane has no version of it
  c → c-gray [gray]: the lane has a version of it
"###);
    assert_snapshot!(shop.lanectl(&["explain"]).stdout, @r###"
lane baseline, no rule takes it

rules, in order of precedence:
  gray/flags: does not hold
      header x-gray must be present, but is absent
  half/share: holds, but the request lacks the key of the share

hops:
  a → a-v1 [baseline]: the request has no lane
  b → b-v1 [baseline]: the request has no lane
  c → c-v1 [baseline]: the request has no lane
"###);
}

#[test]
fn captured_requests_are_explained_like_flags() {
    let shop = Shop::init(&[]);
    shop.lanectl(&["set-lane", "gray", "--query", "lane=gray"]);
    let curl = "* Connected\n> GET /x?lane=gray HTTP/1.1\n> Host: shop\n> \n< HTTP/1.1 200 OK\n";
    assert_snapshot!(shop.lanectl_with(&["explain", "-f", "-", "-o", "json"], curl).stdout, @r###"
{
  "lane": "gray",
  "rule": "flags",
  "notes": [],
  "rules": [
    {
      "lane": "gray",
      "rule": "flags",
      "verdict": "holds",
      "chosen": true,
      "fails": []
    }
  ],
  "hops": [
    {
      "service": "a",
      "lane": "gray",
      "workloads": [
        "a-gray"
      ],
      "why": "the lane has a version of it"
    },
    {
      "service": "b",
      "lane": "baseline",
      "workloads": [
        "b-v1"
      ],
      "why": "the lane has no version of it"
    },
    {
      "service": "c",
      "lane": "gray",
      "workloads": [
        "c-gray"
      ],
      "why": "the lane has a version of it"
    }
  ]
}
"###);
    assert_snapshot!(shop.lanectl_with(&["explain", "-f", "-"], "nonsense"), @r###"
exit code 4
--- stdout
--- stderr
error: -: "nonsense" is not a request line; write one such as GET / HTTP/1.1
hint: nothing was changed
"###);
}

#[test]
fn a_strict_group_ends_at_the_gap() {
    let shop = Shop::init(&["--strict"]);
    shop.lanectl(&["set-lane", "gray", "--header", "x-gray"]);
    assert_snapshot!(shop.lanectl(&["explain", "-H", "x-gray: 1"]).stdout, @r###"
lane gray, by rule flags

rules, in order of precedence:
* gray/flags: holds

hops:
  a → a-gray [gray]: the lane has a version of it
  b → nobody [gray]: 503: the group is strict and the lane has no version
"###);
}

#[test]
fn rules_that_nearly_hold_say_what_is_missing() {
    let shop = Shop::init(&[]);
    shop.lanectl(&["set-lane", "gray", "--header", "x-gray=1", "--path", "/checkout"]);
    shop.lanectl(&["set-lane", "blue", "--cookie", "lane=blue"]);
    shop.lanectl(&["set-lane", "ended", "--header", "x-gray", "--expires", "2020-01-01T00:00:00Z"]);
    let request =
        ["-H", "x-gray: 1", "-H", "cookie: a=b; lane=green", "-H", "x-lane: gray", "--path", "/cart?x"];
    assert_snapshot!(shop.lanectl(&[&["explain"][..], &request].concat()).stdout, @r###"
lane baseline, no rule takes it
note: x-lane is removed at the entry: no client may choose a lane by it

rules, in order of precedence:
  gray/flags: nearly holds
      path must start with "/checkout", but is "/cart"
  blue/flags: nearly holds
      cookie lane must be "blue", but is "green"
  ended/flags: holds, but the lane has ended

hops:
  a → a-v1 [baseline]: the request has no lane
  b → b-v1 [baseline]: the request has no lane
  c → c-v1 [baseline]: the request has no lane
"###);
}

#[test]
fn of_many_rules_those_that_are_far_from_holding_are_cut() {
    let shop = Shop::init(&[]);
    let rule = |i: usize| format!("    - {{name: r{i}, match: {{header: {{name: x-{i}}}}}}}\n");
    let rules: String = (0..50).map(rule).collect();
    let head =
        "apiVersion: graylane.dev/v1alpha1\nkind: Lane\nmetadata: {name: gray}\nspec:\n  group: shop\n";
    let run = shop.lanectl_with(&["set-lane", "gray", "-f", "-"], &format!("{head}  rules:\n{rules}"));
    assert_eq!(run.code, 0, "{run}");
    let rules = |output: &str| {
        let run = shop.lanectl(&["explain", "-H", "x-40: 1", "-o", output]);
        run.stdout.lines().filter(|line| line.contains("gray/r")).count()
    };
    assert_eq!(rules("table"), 21, "twenty, and the one that holds");
    assert_eq!(rules("wide"), 50);
}

#[test]
fn a_lane_that_asks_for_a_source_says_what_it_makes_of_one() {
    let shop = Shop::init(&[]);
    shop.lanectl(&[
        "set-lane",
        "gray",
        "--header=x-gray",
        "--from-address=10.0.0.0/8,2001:db8::/32",
        "--from-principal=spiffe://m/ns/test/*",
    ]);
    let explain = |source: &[&str]| shop.lanectl(&[&["explain", "-H", "x-gray: 1"], source].concat()).stdout;
    for trusted in
        ["--source-ip=10.1.2.3", "--source-ip=2001:db8::1", "--source-identity=spiffe://m/ns/test/sa/a"]
    {
        let text = explain(&[trusted]);
        assert!(text.starts_with("lane gray, by rule flags\n"), "{text}");
    }
    let text = explain(&["--source-ip=11.1.2.3"]);
    let unlisted = "gray/flags: holds, but the lane does not list the client's address or principal\n";
    assert!(text.starts_with("lane baseline,") && text.contains(unlisted), "{text}");
    let text = explain(&[]);
    let unknown = "holds, but the lane asks for a source; say which: --source-ip, --source-identity\n";
    assert!(text.contains(unknown), "{text}");
}
