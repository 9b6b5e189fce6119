//! Objects with many faults: all of them are found.

use serde_json::json;

use super::*;

fn problems(value: Value) -> Vec<String> {
    lane(value).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn good() -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": "Lane", "metadata": {"name": "gray", "labels": {"team": "x"}},
        "spec": {"group": "shop", "rules": [{"name": "r", "match": {"header": {"name": "x-gray"}}}]},
    })
}

#[test]
fn a_good_lane_is_read_and_foreign_metadata_is_left_alone() {
    assert_eq!(problems(good()), Vec::<String>::new());
}

#[test]
fn all_problems_are_found_at_once() {
    let bad = json!({
        "apiVersion": "graylane.dev/v2", "kind": "Lane", "metadata": {"name": "Gray"},
        "spec": {
            "priority": "high",
            "rules": [
                {"name": "ok", "match": {"header": {"name": "x-gray"}}},
                {"name": "r", "match": {"headers": {"name": "x-gray"}}},
                {"match": {"path": {"starts": "/"}}},
                {"name": "late", "when": 1, "match": {"header": {"name": "x-late"}}},
            ],
            "share": {"percent": 101, "key": {"cookie": 7}},
            "expires": "tomorrow",
            "onwer": "me",
        },
    });
    let found = problems(bad);
    insta::assert_snapshot!(found.join("\n"), @r###"
apiVersion: "graylane.dev/v2" is not "graylane.dev/v1alpha1"; write graylane.dev/v1alpha1
metadata.name: "Gray" is not a DNS label (RFC 1123: 1 to 63 of a-z, 0-9 and -, starting and ending with a letter or digit); correct it
spec.expires: "tomorrow" is not a time; write one such as 2026-12-01T18:00:00Z
spec.priority: invalid type: string "high"; write i32
spec.rules[1].match: unknown variant `headers`; write one of `all`, `any`, `not`, `header`, `cookie`, `query`, `path`, `method`, `host`, `source`
spec.rules[2].match.path: unknown variant `starts`; write one of `present`, `exact`, `prefix`, `suffix`, `contains`, `regex`, `in`
spec.rules[2].name: it is missing; add name
spec.share.key.cookie: invalid type: integer `7`; write a string
spec.share.percent: 101 is outside 0 to 100; correct it
spec.group: it is missing; add group
spec.onwer: the field is not known; remove it or correct its spelling
spec.rules[3].when: the field is not known; remove it or correct its spelling
"###);
}

#[test]
fn each_wrong_kind_of_file_is_named() {
    for (value, want) in [
        (
            json!(null),
            "expected an object, found nothing; write a Lane with apiVersion, kind, metadata and spec",
        ),
        (
            json!([]),
            "expected an object, found a list; write a Lane with apiVersion, kind, metadata and spec",
        ),
        (
            json!("text"),
            "expected an object, found a text; write a Lane with apiVersion, kind, metadata and spec",
        ),
    ] {
        assert_eq!(problems(value), [want]);
    }
    let mut other = good();
    other["kind"] = json!("LaneGroup");
    assert_eq!(problems(other), ["kind: \"LaneGroup\" is not \"Lane\"; write Lane"]);
}

proptest::proptest! {
    #[test]
    fn any_value_is_read_or_refused_without_a_trap(text in "[\\[\\]{}:,\"a-z0-9]{0,40}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = lane(value);
        }
    }
}
