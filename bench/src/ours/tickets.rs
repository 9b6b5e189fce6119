//! A lane that asks for a ticket, one that opens it, and one with a wrong signature.

use anyhow::Result;
use lane::filter_config::{FORMAT_VERSION, FilterConfig, LaneConfig, TicketConfig, TicketKeyConfig};
use lane::model::trust::DEFAULT_TICKET_HEADER;

use super::Line;

/// The public key of the private key of 32 bytes 7.
const KEY: &str = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";

/// Signed with that key, for lane `gray` of group `shop`, for all times.
pub(crate) const TICKET: Line = (
    DEFAULT_TICKET_HEADER,
    concat!(
        "gl1.eyJraWQiOiJrMSIsImF1ZCI6InNob3AiLCJsYW5lIjoiZ3JheSIsInN1YiI6ImFsaWNlQGV4YW1wbGUuY29tIiwibmJmIjowLCJleHAi",
        "OjI1MzQwMjMwMDc5OX0.",
        "k9HUq8jQjzbn7KEIqeoMrkCtUyevlaNbw6UwHEJfhXMBA8YHsdKytFZ_4XDc83n1juYMaJwRPM8vBDo-g7ckDA",
    ),
);

/// The same with the signature of another ticket.
pub(crate) const WRONG_TICKET: Line = (
    DEFAULT_TICKET_HEADER,
    concat!(
        "gl1.eyJraWQiOiJrMSIsImF1ZCI6InNob3AiLCJsYW5lIjoiZ3JheSIsInN1YiI6ImFsaWNlQGV4YW1wbGUuY29tIiwibmJmIjowLCJleHAi",
        "OjI1MzQwMjMwMDc5OX0.",
        "6CKPS24HrFTaAAiQgRctk1mZLpqac8qeuH_k2JJ4waFdMLzPDBowOOGM2yr2EA4yaDxa7349aOyAUB7EBUH3Dg",
    ),
);

/// The configuration with lanes that ask for a ticket by that key.
pub(super) fn asked_for(config: FilterConfig) -> Result<FilterConfig> {
    let key = TicketKeyConfig { id: "k1".parse()?, public_key: KEY.parse()?, expires_ms: None };
    let tickets = TicketConfig { header: DEFAULT_TICKET_HEADER.parse()?, cookie: None, keys: vec![key] };
    let lanes = config.lanes.into_iter().map(|lane| LaneConfig { ticket: true, ..lane }).collect();
    Ok(FilterConfig { version: FORMAT_VERSION, tickets: Some(tickets), lanes, ..config })
}
