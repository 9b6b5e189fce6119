//! Browsers at the entry: which cookies the answer to a request sets or takes away.

use super::gate::Opened;
use crate::browser::CookieChange;
use crate::filter_config::{BrowserConfig, FilterConfig, LaneConfig};
use crate::head::RequestHead;
use crate::outcome::Outcome;
use crate::query;

/// Adds what becomes of the cookies of lanes that browsers can ask for. `decided` is the lane that the request enters;
/// `opened`, what its ticket opens.
pub(super) fn cookies(
    config: &FilterConfig,
    head: &impl RequestHead,
    decided: Option<&LaneConfig>,
    opened: Option<Opened>,
    out: &mut Outcome<'_>,
) {
    let Some(path) = head.header(":path") else { return };
    for (lane, browser) in config.lanes.iter().filter_map(|lane| Some((lane, lane.browser.as_ref()?))) {
        let Some(value) = query::get(&path, &browser.query) else { continue };
        let is_decided = decided.is_some_and(|decided| decided.name == lane.name);
        let change = if value.is_empty() {
            Some(CookieChange { name: browser.cookie.clone(), value: None, ends_ms: None })
        } else if is_decided {
            stay(lane, browser, &value, opened)
        } else {
            None
        };
        // Lanes may have a cookie in common.
        out.cookies.extend(change.filter(|change| !out.cookies.contains(change)));
    }
}

/// The cookie of a request that has entered the lane by its query: the parameter names the lane, or is the ticket by which
/// it was opened.
fn stay(
    lane: &LaneConfig,
    browser: &BrowserConfig,
    value: &[u8],
    opened: Option<Opened>,
) -> Option<CookieChange> {
    let value = std::str::from_utf8(value).ok()?;
    let ticket_ends_ms = match opened.filter(|_| lane.ticket) {
        Some(opened) if opened.is_in_query => Some(opened.ends_ms),
        None if !lane.ticket && value == lane.name.as_str() => None,
        _ => return None,
    };
    let ends_ms = lane.expires_ms.into_iter().chain(ticket_ends_ms).min();
    Some(CookieChange { name: browser.cookie.clone(), value: Some(value.to_owned()), ends_ms })
}
