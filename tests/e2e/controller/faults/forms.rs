//! The objects of a demo without what may differ between two runs: names of namespaces, numbers of generations,
//! times, and what the API server counts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use controller::cluster::crd::Lane;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams};
use lane::model::{Change, LanePhase, ObjectCondition, ProxyCount};
use serde_json::{Value, json};

use super::super::demo::Demo;

/// What differs although it means the same; the digest covers the namespace.
const VOLATILE: [&str; 7] =
    ["since", "time", "rulesSince", "lastTransitionTime", "rulesDigest", "rulesGeneration", "managedFields"];

/// The objects as text, one line for each field.
pub(super) async fn form(demo: &Demo) -> Result<String> {
    let mut group = demo.groups().get_opt("shop").await?;
    if let Some(status) = group.as_mut().and_then(|group| group.status.as_mut()) {
        // What came before the last end of a lane depends on how often a test has gone round.
        let last = status.history.iter().rposition(|entry| entry.change == Change::Remove);
        status.history.drain(..last.unwrap_or(0));
    }
    let is_obeyed = group.is_some();
    let lanes = demo.lanes().list(&ListParams::default()).await?;
    let mut all = vec![json!({ "group": group.map(|group| json!([group.spec, group.status])) })];
    // Nobody writes the status of a lane without a group: it is what it was at some moment before.
    let status = |lane: &Lane| lane.status.clone().filter(|_| is_obeyed);
    all.extend(lanes.into_iter().map(|lane| json!({ "lane": [lane.name_any(), lane.spec, status(&lane)] })));
    for kind in ["EnvoyFilter", "DestinationRule"] {
        let objects: Vec<DynamicObject> = demo.istio(kind).list(&demo.ours()).await?.items;
        all.extend(objects.into_iter().map(|object| json!({ kind: [object.name_any(), object.data] })));
    }
    all.extend(demo.deployments().list(&ListParams::default()).await?.into_iter().map(workload));
    let mut all = Value::Array(all);
    without_volatile(&mut all);
    Ok(serde_json::to_string_pretty(&all)?.replace(&demo.namespace, "NAMESPACE"))
}

/// What a release changes of a workload, and what it leaves there.
fn workload(deployment: Deployment) -> Value {
    let name = deployment.name_any();
    let mut annotations = deployment.metadata.annotations.unwrap_or_default();
    annotations.retain(|key, _| key.starts_with("graylane.dev/"));
    let spec = deployment.spec.unwrap_or_default();
    let ready = deployment.status.and_then(|status| status.ready_replicas);
    json!({ "workload": [name, annotations, spec.replicas, spec.template, ready] })
}

/// Whether what the controller was asked for is done: the status of every object says so.
pub(super) async fn settled(demo: &Demo) -> Result<()> {
    let pods = rolled_out(demo).await?;
    let Some(group) = demo.groups().get_opt("shop").await? else {
        for kind in ["EnvoyFilter", "DestinationRule"] {
            let left = demo.istio(kind).list(&demo.ours()).await?.items;
            ensure!(
                left.is_empty(),
                "left over: {:?}",
                left.iter().map(ResourceExt::name_any).collect::<Vec<_>>()
            );
        }
        let lanes = demo.lanes().list(&ListParams::default()).await?;
        let is_asked = |lane: &Lane| lane.spec.0.release.is_some();
        ensure!(!lanes.iter().any(is_asked), "a lane with a release is there");
        return Ok(());
    };
    ensure!(group.metadata.deletion_timestamp.is_none(), "the group is going");
    let status = group.status.unwrap_or_default();
    let is_programmed = |conditions: &[ObjectCondition]| {
        conditions.iter().any(|found| found.kind == "Programmed" && found.status == "True")
    };
    ensure!(is_programmed(&status.conditions), "the group: {:?}", status.conditions);
    ensure!(status.observed_generation == group.metadata.generation, "the group has changed");
    let ProxyCount { ready, total, .. } = status.proxies;
    ensure!(ready == total && total == pods, "{ready} of {total} proxies in {pods} pods");
    ensure!(status.clusters.iter().all(|cluster| cluster.phase.is_routed()), "{:?}", status.clusters);
    let in_force: BTreeMap<_, _> =
        status.lanes.iter().map(|lane| (lane.name.to_string(), lane.phase)).collect();
    let lanes = demo.lanes().list(&ListParams::default()).await?;
    let serving = lanes.iter().filter(|lane| lane.spec.0.release.is_none());
    let wanted = serving.map(|lane| (lane.name_any(), LanePhase::Admitted)).collect();
    ensure!(in_force == wanted, "in force: {in_force:?}");
    for lane in lanes {
        let (wanted, status) = (lane.spec.0.release, lane.status.unwrap_or_default());
        if let Some(wanted) = wanted {
            let release = status.release.as_ref().context("nothing is said of the release")?;
            ensure!(release.request == wanted.request && release.phase.is_final(), "{release:?}");
        }
        ensure!(is_programmed(&status.conditions), "the lane: {:?}", status.conditions);
        ensure!(status.observed_generation == lane.metadata.generation, "the lane has changed");
    }
    Ok(())
}

/// Fails until every workload has rolled out; returns how many pods there are.
async fn rolled_out(demo: &Demo) -> Result<u32> {
    for deployment in demo.deployments().list(&ListParams::default()).await? {
        let (name, generation) = (deployment.name_any(), deployment.metadata.generation);
        let wanted = deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let status = deployment.status.unwrap_or_default();
        let found = [status.replicas, status.updated_replicas, status.ready_replicas];
        let is_done = found.iter().all(|number| number.unwrap_or(0) == wanted);
        ensure!(is_done && status.observed_generation == generation, "{name}: {status:?}");
    }
    let pods: Api<Pod> = Api::namespaced(demo.cluster.client().await?, &demo.namespace);
    Ok(u32::try_from(pods.list_metadata(&ListParams::default()).await?.items.len())?)
}

/// That a run has ended where another one has.
pub(super) fn same(found: &str, expected: &str) -> Result<()> {
    let only = |a: &str, b: &str, mark: &str| {
        let others: BTreeSet<&str> = b.lines().collect();
        let lines = a.lines().filter(|line| !others.contains(line)).map(|line| format!("{mark} {line}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    ensure!(
        found == expected,
        "it ends elsewhere than undisturbed (-):\n{}\n{}",
        only(expected, found, "-"),
        only(found, expected, "+")
    );
    Ok(())
}

fn without_volatile(value: &mut Value) {
    match value {
        // What a filter is configured with, its number left out.
        Value::String(text) if text.starts_with('{') => {
            let Ok(Value::Object(mut config)) = serde_json::from_str(text) else { return };
            config.remove("generation");
            *text = Value::Object(config).to_string();
        }
        Value::Array(items) => items.iter_mut().for_each(without_volatile),
        Value::Object(fields) => {
            fields.retain(|name, _| !VOLATILE.contains(&name.as_str()));
            fields.values_mut().for_each(without_volatile);
        }
        _ => {}
    }
}

#[test]
fn only_the_number_of_the_generation_is_left_out() {
    let form = |number: u32| {
        let config = json!({ "generation": number, "buckets": 1000, "most": 4_294_967_295_u32 });
        let mut value = json!({ "rulesGeneration": number, "weight": 1000, "config": config.to_string() });
        without_volatile(&mut value);
        value
    };
    // Both stand within other numbers.
    assert_eq!(form(967), form(100));
    assert_eq!(form(967)["weight"], 1000);
    assert!(form(967)["config"].to_string().contains("4294967295"));
}
