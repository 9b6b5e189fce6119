//! `lanectl get` on a cluster.

use std::fmt::Debug;

use futures_util::TryStreamExt as _;
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rows::{Columns, Listed};
use crate::cli::error::CommandError;
use crate::cli::get::{GetArgs, Kind, names, objects_out};
use crate::cli::ui::{Output, Ui};
use crate::cluster::client::{Cluster, Error};
use crate::cluster::crd::{Lane, LaneGroup};

pub(super) async fn run(cluster: &Cluster, args: &GetArgs, ui: &Ui) -> Result<u8, CommandError> {
    match args.kind {
        Kind::Lanes if args.watch => follow::<Lane>(cluster, args, ui).await,
        Kind::Groups if args.watch => follow::<LaneGroup>(cluster, args, ui).await,
        Kind::Lanes => show(cluster.lanes(args.all_namespaces).await?, args, ui),
        Kind::Groups => show(cluster.groups(args.all_namespaces).await?, args, ui),
        Kind::Proxies => {
            let text =
                "the proxies of a cluster are its pods; `lanectl status` counts those that have followed";
            Err(CommandError::usage(text.to_owned()))
        }
    }
}

fn show<K: Listed + Resource + Serialize>(
    objects: Vec<K>,
    args: &GetArgs,
    ui: &Ui,
) -> Result<u8, CommandError> {
    let objects: Vec<K> =
        objects.into_iter().filter(|object| is_meant(object, args)).map(without_managers).collect();
    if let (Some(name), []) = (&args.name, objects.as_slice()) {
        return Err(Error::NotFound { kind: K::KIND.to_owned(), name: name.clone() }.into());
    }
    let code = match args.output {
        Output::Json | Output::Yaml => objects_out(&objects, args, ui),
        Output::Name => {
            let all: Vec<String> = objects.iter().map(ResourceExt::name_any).collect();
            names(ui, K::KIND, all.iter().map(String::as_str))
        }
        Output::Table | Output::Wide => {
            let rows: Vec<_> = objects.iter().map(|object| cells(object, args)).collect();
            ui.table(&header::<K>(args), &rows)
        }
    };
    Ok(code?)
}

/// Prints what there is, and then each object that changes, until it is interrupted.
async fn follow<K>(cluster: &Cluster, args: &GetArgs, ui: &Ui) -> Result<u8, CommandError>
where
    K: Listed + Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize,
    K: DeserializeOwned + Send + 'static,
{
    // What can be said now is said now: a watch would try again and again.
    cluster
        .api::<K>(args.all_namespaces)
        .list(&kube::api::ListParams::default().limit(1))
        .await
        .map_err(|error| cluster.failed(&format!("{}s", K::KIND), error))?;
    let mut columns = Columns::default();
    if matches!(args.output, Output::Table | Output::Wide) {
        let header: Vec<String> = header::<K>(args).into_iter().map(str::to_owned).collect();
        ui.data(&columns.line(&header))?;
    }
    let events = watch(cluster.api::<K>(args.all_namespaces), watcher::Config::default()).default_backoff();
    let mut events = std::pin::pin!(events);
    loop {
        match events.try_next().await {
            Ok(Some(Event::Apply(object) | Event::InitApply(object))) if is_meant(&object, args) => {
                print(&mut columns, without_managers(object), args, ui)?;
            }
            Ok(Some(Event::Delete(object))) if is_meant(&object, args) => {
                ui.say(&format!("{} {} is removed", K::KIND, object.name_any()));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(0),
            Err(error) => ui.say(&format!("warning: the watch was broken off and begins again: {error}")),
        }
    }
}

fn print<K: Listed + Resource + Serialize>(
    columns: &mut Columns,
    object: K,
    args: &GetArgs,
    ui: &Ui,
) -> Result<u8, CommandError> {
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&object, args.output),
        Output::Name => names(ui, K::KIND, [object.name_any().as_str()].into_iter()),
        Output::Table | Output::Wide => ui.data(&columns.line(&cells(&object, args))),
    };
    Ok(code?)
}

fn is_meant<K: Resource>(object: &K, args: &GetArgs) -> bool {
    args.name.as_ref().is_none_or(|name| object.name_any() == *name)
}

/// Who manages which field is for programs that apply.
fn without_managers<K: Resource>(mut object: K) -> K {
    object.meta_mut().managed_fields = None;
    object
}

fn header<K: Listed>(args: &GetArgs) -> Vec<&'static str> {
    let (narrow, wide) = K::COLUMNS;
    let namespace = args.all_namespaces.then_some("NAMESPACE");
    let wide = if args.output == Output::Wide { wide } else { &[] };
    namespace.into_iter().chain(narrow.iter().copied()).chain(wide.iter().copied()).collect()
}

fn cells<K: Listed + Resource>(object: &K, args: &GetArgs) -> Vec<String> {
    let namespace = args.all_namespaces.then(|| object.namespace().unwrap_or_default());
    let wide = if args.output == Output::Wide { object.wide() } else { Vec::new() };
    namespace.into_iter().chain(object.row()).chain(wide).collect()
}
