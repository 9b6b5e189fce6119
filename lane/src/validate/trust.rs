//! Trust: the keys of a group, lanes that ask for tickets, and lanes that ask for sources.

use super::rules::cookie_name;
use super::{Facts, foreign, repeated, stands_twice};
use crate::model::{Condition, Lane, LaneGroup, Sources, TicketKey, Tickets, Trust};
use crate::name::HeaderName;
use crate::problem::Problem;
use crate::time::ms_since_1970;

/// The most keys of one group.
pub const MAX_KEYS: usize = 16;

/// The most ranges of addresses, and the most principals, of one lane.
pub const MAX_SOURCES: usize = 256;

/// Checks where tickets are, and whose signatures count.
pub(super) fn of_group(group: &LaneGroup, problems: &mut Vec<Problem>) {
    let Some(tickets) = &group.spec.tickets else { return };
    let path = "spec.tickets.header";
    foreign(path, &tickets.header, "x-lane-ticket", problems);
    let is_ours = |name: &HeaderName| *name == tickets.header;
    if is_ours(&group.spec.lane_header) || group.spec.propagation.trail.as_ref().is_some_and(is_ours) {
        let reason = format!("{} is removed from what outsiders send", tickets.header);
        problems.push(Problem::error(path, reason, "choose another header, such as x-lane-ticket"));
    }
    if let Some(cookie) = &tickets.cookie {
        cookie_name(cookie, "spec.tickets.cookie", problems);
    }
    for i in repeated(tickets.keys.iter().map(|key| &key.id)) {
        problems.push(stands_twice(format!("spec.tickets.keys[{i}].id")));
    }
    if tickets.keys.len() > MAX_KEYS {
        let reason = format!("there are {} keys, more than {MAX_KEYS}", tickets.keys.len());
        problems.push(Problem::error("spec.tickets.keys", reason, "remove those that nobody signs with"));
    }
}

/// Whether anybody can have what a lane asks for, and whether a lane asks for what its rules suggest.
///
/// What is said of tickets are warnings: a key that is known to others must be removed at once, whatever lanes there are.
pub(super) fn of_lane(group: &LaneGroup, lane: &Lane, facts: &Facts, problems: &mut Vec<Problem>) {
    let tickets = group.spec.tickets.as_ref();
    match lane.spec.trust {
        Trust::Ticket if !tickets.is_some_and(|tickets| has_key(tickets, facts)) => {
            let reason = "the lane asks for a ticket, and the group has no key that is valid now";
            let remedy = "add one to spec.tickets.keys of the group: `lanectl ticket keygen` makes it";
            problems.push(Problem::warning("spec.trust", reason, remedy));
        }
        Trust::Ticket | Trust::Source => {}
        Trust::Free => problems.extend(tickets.and_then(|tickets| unchecked(lane, &tickets.header))),
    }
    sources(lane, problems);
}

/// Whether sources and trust go together, and whether the sources name anybody in particular.
fn sources(lane: &Lane, problems: &mut Vec<Problem>) {
    const PATH: &str = "spec.sources";
    let none = Sources::default();
    let listed = lane.spec.sources.as_ref().unwrap_or(&none);
    let is_empty = listed.addresses.is_empty() && listed.principals.is_empty();
    if lane.spec.trust != Trust::Source {
        if !is_empty {
            let reason = format!("nobody looks at sources in a lane with trust: {:?}", lane.spec.trust);
            problems.push(Problem::error(PATH, reason, "write trust: Source, or remove them"));
        }
        return;
    }
    if is_empty {
        let remedy = "add addresses or principals";
        problems.push(Problem::error(PATH, "the lane asks for a source and names none", remedy));
    }
    for (name, count) in [("addresses", listed.addresses.len()), ("principals", listed.principals.len())] {
        if count > MAX_SOURCES {
            let reason = format!("there are {count} {name}, more than {MAX_SOURCES}");
            problems.push(Problem::error(format!("{PATH}.{name}"), reason, "join them to wider ones"));
        }
    }
    for (i, range) in listed.addresses.iter().enumerate().filter(|(_, range)| range.is_everything()) {
        let reason = format!("{range} is everybody");
        let remedy = "name a narrower range, or write trust: Free";
        problems.push(Problem::warning(format!("{PATH}.addresses[{i}]"), reason, remedy));
    }
}

fn has_key(tickets: &Tickets, facts: &Facts) -> bool {
    let lives = |key: &TicketKey| key.expires.is_none_or(|end| ms_since_1970(end) > facts.now_ms);
    tickets.keys.iter().any(lives)
}

/// A rule on the tickets' header in a lane that asks for none: whatever stands there fits.
fn unchecked(lane: &Lane, header: &HeaderName) -> Option<Problem> {
    let place = lane.spec.rules.iter().position(|rule| looks_at(&rule.condition, header))?;
    let reason = format!("nobody checks {header} in a lane that asks for no ticket");
    Some(Problem::warning(format!("spec.rules[{place}].match"), reason, "write trust: Ticket"))
}

fn looks_at(condition: &Condition, header: &HeaderName) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().any(|part| looks_at(part, header)),
        Condition::Not(part) => looks_at(part, header),
        Condition::Header(named) => named.name == *header,
        _ => false,
    }
}
