//! `lanectl ticket issue`: a ticket for a lane.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use lane::name::LaneName;
use lane::ticket::{Audience, Claims, Subject, issue};

use super::key_file::KeyFile;
use crate::cli::error::CommandError;
use crate::cli::rule_flags::duration;
use crate::cli::ui::Ui;
use crate::standalone::error::Error;

/// The file of the private key where nothing else is said.
pub(super) const KEY_FILE: &str = "ticket.key";

/// A ticket is valid a little earlier than it was issued: clocks differ.
const LEEWAY: Duration = Duration::from_secs(60);

/// Issue a ticket: whoever shows it may enter the lane until it expires
#[derive(Debug, Args)]
pub(super) struct IssueArgs {
    /// The lane that it opens
    #[arg(long, value_name = "NAME")]
    lane: LaneName,
    /// Whom it is for; shown by `inspect`, not by the proxies
    #[arg(long, value_name = "TEXT")]
    subject: Subject,
    /// How long it is valid, such as 4h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    ttl: Duration,
    /// File of the private key
    #[arg(long, value_name = "FILE", default_value = KEY_FILE, env = "GRAYLANE_TICKET_KEY")]
    key: PathBuf,
    /// The lane group, `NAMESPACE/NAME` on a cluster; nobody is asked for it then. The only one of the target if not given
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<Audience>,
}

pub(super) fn run(args: &IssueArgs, audience: Audience, ui: &Ui) -> Result<u8, CommandError> {
    let KeyFile { id, key } = KeyFile::read(&args.key)?;
    let now = Timestamp::now();
    let end = now.checked_add(args.ttl).ok().filter(|end| end.as_second() > now.as_second());
    let end = end.ok_or_else(|| {
        CommandError::usage(
            "a ticket is valid for a second at least, and not for ever; write a --ttl such as 4h".to_owned(),
        )
    })?;
    let begin = now.checked_sub(LEEWAY).unwrap_or(now);
    let second = |time: Timestamp| u64::try_from(time.as_second()).unwrap_or(0);
    let claims = Claims {
        key: id,
        audience,
        lane: args.lane.clone(),
        subject: args.subject.clone(),
        not_before: second(begin),
        expires: second(end),
    };
    let ticket = issue(&claims, &key).map_err(|error| Error::Internal(error.to_string()))?;
    let Claims { lane, audience, subject, .. } = claims;
    ui.say(&format!("lane {lane} of group {audience}, for {}, until {}", subject.as_str(), whole(end)));
    Ok(ui.data(&format!("{ticket}\n"))?)
}

/// A time in whole seconds, as a ticket has it.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
