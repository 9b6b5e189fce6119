//! `lanectl doctor` on a cluster.

use kube::ResourceExt as _;

use crate::cli::doctor::{DoctorArgs, Report, print};
use crate::cli::error::CommandError;
use crate::cli::ui::Ui;
use crate::cluster::client::{Cluster, Error, Places};
use crate::cluster::doctor::examine;

pub(super) async fn run(cluster: &Cluster, args: &DoctorArgs, ui: &Ui) -> Result<u8, CommandError> {
    let groups = match &args.group {
        Some(name) => vec![cluster.group(Some(name)).await?],
        None => cluster.groups(false).await?,
    };
    if groups.is_empty() {
        return Err(Error::NoGroup { namespace: cluster.namespace().to_owned() }.into());
    }
    let places =
        Places { istio: args.istio_namespace.clone(), controller: args.controller_namespace.clone() };
    let mut reports = Vec::new();
    for group in &groups {
        let snapshot = cluster.examination(group, &places).await?;
        let namespace = group.namespace().unwrap_or_default();
        reports.push(Report::new(namespace, group.name_any(), examine(&snapshot)));
    }
    print(&reports, args, ui)
}
