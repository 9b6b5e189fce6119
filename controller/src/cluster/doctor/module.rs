//! Whether the module that our filters name can be had.

use std::collections::BTreeSet;

use kube::ResourceExt as _;
use serde_json::Value;

use super::remedy;
use super::report::{ObjectName, Symptom};
use super::scene::{Scene, proxy};
use super::snapshot::{Fetched, Kind, Snapshot};
use crate::cluster::dereference::{PROXY_CONTAINER, is_ours};

/// Where a filter of ours gets the module from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    File(String),
    Address { url: String, sha256: String },
}

/// The addresses that can be asked for the module.
#[must_use]
pub fn addresses(snapshot: &Snapshot) -> BTreeSet<String> {
    let sources = sources(snapshot).into_iter();
    sources
        .filter_map(|(source, _)| match source {
            Source::Address { url, .. } if url.starts_with("http") => Some(url),
            _ => None,
        })
        .collect()
}

pub(super) fn run(scene: &Scene<'_>) -> Vec<Symptom> {
    let sources = sources(scene.snapshot);
    if sources.is_empty() {
        let group = &scene.snapshot.group;
        let namespace = group.namespace().unwrap_or_default();
        let message = "no filter of the group has been written yet".to_owned();
        let remedy = format!("kubectl describe lanegroup {} --namespace={namespace}", group.name_any());
        return vec![Symptom::unknown(scene.group_name(), message, Some(remedy))];
    }
    sources.into_iter().map(|(source, filter)| symptom(scene, &source, filter)).collect()
}

fn symptom(scene: &Scene<'_>, source: &Source, filter: ObjectName) -> Symptom {
    match source {
        Source::File(path) => {
            let message =
                format!("the module is the file {path} in each proxy, which cannot be seen from here");
            Symptom::unknown(filter, message, inside(scene, &format!("sha256sum {}", remedy::word(path))))
        }
        Source::Address { url, sha256 } => fetched(scene, url, sha256, filter),
    }
}

fn fetched(scene: &Scene<'_>, url: &str, sha256: &str, filter: ObjectName) -> Symptom {
    let address = remedy::word(url);
    let look = format!("curl --silent --show-error --fail --output /dev/null {address}");
    match scene.snapshot.modules.get(url) {
        Some(Fetched::File(found)) if found == sha256 => {
            Symptom::pass(filter, format!("{url} can be fetched from here, and is what is meant"))
        }
        Some(Fetched::File(found)) => {
            let message = format!(
                "{url} has the SHA-256 {found}, not {sha256}: proxies refuse it, and new ones answer without lanes"
            );
            Symptom::fail(filter, message, format!("curl --silent --show-error --fail {address} | sha256sum"))
        }
        Some(Fetched::Status(code)) => {
            Symptom::fail(filter, format!("{url} answers {code} to where lanectl runs"), look)
        }
        Some(Fetched::Silent(reason)) => {
            let message =
                format!("{url} cannot be reached from where lanectl runs ({reason}); proxies may reach it");
            Symptom::unknown(filter, message, inside(scene, &look))
        }
        // An image, which agents fetch from its registry.
        None => {
            let message = format!("{url} is fetched by proxies alone; their logs say what came of it");
            let logs = pod(scene).map(|(namespace, name)| {
                format!("kubectl logs {name} --namespace={namespace} --container={PROXY_CONTAINER}")
            });
            Symptom::unknown(filter, message, logs)
        }
    }
}

/// A command in the proxy of a pod of the group.
fn inside(scene: &Scene<'_>, command: &str) -> Option<String> {
    let (namespace, name) = pod(scene)?;
    Some(format!("kubectl exec {name} --namespace={namespace} --container={PROXY_CONTAINER} -- {command}"))
}

/// A pod of the group with a proxy: its namespace and its name.
fn pod(scene: &Scene<'_>) -> Option<(String, String)> {
    let pod = scene
        .workloads
        .iter()
        .find_map(|workload| scene.pods_of(workload).find(|pod| proxy(pod).is_some()))?;
    Some((pod.namespace()?, pod.name_any()))
}

/// The port of the controller at which proxies fetch the module, where it serves it.
pub(super) fn of_controller(snapshot: &Snapshot) -> Option<i32> {
    let within = format!(".{}", snapshot.controller_namespace);
    addresses(snapshot).into_iter().find_map(|url| {
        let (host, port) = url.split_once("://")?.1.split('/').next()?.split_once(':')?;
        let is_there = host.contains(&format!("{within}.")) || host.ends_with(&within);
        is_there.then(|| port.parse().ok()).flatten()
    })
}

/// Every source once, with a filter that names it.
fn sources(snapshot: &Snapshot) -> Vec<(Source, ObjectName)> {
    let mut found: Vec<(Source, ObjectName)> = Vec::new();
    for filter in snapshot.of(Kind::EnvoyFilter).iter().filter(|filter| is_ours(filter)) {
        let mut sources = Vec::new();
        collect(&filter.data, &mut sources);
        for source in sources {
            if found.iter().all(|(known, _)| *known != source) {
                found.push((source, ObjectName::of("envoyfilter", filter)));
            }
        }
    }
    found
}

/// Finds `vm_config.code` anywhere in a value.
fn collect(value: &Value, found: &mut Vec<Source>) {
    if let Some(code) = value.pointer("/vm_config/code") {
        let text = |path: &str| code.pointer(path).and_then(Value::as_str).map(str::to_owned);
        found.extend(text("/local/filename").map(Source::File));
        let address = text("/remote/http_uri/uri").zip(text("/remote/sha256"));
        found.extend(address.map(|(url, sha256)| Source::Address { url, sha256 }));
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
