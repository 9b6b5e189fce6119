//! `lanectl diff` on a cluster: what applying files would change, said by the API server.

use std::path::Path;

use kube::api::DynamicObject;
use lane::model::{LANE, LANE_GROUP};
use lane::problem::Problem;

use super::objects;
use crate::cli::diff::{DiffArgs, unified};
use crate::cli::error::CommandError;
use crate::cli::set_lane::text_of;
use crate::cli::ui::Ui;
use crate::cluster::client::{ApplyOptions, Cluster, Error, Manifest};
use crate::cluster::release::history::CHANGED_BY;
use crate::standalone::documents::{in_file, parse_group, parse_lane, yaml};

pub(super) async fn run(cluster: &Cluster, args: &DiffArgs, ui: &Ui) -> Result<u8, CommandError> {
    if args.files.is_empty() {
        return Err(CommandError::usage("on a cluster, diff compares files; name them with -f".to_owned()));
    }
    let mut differs = false;
    for path in &args.files {
        let manifest = read(path, &text_of(path)?, cluster.namespace())?;
        let live = cluster.live(&manifest).await?;
        let options = ApplyOptions { dry_run: true, force: false };
        let applied = cluster.apply(&manifest, options).await?;
        let live = live.as_ref().map(shown).transpose()?;
        let applied = shown(&applied)?;
        if live.as_ref() != Some(&applied) {
            differs = true;
            let name = format!("{}/{}", manifest.kind().to_ascii_lowercase(), manifest.name());
            ui.data(&unified(&name, live.as_deref(), Some(&applied)))?;
        }
    }
    Ok(u8::from(differs))
}

/// A lane or a group, with all its problems at once.
fn read(path: &Path, text: &str, namespace: &str) -> Result<Manifest, CommandError> {
    let is_group = objects::manifest(text, namespace).is_ok_and(|manifest| manifest.kind() == LANE_GROUP);
    let read = if is_group { parse_group(text).map(drop) } else { parse_lane(text).map(drop) };
    read.map_err(|found| Error::Refused(in_file(path, found).collect()))?;
    let manifest = objects::manifest(text, namespace)?;
    if [LANE, LANE_GROUP].contains(&manifest.kind()) {
        return Ok(manifest);
    }
    let problem =
        Problem::error("kind", format!("{:?} is neither Lane nor LaneGroup", manifest.kind()), "write one");
    Err(Error::Refused(in_file(path, vec![problem]).collect()).into())
}

/// What a user has said, without what the API server, the controller and `lanectl` itself have added.
fn shown(object: &DynamicObject) -> Result<String, CommandError> {
    let mut object = object.clone();
    let annotations = object.metadata.annotations.map(|mut annotations| {
        annotations.remove(CHANGED_BY);
        annotations
    });
    object.metadata = kube::api::ObjectMeta {
        name: object.metadata.name,
        namespace: object.metadata.namespace,
        labels: object.metadata.labels,
        annotations: annotations.filter(|left| !left.is_empty()),
        ..Default::default()
    };
    if let Some(fields) = object.data.as_object_mut() {
        fields.remove("status");
    }
    Ok(yaml(&object)?)
}
