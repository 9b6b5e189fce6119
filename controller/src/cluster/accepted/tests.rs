//! Edits of lanes and groups, one after the other, and what is in force after each.

use serde_json::{Value, json};

use super::*;

fn mk_group(spec: Value) -> LaneGroup {
    let value = json!({ "apiVersion": "graylane.dev/v1alpha1", "kind": "LaneGroup",
                        "metadata": { "name": "shop" }, "spec": spec });
    lane::parse::group(value).unwrap()
}

fn shop() -> LaneGroup {
    mk_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }] }))
}

fn regex(pattern: &str) -> Value {
    json!({ "rules": [{ "name": "r", "match": { "header": { "name": "x-gray", "value": { "regex": pattern } } } }] })
}

fn share(percent: u32) -> Value {
    json!({ "share": { "percent": percent } })
}

/// A lane as it would be after an edit: what was in force stays in the status.
fn edit(wanted: &mut Vec<Wanted>, name: &str, mut spec: Value) {
    spec["group"] = json!("shop");
    let value = json!({ "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane",
                        "metadata": { "name": name }, "spec": spec });
    let lane = lane::parse::lane(value).unwrap();
    match wanted.iter_mut().find(|wanted| wanted.lane.metadata.name == lane.metadata.name) {
        Some(wanted) => {
            wanted.lane.spec = lane.spec;
            wanted.generation += 1;
        }
        None => wanted.push(Wanted { lane, generation: 1 }),
    }
}

/// A pass: verdicts go into the status of the lanes. Per lane the generation in force, and what is said.
fn pass(group: &LaneGroup, wanted: &mut [Wanted]) -> Vec<(Option<i64>, String)> {
    let verdicts = lanes(group, wanted, Timestamp::UNIX_EPOCH);
    for (wanted, verdict) in wanted.iter_mut().zip(&verdicts) {
        wanted.lane.status.get_or_insert_default().accepted = verdict.in_force.clone();
    }
    let seen = verdicts.into_iter();
    let seen =
        seen.map(|verdict| (verdict.in_force.map(|one| one.generation), format!("{:?}", verdict.accepted)));
    seen.collect()
}

fn generations(seen: &[(Option<i64>, String)]) -> Vec<Option<i64>> {
    seen.iter().map(|(generation, _)| *generation).collect()
}

#[test]
fn a_bad_edit_leaves_the_last_good_one_in_force() {
    let mut lanes = Vec::new();
    edit(&mut lanes, "gray", regex("^a"));
    assert_eq!(generations(&pass(&shop(), &mut lanes)), [Some(1)]);
    edit(&mut lanes, "gray", regex("("));
    let seen = pass(&shop(), &mut lanes);
    assert_eq!(generations(&seen), [Some(1)]);
    assert!(seen[0].1.contains("spec.rules[0].match.header.value.regex"), "{seen:?}");
    assert!(seen[0].1.contains("generation 1 stays in force"), "{seen:?}");
    // Another pass, and one by a controller that has just started, find the same.
    assert_eq!(pass(&shop(), &mut lanes), seen);
    edit(&mut lanes, "gray", regex("^b"));
    assert_eq!(generations(&pass(&shop(), &mut lanes)), [Some(3)]);
}

#[test]
fn a_lane_that_was_never_good_has_nothing_in_force() {
    let mut lanes = Vec::new();
    edit(&mut lanes, "gray", regex("("));
    let seen = pass(&shop(), &mut lanes);
    assert_eq!(generations(&seen), [None]);
    assert!(seen[0].1.contains("nothing of it is in force"), "{seen:?}");
}

#[test]
fn the_edit_that_exceeds_all_shares_is_refused_and_not_its_neighbour() {
    let mut lanes = Vec::new();
    edit(&mut lanes, "blue", share(50));
    edit(&mut lanes, "gray", share(50));
    assert_eq!(generations(&pass(&shop(), &mut lanes)), [Some(1), Some(1)]);
    edit(&mut lanes, "blue", share(60));
    let seen = pass(&shop(), &mut lanes);
    assert_eq!(generations(&seen), [Some(1), Some(1)]);
    assert!(seen[0].1.contains("the shares add up to 110.00%"), "{seen:?}");
    assert!(!seen[1].1.contains("add up"), "{seen:?}");
    // Room is made by the other one, in whatever order they are looked at.
    edit(&mut lanes, "gray", share(40));
    assert_eq!(generations(&pass(&shop(), &mut lanes)), [Some(2), Some(2)]);
}

#[test]
fn a_lane_that_the_edited_group_makes_senseless_is_not_in_force_any_more() {
    let mut lanes = Vec::new();
    edit(&mut lanes, "gray", regex("^a"));
    pass(&shop(), &mut lanes);
    let edited =
        mk_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }], "laneHeader": "x-gray" }));
    assert_eq!(generations(&pass(&edited, &mut lanes)), [None]);
    assert_eq!(generations(&pass(&shop(), &mut lanes)), [Some(1)]);
}

#[test]
fn a_bad_edit_of_the_group_leaves_its_last_good_one_in_force() {
    let mut edited = shop();
    edited.status.get_or_insert_default().accepted = group(&shop(), 1).in_force;
    edited.spec.lane_header = "baggage".parse().unwrap();
    let verdict = group(&edited, 2);
    assert_eq!(verdict.in_force.map(|one| (one.generation, one.spec)), Some((1, shop().spec)));
    assert!(!verdict.accepted.is_good());
}

#[test]
fn a_spec_that_would_not_fit_twice_into_its_object_is_refused_with_the_limit() {
    let rule = json!({ "match": { "header": { "name": "x-gray", "value": { "exact": "v".repeat(100) } } } });
    let rules: Vec<Value> = (0..5_000)
        .map(|number| {
            let mut rule = rule.clone();
            rule["name"] = json!(format!("r{number}"));
            rule
        })
        .collect();
    let mut lanes = Vec::new();
    edit(&mut lanes, "gray", json!({ "rules": rules }));
    let seen = pass(&shop(), &mut lanes);
    assert_eq!(generations(&seen), [None]);
    assert!(seen[0].1.contains("more than 700000"), "{seen:?}");
}
