//! How browsers ask for a lane.

use super::rules::{cookie_name, query_name};
use crate::model::browser::{DEFAULT_LANE_COOKIE, RULE};
use crate::model::{Lane, LaneGroup, Trust};
use crate::problem::Problem;

/// Checks the query parameter, the cookie, and what else the lane says of them.
pub(super) fn check(group: &LaneGroup, lane: &Lane, problems: &mut Vec<Problem>) {
    const PATH: &str = "spec.cookieFromQuery";
    const COOKIE: &str = "spec.cookieFromQuery.cookie";
    let Some(browser) = &lane.spec.cookie_from_query else { return };
    query_name(&browser.query, "spec.cookieFromQuery.query", problems);
    let tickets = group.spec.tickets.as_ref().and_then(|tickets| tickets.cookie.as_deref());
    match (lane.spec.trust, &browser.cookie) {
        (Trust::Ticket, Some(_)) => {
            let remedy = "remove it, and name the cookie in spec.tickets.cookie of the group";
            problems.push(Problem::error(COOKIE, "a ticket is in the cookie of the group's tickets", remedy));
        }
        (Trust::Ticket, None) if tickets.is_none() => {
            let remedy = "add spec.tickets.cookie to the group";
            problems.push(Problem::error(PATH, "the group has no cookie for tickets", remedy));
        }
        (Trust::Ticket, None) => {}
        (Trust::Free | Trust::Source, cookie) => {
            let name = cookie.as_deref().unwrap_or(DEFAULT_LANE_COOKIE);
            cookie_name(name, COOKIE, problems);
            if tickets == Some(name) {
                let reason = format!("{name} is the cookie of the group's tickets");
                problems.push(Problem::error(COOKIE, reason, "choose another name"));
            }
        }
    }
    if let Some(i) = lane.spec.rules.iter().position(|rule| rule.name.as_str() == RULE) {
        let reason = format!("{RULE} is the name of the rule for browsers");
        problems.push(Problem::error(format!("spec.rules[{i}].name"), reason, "choose another name"));
    }
    if lane.spec.rules.is_empty() && lane.spec.share.is_some() {
        let reason = "the share is drawn from browsers alone that ask for the lane";
        problems.push(Problem::warning("spec.share", reason, "add a rule for the others, or a lane"));
    }
}
