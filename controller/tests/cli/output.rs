//! What programs read.

use insta::assert_snapshot;

use crate::Shop;

fn shop() -> Shop {
    let shop = Shop::init(&["--trail"]);
    shop.lanectl(&[
        "set-lane",
        "gray",
        "--header",
        "x-gray",
        "--owner",
        "team",
        "--expires",
        "2099-01-01T00:00:00Z",
    ]);
    shop.lanectl(&["set-lane", "blue", "--percent", "2.5", "--sticky", "header:x-user", "--priority", "-1"]);
    shop
}

#[test]
fn tables_are_for_people() {
    let shop = shop();
    assert_snapshot!(shop.lanectl(&["get", "lanes"]).stdout, @r###"
NAME   RULES   SHARE   SERVICES   EXPIRES
blue   0       2.5%    -          -
gray   1       -       a,c        2099-01-01T00:00:00Z
"###);
    assert_snapshot!(shop.lanectl(&["get", "lanes", "-o", "wide"]).stdout, @r###"
NAME   RULES   SHARE   SERVICES   EXPIRES                STICKY          PRIORITY   OWNER   GROUP
blue   0       2.5%    -          -                      header:x-user   -1         -       shop
gray   1       -       a,c        2099-01-01T00:00:00Z   -               0          team    shop
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
