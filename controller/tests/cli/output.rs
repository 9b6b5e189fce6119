//! What programs read.

use controller::spoken;
use insta::assert_snapshot;
use jiff::Timestamp;

use crate::Shop;

/// The end of lane gray.
const END: &str = "2099-01-01T00:00:00Z";

/// What is printed, with `IN` for the time to the end of lane gray, and columns no wider than that.
fn printed(shop: &Shop, args: &[&str]) -> String {
    let before = Timestamp::now();
    let text = shop.lanectl(args).stdout;
    let end = END.parse().unwrap();
    let replaced = [before, Timestamp::now()]
        .iter()
        .fold(text, |text, now| text.replace(&spoken::seen_at(end, *now), "IN"));
    let lines = replaced.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

fn shop() -> Shop {
    let shop = Shop::init(&["--trail"]);
    shop.lanectl(&["set-lane", "gray", "--header", "x-gray", "--owner", "team", "--expires", END]);
    shop.lanectl(&["set-lane", "blue", "--percent", "2.5", "--sticky", "header:x-user", "--priority", "-1"]);
    shop
}

#[test]
fn tables_are_for_people() {
    let shop = shop();
    assert_snapshot!(printed(&shop, &["get", "lanes"]), @r###"
NAME RULES SHARE SERVICES ENDS
blue 0 2.5% - -
gray 1 - a,c IN
"###);
    assert_snapshot!(printed(&shop, &["get", "lanes", "-o", "wide"]), @r###"
NAME RULES SHARE SERVICES ENDS EXPIRES STICKY PRIORITY OWNER GROUP
blue 0 2.5% - - - header:x-user -1 - shop
gray 1 - a,c IN 2099-01-01T00:00:00Z - 0 team shop
"###);
    assert_snapshot!(shop.lanectl(&["get", "groups"]).stdout, @r###"
NAME   ENTRIES   SERVICES   HEADER   FALLBACK     LANES
shop   gateway   a,b,c      x-lane   Permissive   2
"###);
    assert_snapshot!(shop.lanectl(&["get", "proxies"]).stdout, @r###"
NAME      STATE     WANTED   MISSING
gateway   stopped   3        -
a-v1      stopped   3        -
a-gray    stopped   3        -
b-v1      stopped   3        -
c-v1      stopped   3        -
c-gray    stopped   3        -
"###);
}

#[test]
fn the_status_of_files_has_who_lags_and_what_ends() {
    let shop = shop();
    shop.lanectl(&["set-lane", "old", "--header", "x-old", "--expires", "2020-01-01T00:00:00Z"]);
    let status = printed(&shop, &["status"]);
    let ended = status.split("old ").nth(1).unwrap().split(" ago").next().unwrap();
    assert_snapshot!(status.replace(ended, "LONG"), @r###"
group shop: 0 of 6 proxies run generation 4
gateway is unverified: it does not run
a-v1 is unverified: it does not run
a-gray is unverified: it does not run
b-v1 is unverified: it does not run
c-v1 is unverified: it does not run
c-gray is unverified: it does not run

LANE ENDS
blue -
gray IN
old LONG ago
lane old ended LONG ago, at 2020-01-01T00:00:00Z: nobody enters it
"###);
    let json = shop.lanectl(&["status", "-o", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["lanes"][1], serde_json::json!({"name": "gray", "expires": END}));
    assert_eq!(json["proxies"][0]["state"], "stopped");
    assert_eq!(shop.lanectl(&["status", "-o", "name"]).stdout, "lanegroup/shop\n");
}

#[test]
fn json_yaml_and_names_are_for_programs() {
    let shop = shop();
    assert_snapshot!(shop.lanectl(&["get", "lanes", "-o", "name"]).stdout, @r###"
lane/blue
lane/gray
"###);
    assert_snapshot!(shop.lanectl(&["get", "lane", "blue", "-o", "json"]).stdout, @r###"
{
  "apiVersion": "graylane.dev/v1alpha1",
  "kind": "Lane",
  "metadata": {
    "name": "blue"
  },
  "spec": {
    "group": "shop",
    "priority": -1,
    "share": {
      "percent": 2.5,
      "key": {
        "header": "x-user"
      }
    }
  },
  "status": {
    "buckets": [
      {
        "from": 0,
        "to": 250
      }
    ]
  }
}
"###);
    assert_snapshot!(shop.lanectl(&["get", "lane", "blue", "-o", "yaml"]).stdout, @r###"
apiVersion: graylane.dev/v1alpha1
kind: Lane
metadata:
  name: blue
spec:
  group: shop
  priority: -1
  share:
    percent: 2.5
    key:
      header: x-user
status:
  buckets:
  - from: 0
    to: 250
"###);
    assert_snapshot!(shop.lanectl(&["get", "proxy", "b-v1", "-o", "json"]).stdout, @r###"
{
  "name": "b-v1",
  "admin": "127.0.0.1:1033",
  "wantedGeneration": 3,
  "state": "stopped"
}
"###);
    assert_snapshot!(shop.lanectl(&["get", "lane", "red", "-o", "json"]), @r###"
exit code 1
--- stdout
--- stderr
error: there is no lane red
hint: `lanectl get lanes` shows what there is
"###);
}

#[test]
fn the_version_names_the_formats() {
    let shop = Shop::empty();
    assert_snapshot!(shop.lanectl(&["version"]).stdout, @r###"
lanectl 0.1.0
objects graylane.dev/v1alpha1
filter configuration 3
"###);
    assert_snapshot!(shop.lanectl(&["version", "-o", "json"]).stdout, @r###"
{
  "version": "0.1.0",
  "apiVersion": "graylane.dev/v1alpha1",
  "filterConfig": 3
}
"###);
}

#[test]
fn the_directory_comes_from_the_environment_too() {
    let shop = Shop::init(&[]);
    let mut command = shop.command(&["get", "groups", "-o", "name"]);
    command.current_dir("/").env("GRAYLANE_DIR", shop.path("graylane"));
    assert_eq!(shop.run(command, "").stdout, "lanegroup/shop\n");
}
