//! `lanectl ticket inspect`: what a ticket says.

use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use lane::problem::Problem;
use lane::ticket::{Claims, PublicKey, Refusal, Ticket};
use serde::Serialize;

use crate::cli::error::CommandError;
use crate::cli::set_lane::text_of;
use crate::cli::ui::{Output, Ui};
use crate::standalone::error::Error;

/// Read a ticket: key, group, lane, subject and time, and whether it is valid now
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// The ticket; - reads standard input
    ticket: String,
    /// Public key that its signature is checked against
    #[arg(long, value_name = "KEY")]
    public_key: Option<PublicKey>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What a ticket says, for people.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    key: String,
    group: String,
    lane: String,
    subject: String,
    not_before: String,
    expires: String,
    /// `valid`, `expired`, or `not yet valid`: by this machine's clock.
    time: &'static str,
    /// `valid`, or `not checked`; one that is wrong is an error.
    signature: &'static str,
}

pub(super) fn run(args: &InspectArgs, ui: &Ui) -> Result<u8, CommandError> {
    let text = if args.ticket == "-" { text_of(Path::new("-"))? } else { args.ticket.clone() };
    let ticket = Ticket::parse(text.trim().as_bytes()).map_err(refused)?;
    let signature = match &args.public_key {
        None => "not checked",
        Some(key) if ticket.is_signed_by(key) => "valid",
        Some(_) => return Err(refused(Refusal::Signature).into()),
    };
    let said = said(ticket.claims, signature, Timestamp::now());
    let code = match args.output {
        Output::Json | Output::Yaml => ui.object(&said, args.output),
        Output::Name => ui.data(&format!("lane/{}\n", said.lane)),
        Output::Table | Output::Wide => ui.data(&table(&said)),
    };
    Ok(code?)
}

fn refused(refusal: Refusal) -> Error {
    let remedy = match refusal {
        Refusal::Signature => "name the public key of the key that it is signed with",
        _ => "copy it as `lanectl ticket issue` has printed it",
    };
    Error::Refused(vec![Problem::error("TICKET", refusal.to_string(), remedy)])
}

fn said(claims: Claims, signature: &'static str, now: Timestamp) -> Said {
    let at =
        |seconds: u64| i64::try_from(seconds).ok().and_then(|second| Timestamp::from_second(second).ok());
    let shown = |seconds| at(seconds).map_or("beyond all times".to_owned(), |time| time.to_string());
    let time = if at(claims.expires).is_some_and(|end| end <= now) {
        "expired"
    } else if at(claims.not_before).is_none_or(|begin| now < begin) {
        "not yet valid"
    } else {
        "valid"
    };
    Said {
        key: claims.key.to_string(),
        group: claims.audience.to_string(),
        lane: claims.lane.to_string(),
        subject: claims.subject.as_str().to_owned(),
        not_before: shown(claims.not_before),
        expires: shown(claims.expires),
        time,
        signature,
    }
}

fn table(said: &Said) -> String {
    let rows = [
        ("key", said.key.as_str()),
        ("group", &said.group),
        ("lane", &said.lane),
        ("subject", &said.subject),
        ("not before", &said.not_before),
        ("expires", &said.expires),
        ("time", said.time),
        ("signature", said.signature),
    ];
    rows.map(|(name, value)| format!("{name:<12}{value}\n")).concat()
}
