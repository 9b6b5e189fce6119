//! Rule files of each wrong kind: exit code 4 with every problem, its place and a remedy, and nothing changed.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::mesh::{GATEWAY, Mesh, MeshOptions};

use super::{changes, check_traffic, snapshot};
use crate::lanes;

/// A file, and what has to be said about it, each in one line of its own.
struct Bad {
    name: &'static str,
    text: Vec<u8>,
    said: &'static [&'static [&'static str]],
}

fn bad(name: &'static str, text: impl Into<Vec<u8>>, said: &'static [&'static [&'static str]]) -> Bad {
    Bad { name, text: text.into(), said }
}

/// A lane with this specification.
fn object(spec: Value) -> Value {
    json!({ "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane", "metadata": { "name": "gray" }, "spec": spec })
}

/// A lane with one rule of this condition.
fn rule(condition: Value) -> String {
    object(json!({ "group": "shop", "rules": [{ "name": "rule", "match": condition }] })).to_string()
}

fn spec(fields: Value) -> String {
    let mut spec = json!({ "group": "shop" });
    for (name, value) in fields.as_object().into_iter().flatten() {
        spec[name] = value.clone();
    }
    object(spec).to_string()
}

fn not_an_object() -> Vec<Bad> {
    vec![
        bad("nothing", "", &[&["object"]]),
        bad("a list", "- gray\n", &[&["object"]]),
        bad("no YAML", "spec: [\n", &[&["file"]]),
        bad("a tab", "spec:\n\tgroup: shop\n", &[&["file"]]),
        bad("no text", vec![0xff, 0xfe, 0x00], &[&["file"]]),
        bad("a key twice", "kind: Lane\nkind: Lane\n", &[&["kind"]]),
        bad(
            "aliases without end",
            "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
             d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
            &[&["file"]],
        ),
    ]
}

fn of_the_head() -> Vec<Bad> {
    let with = |pointer: &str, value: Value| {
        let mut object = object(
            json!({ "group": "shop", "rules": [{ "name": "rule", "match": { "header": { "name": "x" } } }] }),
        );
        if let Some(place) = object.pointer_mut(pointer) {
            *place = value;
        }
        object.to_string()
    };
    vec![
        bad("another version", with("/apiVersion", json!("graylane.dev/v9")), &[&["apiVersion", "v1alpha1"]]),
        bad("another kind", with("/kind", json!("LaneGroup")), &[&["kind", "Lane"]]),
        bad("no name", with("/metadata", json!({})), &[&["metadata", "name"]]),
        bad("a reserved name", with("/metadata/name", json!("baseline")), &[&["metadata.name", "reserved"]]),
        bad("another group", with("/spec/group", json!("other")), &[&["spec.group", "shop"]]),
        bad("no group", with("/spec", json!({})), &[&["spec", "group"]]),
        bad("a name that is no label", with("/spec/rules/0/name", json!("A B")), &[&["spec.rules[0].name"]]),
    ]
}

fn of_rules() -> Vec<Bad> {
    let deep = (0..12).fold(json!({ "header": { "name": "x" } }), |inner, _| json!({ "not": inner }));
    vec![
        bad("no condition", rule(json!({})), &[&["spec.rules[0].match"]]),
        bad(
            "two conditions",
            rule(json!({ "path": "present", "method": "present" })),
            &[&["spec.rules[0].match"]],
        ),
        bad("an unknown condition", rule(json!({ "colour": "gray" })), &[&["spec.rules[0].match", "colour"]]),
        bad(
            "an unknown match",
            rule(json!({ "path": { "like": "x" } })),
            &[&["spec.rules[0].match", "like"]],
        ),
        bad("an unknown field", spec(json!({ "rules": [], "colour": "gray" })), &[&["spec.colour"]]),
        bad("an empty list", rule(json!({ "any": [] })), &[&["spec.rules[0].match", "any"]]),
        bad(
            "a bad regex",
            rule(json!({ "path": { "regex": "(" } })),
            &[&["spec.rules[0].match.path.regex", "'"]],
        ),
        bad(
            "half a regex",
            rule(json!({ "path": { "regex": "a)|(b" } })),
            &[&["spec.rules[0].match.path.regex", "'"]],
        ),
        bad(
            "a huge regex",
            rule(json!({ "path": { "regex": "((a{100}){100}){100}" } })),
            &[&["spec.rules[0].match", "size limit"]],
        ),
        bad("too deep", rule(deep), &[&["spec.rules[0].match", "deep"]]),
        bad(
            "the lane header",
            rule(json!({ "header": { "name": "X-Lane" } })),
            &[&["spec.rules[0].match", "x-lane"]],
        ),
        bad(
            "no header's name",
            rule(json!({ "header": { "name": "x lane" } })),
            &[&["spec.rules[0].match", "name"]],
        ),
        bad(
            "one name twice",
            spec(json!({ "rules": [{ "name": "r", "match": { "path": "present" } },
                                   { "name": "r", "match": { "path": "present" } }] })),
            &[&["spec.rules[1].name", "r"]],
        ),
        bad("no list", spec(json!({ "rules": "all" })), &[&["spec.rules"]]),
    ]
}

fn of_shares_and_times() -> Vec<Bad> {
    let share = |share: Value| spec(json!({ "share": share }));
    vec![
        bad("more than all", share(json!({ "percent": 100.01 })), &[&["spec.share.percent"]]),
        bad("less than none", share(json!({ "percent": -1 })), &[&["spec.share.percent"]]),
        bad("three decimals", share(json!({ "percent": 0.001 })), &[&["spec.share.percent"]]),
        bad("no number", share(json!({ "percent": "half" })), &[&["spec.share.percent"]]),
        bad("no percent", share(json!({ "key": "source" })), &[&["spec.share", "percent"]]),
        bad("an unknown key", share(json!({ "percent": 5, "key": "moon" })), &[&["spec.share.key", "moon"]]),
        bad(
            "the lane header as key",
            share(json!({ "percent": 5, "key": { "header": "x-lane" } })),
            &[&["spec.share.key"]],
        ),
        bad("no time", spec(json!({ "expires": "tomorrow" })), &[&["spec.expires"]]),
        bad("a time without offset", spec(json!({ "expires": "2099-01-01T00:00:00" })), &[&["spec.expires"]]),
        bad("a huge priority", spec(json!({ "priority": 3_000_000_000_u32 })), &[&["spec.priority"]]),
        bad(
            "many at once",
            spec(json!({ "priority": "high", "share": { "percent": 200 }, "owner": 7,
                "rules": [{ "name": "r", "match": { "path": { "regex": "(" } } }, { "name": "B", "match": {} }] })),
            &[
                &["spec.priority"],
                &["spec.share.percent"],
                &["spec.owner"],
                &["spec.rules[1].name"],
                &["spec.rules[1].match"],
            ],
        ),
    ]
}

/// Checks that both verbs refuse a file and say all that has to be said.
async fn check_refused(mesh: &Mesh, file: &str, said: &[&[&str]]) -> Result<()> {
    let verbs: [&[&str]; 2] = [&["set-lane", "gray", "-f", file], &["validate", "-f", file]];
    for args in verbs {
        let output = mesh.lanectl_any(args).await?.exits(4)?;
        for words in said {
            let is_said = output.stderr.lines().any(|line| words.iter().all(|word| line.contains(word)));
            ensure!(is_said, "{words:?} stand in no line of {}:\n{}", output.command, output.stderr);
        }
    }
    Ok(())
}

#[tokio::test]
async fn bad_files_are_refused_with_every_problem_and_change_nothing() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    lanes::gray(&mesh).await?;
    let files = snapshot(&mesh.dir())?;
    let version = generation(&mesh).await?;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("file.yaml");
    let mut faults = String::new();
    for Bad { name, text, said } in
        [not_an_object(), of_the_head(), of_rules(), of_shares_and_times()].into_iter().flatten()
    {
        std::fs::write(&path, text)?;
        if let Err(fault) = check_refused(&mesh, &path.to_string_lossy(), said).await {
            writeln!(faults, "-- {name}: {fault}")?;
        }
        let changed = changes(&files, &snapshot(&mesh.dir())?);
        ensure!(changed.is_empty(), "{name}: {changed:?} have changed");
    }
    ensure!(faults.is_empty(), "{faults}");
    // A good file about another lane is refused by the command that names this one.
    std::fs::write(&path, rule(json!({ "path": "present" })))?;
    let refused = mesh.lanectl_any(&["set-lane", "blue", "-f", &path.to_string_lossy()]).await?.exits(4)?;
    assert!(
        refused.stderr.contains("metadata.name") && refused.stderr.contains("blue"),
        "{}",
        refused.stderr
    );

    assert!(changes(&files, &snapshot(&mesh.dir())?).is_empty());
    assert_eq!(generation(&mesh).await?, version);
    check_traffic(&mesh).await?;
    mesh.passed().await;
    Ok(())
}

/// The generation of the filter at the gateway.
async fn generation(mesh: &Mesh) -> Result<u64> {
    let stats = mesh.envoy(GATEWAY)?.stats().await?;
    let found = stats.iter().find(|(stat, _)| stat.ends_with("graylane_generation"));
    found.map(|(_, value)| *value).context("no generation")
}
