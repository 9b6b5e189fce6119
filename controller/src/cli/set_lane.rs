//! `lanectl set-lane`: create or replace a lane.

use std::path::{Path, PathBuf};

use clap::Args;
use lane::model::{LANE, Lane, LaneSpec};
use lane::name::LaneName;
use lane::problem::Problem;

use super::error::CommandError;
use super::rule_flags::{RuleFlags, ShareFlags, end};
use super::ui::Ui;
use super::{ChangeArgs, apply, open};
use crate::standalone::documents::{in_file, parse_lane};
use crate::standalone::error::{Error, Result};
use crate::standalone::files;
use crate::standalone::store::{Objects, Store};

/// Create or replace a lane, and bring it to the proxies
///
/// The flags describe one rule; a file (-f) may hold any number. Clusters and routes are in force before the
/// first request is admitted.
#[derive(Debug, Args)]
pub(super) struct SetLaneArgs {
    /// Name of the lane: the one that its workloads carry in the topology
    name: LaneName,
    #[command(flatten)]
    rule: RuleFlags,
    #[command(flatten)]
    share: ShareFlags,
    /// End of the lane: a time or a duration from now, kept by the filter itself
    #[arg(long, value_name = "TIME", value_parser = end)]
    expires: Option<jiff::Timestamp>,
    /// Higher wins where a request could enter several lanes
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Who to ask about the lane
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// A Lane object instead of flags; - reads standard input
    #[arg(
        short,
        long,
        value_name = "FILE",
        conflicts_with_all = ["headers", "cookies", "queries", "path", "method", "host", "source", "any",
            "percent", "sticky", "expires", "priority", "owner"]
    )]
    file: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(store: &Store, args: &SetLaneArgs, ui: &Ui) -> Result<u8, CommandError> {
    let (_lock, state) = open(store)?;
    let mut objects = store.objects()?;
    let mut lane = match &args.file {
        Some(path) => from_file(path, &args.name)?,
        None => from_flags(args, &objects),
    };
    let old = objects.lanes.iter().position(|lane| lane.metadata.name == args.name);
    if let Some(old) = old.map(|place| objects.lanes.remove(place)) {
        // The buckets that the lane holds stay its own.
        lane.status = old.status;
    }
    objects.lanes.push(lane);
    objects.lanes.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let what = format!("lane {}", args.name);
    apply::carry_out(store, state, objects, &args.change, &what, ui).await
}

fn from_flags(args: &SetLaneArgs, objects: &Objects) -> Lane {
    let spec = LaneSpec {
        group: objects.group.metadata.name.clone(),
        priority: args.priority.unwrap_or(0),
        rules: args.rule.rule().into_iter().collect(),
        share: args.share.share(),
        expires: args.expires,
        owner: args.owner.clone(),
    };
    Lane::new(LANE, args.name.clone(), spec)
}

fn from_file(path: &Path, name: &LaneName) -> Result<Lane> {
    let lane = parse_lane(&text_of(path)?).map_err(|found| Error::Refused(in_file(path, found).collect()))?;
    if lane.metadata.name != *name {
        let reason = format!("the file is about lane {}, the command about {name}", lane.metadata.name);
        let problem = Problem::error("metadata.name", reason, "use the same name in both");
        return Err(Error::Refused(in_file(path, vec![problem]).collect()));
    }
    Ok(lane)
}

/// The text of a file, or of standard input for `-`.
pub(super) fn text_of(path: &Path) -> Result<String> {
    if path != Path::new("-") {
        return files::read_existing(path);
    }
    std::io::read_to_string(std::io::stdin()).map_err(|source| Error::File {
        action: "read",
        path: "standard input".into(),
        source,
    })
}
