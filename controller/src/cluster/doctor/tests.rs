//! Every check, over a cluster in which nothing is wrong and with one thing wrong in it at a time.

mod istio;
mod policies;
mod rights;
mod workloads;

use serde_json::Value;

use super::*;
use crate::cluster::crd::{Lane, LaneGroup};

/// The cluster without a fault.
const GOOD: &str = include_str!("tests/good.yaml");
/// Where the proxies of it get the module from.
const URL: &str = "http://lane-controller.graylane-system:8080/module/graylane.wasm";

/// One fault: objects that are laid over those of the good cluster, and what is said then.
struct Case {
    name: &'static str,
    check: &'static str,
    /// YAML: fields of objects that are there are replaced, `null` takes one away, other objects are added.
    change: &'static str,
    severity: Severity,
    object: &'static str,
    message: &'static str,
    remedy: &'static str,
}

#[track_caller]
fn hold(cases: &[Case]) {
    for Case { name, check, change, severity, object, message, remedy } in cases {
        let findings = examine(&snapshot(change));
        let found = findings.iter().find(|finding| {
            finding.check == *check && finding.severity == *severity && finding.object.to_string() == *object
        });
        let found = found.unwrap_or_else(|| panic!("{name}: not found among {:#?}", said(&findings)));
        assert!(found.message.contains(message), "{name}: {}", found.message);
        assert!(found.remedy.as_deref().unwrap_or_default().contains(remedy), "{name}: {:?}", found.remedy);
    }
}

/// Changes that are no faults.
#[track_caller]
fn pass(check: &str, changes: &[(&str, &str)]) {
    for (name, change) in changes {
        let findings = examine(&snapshot(change));
        let mut of_check = findings.iter().filter(|finding| finding.check == check);
        assert!(of_check.all(|finding| finding.severity == Severity::Pass), "{name}: {:#?}", said(&findings));
    }
}

/// What does not pass.
fn said(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity > Severity::Pass).collect()
}

#[test]
fn where_nothing_is_wrong_every_check_passes() {
    let findings = examine(&snapshot(""));
    assert!(said(&findings).is_empty(), "{:#?}", said(&findings));
    let mut checks: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
    checks.dedup();
    assert_eq!(checks, CHECKS.iter().map(|check| check.id).collect::<Vec<_>>());
}

#[test]
fn the_page_of_the_doctor_has_every_check() {
    let page = include_str!("../../../../docs/doctor.md");
    let rows: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            Some((cells.next()?.trim_end_matches('`'), cells.next()?))
        })
        .collect();
    assert_eq!(rows, CHECKS.iter().map(|check| (check.id, check.holds)).collect::<Vec<_>>());
}

/// The good cluster with changes.
fn snapshot(change: &str) -> Snapshot {
    let mut objects = documents(GOOD);
    for change in documents(change) {
        match objects.iter_mut().find(|object| id(object) == id(&change)) {
            Some(object) => merge(object, change),
            None => objects.push(change),
        }
    }
    objects.retain(|object| object.get("absent").is_none());
    let group: LaneGroup = of_kind(&objects, "LaneGroup").into_iter().next().unwrap();
    let lanes: Vec<Lane> = of_kind(&objects, "Lane");
    let mut snapshot = Snapshot::new(group, lanes);
    snapshot.modules.insert(URL.to_owned(), Fetched::File("00".to_owned()));
    for object in objects {
        let object: kube::api::DynamicObject = serde_json::from_value(object).unwrap();
        let kind = object.types.as_ref().unwrap().kind.clone();
        let is_controller = object.metadata.name.as_deref() == Some("lane-controller");
        let mut kinds = CHECKS.iter().flat_map(|check| check.needs);
        let meant = |known: &&Kind| {
            known.resource().kind == kind
                && (**known == Kind::Controller) == (is_controller && kind == "Deployment")
        };
        if let Some(kind) = kinds.find(meant) {
            snapshot.objects.entry(*kind).or_default().push(object);
        }
    }
    snapshot
}

fn of_kind<K: serde::de::DeserializeOwned>(objects: &[Value], kind: &str) -> Vec<K> {
    let found = objects.iter().filter(|object| object["kind"] == kind);
    found.map(|object| serde_json::from_value(object.clone()).unwrap()).collect()
}

fn documents(text: &str) -> Vec<Value> {
    let filled = text.split("---\n").filter(|document| !document.trim().is_empty());
    filled.map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

fn id(object: &Value) -> (String, String, String) {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// A merge patch, as RFC 7396 has it.
fn merge(object: &mut Value, change: Value) {
    match (object, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (key, change) in changes {
                if change.is_null() {
                    fields.remove(&key);
                } else {
                    merge(fields.entry(key).or_insert(Value::Null), change);
                }
            }
        }
        (object, change) => *object = change,
    }
}
