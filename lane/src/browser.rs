//! The cookie by which a browser stays in a lane: what the answer to a request says of it.

/// What the answer to a request says of a cookie. It is made when the request is decided and written when it is answered,
/// since time passes in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieChange {
    /// Name of the cookie.
    pub name: String,
    /// Its value; `None` takes the cookie away.
    pub value: Option<String>,
    /// When it ends, milliseconds since 1970; with the browser's session where nothing is said.
    pub ends_ms: Option<u64>,
}

impl CookieChange {
    /// The value of the `set-cookie` header (RFC 6265, section 4.1) at `now_ms`; `None` where the end has come.
    ///
    /// No script can read it, no plain connection carries it, and other sites' forms and frames do not send it.
    #[must_use]
    pub fn header(&self, now_ms: u64) -> Option<String> {
        let left = |ends_ms: u64| ends_ms.saturating_sub(now_ms) / 1_000;
        let (value, seconds) = match &self.value {
            Some(value) => (value.as_str(), self.ends_ms.map(left)),
            None => ("", None),
        };
        let age = match (&self.value, seconds) {
            (None, _) => "; Max-Age=0".to_owned(),
            // A cookie of no age would take away the one that is there.
            (Some(_), Some(0)) => return None,
            (Some(_), Some(seconds)) => format!("; Max-Age={seconds}"),
            (Some(_), None) => String::new(),
        };
        Some(format!("{}={value}; Path=/{age}; Secure; HttpOnly; SameSite=Lax", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_lasts_as_long_as_its_lane() {
        let change = |value: Option<&str>, ends_ms| CookieChange {
            name: "lane".to_owned(),
            value: value.map(str::to_owned),
            ends_ms,
        };
        let rest = "; Secure; HttpOnly; SameSite=Lax";
        for (change, now_ms, want) in [
            (change(Some("gray"), None), 5, Some(format!("lane=gray; Path=/{rest}"))),
            (change(Some("gray"), Some(10_000)), 1, Some(format!("lane=gray; Path=/; Max-Age=9{rest}"))),
            (change(Some("gray"), Some(10_000)), 9_001, None),
            (change(Some("gray"), Some(10_000)), 10_001, None),
            (change(None, None), 5, Some(format!("lane=; Path=/; Max-Age=0{rest}"))),
        ] {
            assert_eq!(change.header(now_ms), want, "{change:?} at {now_ms}");
        }
    }
}
