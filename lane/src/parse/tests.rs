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
spec.priority: invalid type: string "high"; write a whole number
spec.rules[1].match: unknown variant `headers`; write one of `all`, `any`, `not`, `header`, `cookie`, `query`, `path`, `method`, `host`, `source`
spec.rules[2].match.path: unknown variant `starts`; write one of `present`, `exact`, `prefix`, `suffix`, `contains`, `regex`, `in`
spec.rules[2].name: it is missing; add name
spec.share.key.cookie: invalid type: integer `7`; write a text, in quotes
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

/// Faults that do not touch each other: where, what is written there (`null` takes the field out), and the problem.
const FAULTS: &[(&str, &str, &str)] = &[
    ("/kind", "null", "kind: it is missing; add kind"),
    ("/metadata/name", "null", "metadata.name: it is missing; add name"),
    ("/spec/group", "null", "spec.group: it is missing; add group"),
    ("/spec/grup", "\"shop\"", "spec.grup: the field is not known; remove it or correct its spelling"),
    ("/spec/owner", "[\"me\"]", "spec.owner: invalid type: list; write a text, in quotes"),
    ("/spec/share/percent", "null", "spec.share.percent: it is missing; add percent"),
    ("/spec/share/key", "\"cookie\"", "spec.share.key.cookie: it has no value; write a value below it"),
    ("/spec/rules/0/name", "null", "spec.rules[0].name: it is missing; add name"),
    ("/spec/rules/0/match", "null", "spec.rules[0].match: it is missing; add match"),
    ("/spec/rules/1/name", "7", "spec.rules[1].name: invalid type: integer `7`; write a text, in quotes"),
    (
        "/spec/rules/1/x.y",
        "1",
        "spec.rules[1].x.y: the field is not known; remove it or correct its spelling",
    ),
    (
        "/spec/rules/1/match/header/vaule",
        "1",
        "spec.rules[1].match.header.vaule: the field is not known; remove it or correct its spelling",
    ),
    (
        "/spec/rules/2",
        "\"all\"",
        "spec.rules[2]: invalid type: string \"all\"; write an object with named fields",
    ),
    (
        "/spec/rules/3/match/all/0",
        "{\"path\": \"present\", \"host\": \"present\"}",
        "spec.rules[3].match.all[0]: it does not have exactly one key; write an object with exactly one key",
    ),
    (
        "/spec/rules/3/match/all/1/not/cookie/name",
        "null",
        "spec.rules[3].match.all[1].not.cookie.name: it is missing; add name",
    ),
    (
        "/spec/rules/3/match/all/1/not/cookie/value/in/1",
        "true",
        "spec.rules[3].match.all[1].not.cookie.value.in[1]: invalid type: boolean `true`; write a text, in quotes",
    ),
    (
        "/spec/rules/3/match/all/1/not/cookie/value/in/2",
        "{}",
        "spec.rules[3].match.all[1].not.cookie.value.in[2]: invalid type: object; write a text, in quotes",
    ),
];

/// A lane in which every fault has its place.
fn faultless() -> Value {
    let rule = |name: &str| json!({"name": name, "match": {"header": {"name": "x-gray"}}});
    let nested = json!({"all": [
        {"path": "present"},
        {"not": {"cookie": {"name": "c", "value": {"in": ["a", "b", "c"]}}}},
    ]});
    let mut lane = good();
    lane["spec"]["rules"] = json!([rule("a"), rule("b"), rule("c"), {"name": "d", "match": nested}]);
    lane["spec"]["share"] = json!({"percent": 1});
    lane
}

fn with_faults<'f>(faults: impl Iterator<Item = &'f (&'f str, &'f str, &'f str)>) -> BTreeSet<String> {
    let mut lane = faultless();
    for (place, text, _) in faults {
        let (parent, field) = place.rsplit_once('/').unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        match lane.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
            Value::Object(map) if value.is_null() => drop(map.remove(field)),
            Value::Object(map) => drop(map.insert(field.to_owned(), value)),
            other => panic!("{place} is in {other}"),
        }
    }
    let found = problems(lane);
    let set: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(set.len(), found.len(), "reported twice: {found:#?}");
    set
}

#[test]
fn each_fault_is_found_alone() {
    assert_eq!(with_faults([].iter()), BTreeSet::new());
    for fault in FAULTS {
        assert_eq!(with_faults([fault].into_iter()), BTreeSet::from([fault.2.to_owned()]));
    }
}

#[test]
fn the_number_of_problems_is_bounded() {
    let mut lane = good();
    lane["spec"]["rules"] = (0..200).map(|i| json!({"name": i, "when": i, "match": {"pth": i}})).collect();
    assert_eq!(problems(lane).len(), MAX_PROBLEMS);
    assert!(problems(json!({})).contains(&"spec: it is missing; add spec".to_owned()));
}

proptest::proptest! {
    /// No fault hides another, and none is made up by mending one.
    #[test]
    fn faults_are_found_in_every_combination(
        faults in proptest::sample::subsequence(FAULTS, 0..=FAULTS.len()),
    ) {
        let want: BTreeSet<String> = faults.iter().map(|(_, _, problem)| (*problem).to_owned()).collect();
        proptest::prop_assert_eq!(with_faults(faults.iter()), want);
    }

    #[test]
    fn any_value_is_read_or_refused_without_a_trap(text in "[\\[\\]{}:,\"a-z0-9]{0,40}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = lane(value);
        }
    }
}
