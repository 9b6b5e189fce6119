//! Browsers, which can send no headers of their own: by what they ask for a lane, and stay in it.

use serde::{Deserialize, Serialize};

/// A query parameter by which a browser asks for a lane, and the cookie that the entry then sets, so that the requests
/// that follow stay in the lane until it ends.
///
/// Both hold the lane's name, with `trust: Ticket` a ticket. Where a request has the parameter, the cookie does not count;
/// an empty parameter takes the cookie away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CookieFromQuery {
    /// Name of the query parameter.
    pub query: String,
    /// Name of the cookie; `lane` where nothing is said. With `trust: Ticket` it is the cookie of the group's tickets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
}

/// The cookie of browsers where a lane says nothing.
pub const DEFAULT_LANE_COOKIE: &str = "lane";

/// The name of the rule by which browsers enter, in metrics and trails.
pub const RULE: &str = "cookie-from-query";
