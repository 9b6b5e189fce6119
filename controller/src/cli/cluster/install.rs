//! `lanectl install` and `lanectl uninstall`: what the controller needs in a cluster.

use std::time::Duration;

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::cli::change_args::DryRun;
use crate::cli::error::CommandError;
use crate::cli::install::{InstallArgs, UninstallArgs};
use crate::cli::ui::Ui;
use crate::cluster::client::{Access, ApplyOptions, Cluster, Error, Manifest, Result, says_the_same};
use crate::cluster::install::{NAMESPACE, Options, objects};
use crate::standalone::documents::yaml;

/// How long the API server may take to serve a new kind.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(60);
/// What a custom resource is defined by.
const DEFINITION: &str = "CustomResourceDefinition";
/// Pause between two looks.
const POLL: Duration = Duration::from_millis(250);

pub(super) async fn install(access: &Access, args: &InstallArgs, ui: &Ui) -> Result<u8, CommandError> {
    let module = args.module.elsewhere().map_err(|error| CommandError::usage(error.to_string()))?;
    let wanted = objects(&Options {
        image: args.image.clone(),
        pull_secrets: args.image_pull_secret.clone(),
        module,
        ..options(access, args.namespaced)?
    });
    if args.dry_run == Some(DryRun::Client) {
        let documents = wanted.iter().map(yaml).collect::<Result<Vec<_>, _>>()?;
        return Ok(ui.data(&documents.join("---\n"))?);
    }
    let cluster = Cluster::connect(access).await?;
    let how = ApplyOptions { dry_run: args.dry_run == Some(DryRun::Server), force: args.force_conflicts };
    let manifests = wanted.into_iter().map(Manifest::new).collect::<Result<Vec<_>>>()?;
    for manifest in &manifests {
        apply(&cluster, manifest, how, ui).await?;
        if manifest.kind() == DEFINITION && !how.dry_run {
            let established = |object: &DynamicObject| has_condition(object, "Established");
            until(&cluster, manifest, ESTABLISHED_WITHIN, "the API server does not serve it", established)
                .await?;
        }
    }
    if args.wait && !how.dry_run {
        for manifest in manifests.iter().filter(|manifest| manifest.kind() == "Deployment") {
            until(&cluster, manifest, args.timeout, "the controller is not ready", is_rolled_out).await?;
            ui.say(&format!("{manifest} is ready"));
        }
    }
    Ok(0)
}

pub(super) async fn uninstall(access: &Access, args: &UninstallArgs, ui: &Ui) -> Result<u8, CommandError> {
    let installed = objects(&options(access, args.namespaced)?);
    let mut manifests = installed.into_iter().rev().map(Manifest::new).collect::<Result<Vec<_>>>()?;
    manifests.retain(|manifest| !args.namespaced || manifest.kind() != DEFINITION);
    if args.dry_run == Some(DryRun::Client) {
        let names = manifests.iter().map(|manifest| manifest.to_string().replacen(' ', "/", 1) + "\n");
        return Ok(ui.data(&names.collect::<String>())?);
    }
    let cluster = Cluster::connect(access).await?;
    let groups = match cluster.groups(!args.namespaced).await {
        Err(Error::NotInstalled) => Vec::new(),
        groups => groups?,
    };
    if !groups.is_empty() {
        let name = |group: &crate::cluster::crd::LaneGroup| {
            format!("{}/{}", group.namespace().unwrap_or_default(), group.name_any())
        };
        return Err(Error::InUse(groups.iter().map(name).collect()).into());
    }
    let dry_run = args.dry_run.is_some();
    for manifest in &manifests {
        let existed = cluster.remove(manifest, dry_run).await?;
        let verb = match (existed, dry_run) {
            (false, _) => "was not there",
            (true, false) => "removed",
            (true, true) => "would be removed",
        };
        ui.say(&format!("{manifest} {verb}"));
    }
    Ok(0)
}

/// What the names of the objects depend on.
fn options(access: &Access, namespaced: bool) -> Result<Options, CommandError> {
    let namespace = match &access.namespace {
        Some(namespace) => namespace.clone(),
        None if namespaced => {
            return Err(CommandError::usage(
                "--namespaced needs --namespace: it says where to work".to_owned(),
            ));
        }
        None => NAMESPACE.to_owned(),
    };
    Ok(Options { namespace, namespaced, ..Options::default() })
}

async fn apply(cluster: &Cluster, manifest: &Manifest, how: ApplyOptions, ui: &Ui) -> Result<()> {
    let before = cluster.live(manifest).await?;
    let verb = match (cluster.apply(manifest, how).await, &before, how.dry_run) {
        // The namespace itself was only tried, so nothing can be tried in it.
        (Err(Error::NotFound { kind, .. }), None, true) if kind == "namespace" => {
            "would be created, unchecked"
        }
        (Err(error), ..) => return Err(error),
        (Ok(after), Some(before), _) if says_the_same(before, &after) => "unchanged",
        (Ok(_), _, false) => "applied",
        (Ok(_), None, true) => "would be created",
        (Ok(_), Some(_), true) => "would change",
    };
    ui.say(&format!("{manifest} {verb}"));
    Ok(())
}

/// Waits until an object is as it should be.
async fn until(
    cluster: &Cluster,
    manifest: &Manifest,
    timeout: Duration,
    what: &str,
    is_so: impl Fn(&DynamicObject) -> bool,
) -> Result<()> {
    let deadline = Instant::now() + timeout;
    loop {
        let found = cluster.live(manifest).await?;
        if found.as_ref().is_some_and(&is_so) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let lagging = vec![manifest.to_string()];
            return Err(Error::TimedOut { what: format!("{what} within {timeout:?}"), lagging });
        }
        sleep(POLL).await;
    }
}

fn has_condition(object: &DynamicObject, kind: &str) -> bool {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let text =
        |condition: &Value, field: &str| condition.get(field).and_then(Value::as_str).map(str::to_owned);
    conditions.into_iter().flatten().any(|condition| {
        text(condition, "type").as_deref() == Some(kind)
            && text(condition, "status").as_deref() == Some("True")
    })
}

/// Whether all replicas of a Deployment run its newest template and are available.
fn is_rolled_out(object: &DynamicObject) -> bool {
    let number = |pointer: &str| object.data.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let wanted = number("/spec/replicas");
    number("/status/observedGeneration") == object.metadata.generation.unwrap_or_default()
        && number("/status/updatedReplicas") == wanted
        && number("/status/availableReplicas") == wanted
        && number("/status/replicas") == wanted
}
