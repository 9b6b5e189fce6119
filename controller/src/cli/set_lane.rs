//! `lanectl set-lane`: create or replace a lane.

use std::path::{Path, PathBuf};

use clap::Args;
use lane::model::{CookieFromQuery, LANE, Lane, LaneSpec};
use lane::name::{GroupName, LaneName};
use lane::problem::Problem;

use super::error::CommandError;
use super::rule_flags::{RuleFlags, ShareFlags, end};
use super::trust_flags::TrustFlags;
use super::ui::Ui;
use super::{ChangeArgs, apply, open};
use crate::standalone::documents::{in_file, parse_lane};
use crate::standalone::error::{Error, Result};
use crate::standalone::files;
use crate::standalone::store::Store;

/// Create or replace a lane, and bring it to the proxies
///
/// The flags describe one rule; a file (-f) may hold any number. Clusters and routes are in force before the
/// first request is admitted.
#[derive(Debug, Args)]
pub(super) struct SetLaneArgs {
    /// Name of the lane: the one that its workloads carry, in the topology or as the label graylane.dev/lane
    pub(super) name: LaneName,
    /// Lane group of the lane; the only one there is if not given
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<GroupName>,
    #[command(flatten)]
    rule: RuleFlags,
    #[command(flatten)]
    share: ShareFlags,
    /// Let browsers ask for the lane by this query parameter, with the lane's name or a ticket as its value, and stay in it
    /// by a cookie; an empty value takes the cookie away
    #[arg(long, value_name = "NAME")]
    cookie_from_query: Option<String>,
    #[command(flatten)]
    trust: TrustFlags,
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
            "percent", "sticky", "cookie_from_query", "ticket", "from_addresses", "from_principals", "expires", "priority", "owner"]
    )]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

impl SetLaneArgs {
    /// The lane that the flags describe; it belongs to `only` where they name no group.
    pub(super) fn lane(&self, only: &GroupName) -> Lane {
        let spec = LaneSpec {
            group: self.group.clone().unwrap_or_else(|| only.clone()),
            priority: self.priority.unwrap_or(0),
            rules: self.rule.rule().into_iter().collect(),
            share: self.share.share(),
            trust: self.trust.trust(),
            cookie_from_query: self
                .cookie_from_query
                .clone()
                .map(|query| CookieFromQuery { query, cookie: None }),
            sources: self.trust.sources(),
            expires: self.expires,
            owner: self.owner.clone(),
            release: None,
        };
        Lane::new(LANE, self.name.clone(), spec)
    }

    /// The lane in the text of a file, which must be about the same lane and group as the command.
    pub(super) fn lane_in(&self, path: &Path, text: &str) -> Result<Lane> {
        let refused = |found| Error::Refused(in_file(path, found).collect());
        let lane = parse_lane(text).map_err(refused)?;
        let differs = |field: &str, what: &str, found: &str, wanted: &str| {
            let reason = format!("the file is about {what} {found}, the command about {wanted}");
            refused(vec![Problem::error(field, reason, "use the same name in both")])
        };
        if lane.metadata.name != self.name {
            return Err(differs("metadata.name", "lane", lane.metadata.name.as_str(), self.name.as_str()));
        }
        match &self.group {
            Some(group) if lane.spec.group != *group => {
                Err(differs("spec.group", "group", lane.spec.group.as_str(), group.as_str()))
            }
            _ => Ok(lane),
        }
    }
}

pub(super) async fn run(store: &Store, args: &SetLaneArgs, ui: &Ui) -> Result<u8, CommandError> {
    let (_lock, state) = open(store)?;
    let mut objects = store.objects()?;
    let mut lane = match &args.file {
        Some(path) => args.lane_in(path, &text_of(path)?)?,
        None => args.lane(&objects.group.metadata.name),
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
