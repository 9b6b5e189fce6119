//! The rights that are installed are those that the controller uses: no more, and no less.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, ensure};
use controller::cluster::install;
use kube::api::DeleteParams;
use lane::model::ReleasePhase;
use serde_json::{Value, json};
use tests::cluster::{Cluster, GATEWAY_API};
use tests::controller::{Controller, ControllerOptions};
use tests::wait;

use super::demo::Demo;
use super::fake_proxies::FakeProxies;
use super::{DEADLINE, condition, objects, releases};

/// Whom the rights are given to.
const USER: &str = "controller";

/// API group, resource, verb.
type Right = (String, String, String);

/// The rights in the roles of the installation.
fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let rules = objects.iter().filter_map(|object| object["rules"].as_array()).flatten();
    let texts = |rule: &Value, field: &str| -> Vec<String> {
        rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in rules {
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                let verbs = texts(rule, "verbs").into_iter();
                rights.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    rights
}

/// The rights that the user has made use of. An apply that makes an object needs `create` beside `patch`.
fn used(cluster: &Cluster) -> Result<BTreeSet<Right>> {
    let events = cluster.audit_events()?.into_iter();
    let events = events.filter(|event| event.user == USER && !event.resource.is_empty());
    let rights = events.flat_map(|event| {
        ensure_allowed(event.code, &event.event);
        let created = (event.verb == "patch" && event.code == 201).then(|| "create".to_owned());
        let verbs = std::iter::once(event.verb).chain(created);
        verbs.map(move |verb| (event.group.clone(), event.resource.clone(), verb)).collect::<Vec<_>>()
    });
    Ok(rights.collect())
}

fn ensure_allowed(code: u64, event: &Value) {
    assert_ne!(code, 403, "{event:#}");
}

/// Installs everything, and binds the roles to the user under whose name the test runs the controller.
async fn install(cluster: &Cluster, options: &install::Options) -> Result<Vec<Value>> {
    let objects = install::objects(options);
    let file = cluster.dir().join("install.json");
    std::fs::write(&file, json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string())?;
    let kubectl = cluster.kubectl()?;
    let file = file.to_string_lossy();
    kubectl.ok(["apply", "--server-side", "-f", &file]).await?;
    let user = format!("--user={USER}");
    let role = "lane-controller";
    if !options.namespaced {
        kubectl.ok(["create", "clusterrolebinding", "test", "--clusterrole", role, &user]).await?;
    }
    kubectl.ok(["create", "rolebinding", "test", "-n", &options.namespace, "--role", role, &user]).await?;
    Ok(objects)
}

#[tokio::test]
async fn the_rights_that_are_granted_are_those_that_are_used() -> Result<()> {
    compare(false).await
}

#[tokio::test]
async fn in_one_namespace_too_the_rights_are_those_that_are_used() -> Result<()> {
    compare(true).await
}

/// Compares the rights of an installation for the whole cluster, or for one namespace, with what is used of them.
async fn compare(namespaced: bool) -> Result<()> {
    let cluster = Arc::new(Cluster::start().await?);
    cluster.install_istio_crds().await?;
    cluster.install_crds(&[GATEWAY_API]).await?;
    let namespace = cluster.namespace("demo").await?;
    let own = if namespaced { namespace.clone() } else { install::NAMESPACE.to_owned() };
    let options = install::Options {
        namespace: own.clone(),
        image: "example.com/lane-controller:1".to_owned(),
        namespaced,
        ..install::Options::default()
    };
    let installed = install(&cluster, &options).await?;

    let proxies = FakeProxies::start().await?;
    let controller = Controller::start(&ControllerOptions {
        kubeconfig: &cluster.kubeconfig_for(USER)?,
        namespace: namespaced.then_some(&*namespace),
        lease_namespace: &own,
        proxy_metrics: &proxies.metrics(),
    })
    .await?;
    let demo = Demo::with(cluster.clone(), namespace, controller, proxies).await?;
    demo.controller.explains(live_through_everything(&demo).await)?;

    let granted = granted(&installed);
    wait::succeeds(DEADLINE, "the lease is renewed", async || {
        let used = used(&cluster)?;
        let renewal = right("coordination.k8s.io", "leases", "update");
        ensure!(used.contains(&renewal), "{used:?}");
        Ok(())
    })
    .await?;
    // Watches are written down when they end.
    demo.controller.stop().await?;
    wait::succeeds(DEADLINE, "every right has been used", async || {
        let used = used(&cluster)?;
        let missing: Vec<_> = used.difference(&granted).collect();
        ensure!(missing.is_empty(), "used, and not granted: {missing:?}");
        let idle: Vec<_> = granted.difference(&used).collect();
        ensure!(idle.is_empty(), "granted, and not used: {idle:?}");
        Ok(())
    })
    .await
}

fn right(group: &str, resource: &str, verb: &str) -> Right {
    (group.to_owned(), resource.to_owned(), verb.to_owned())
}

/// A group, a lane and a fault come, change and go, with a promotion and a rollback in between; something goes wrong twice in
/// the same way.
async fn live_through_everything(demo: &Demo) -> Result<()> {
    let sound = json!({ "entries": ["gateway"], "services": [{ "name": "a" }] });
    let broken = json!({ "entries": ["gateway"], "services": [{ "name": "a" }, { "name": "nowhere" }] });
    let rules = json!([{ "name": "testers", "match": { "header": { "name": "x-gray" } } }]);
    for _ in 0..2 {
        demo.set_group(broken.clone()).await?;
        resolved(demo, "False").await?;
        demo.set_group(sound.clone()).await?;
        resolved(demo, "True").await?;
    }
    demo.set_lane("gray", json!({ "group": "shop", "rules": rules })).await?;
    // Of which the controller says that the group has no place for it.
    let end = "2100-01-01T00:00:00Z";
    let fault = json!({ "group": "shop", "to": "a", "abort": { "http": 503 }, "expires": end });
    demo.set_fault("broken", fault).await?;
    wait::succeeds(DEADLINE, "the lane admits requests", async || {
        ensure!(demo.at_the_gateway().await?.contains("testers"), "nobody is admitted");
        Ok(())
    })
    .await?;
    demo.add_stateful("c").await?;
    demo.set_group(json!({ "entries": ["gateway"], "services": [{ "name": "a" }, { "name": "c" }] })).await?;
    for (action, workloads) in [("Promote", "ScaleToZero"), ("Rollback", "Delete")] {
        releases::ask(demo, json!({ "action": action, "request": action, "workloads": workloads })).await?;
        let (phase, message) = releases::ended(demo, action).await?;
        ensure!(matches!(phase, ReleasePhase::Promoted | ReleasePhase::RolledBack), "{phase:?}: {message}");
    }
    demo.groups().delete("shop", &DeleteParams::default()).await?;
    wait::succeeds(DEADLINE, "everything is gone", async || {
        let found = objects(demo).await?;
        ensure!(found.is_empty(), "{found:?}");
        ensure!(demo.groups().get_opt("shop").await?.is_none(), "the group is still there");
        Ok(())
    })
    .await
}

async fn resolved(demo: &Demo, wanted: &str) -> Result<()> {
    wait::succeeds(DEADLINE, "the references to be looked at", async || {
        let found = condition(demo, "ResolvedRefs").await?;
        ensure!(found.0 == wanted, "{found:?}");
        Ok(())
    })
    .await
}
