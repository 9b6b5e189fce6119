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
  "rules": [
    {
      "lane": "gray",
      "rule": "flags",
      "verdict": "holds",
      "chosen": true
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
