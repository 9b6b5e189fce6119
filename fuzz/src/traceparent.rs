//! `traceparent`: read exactly where the grammar of W3C Trace Context fits.

use std::sync::LazyLock;

use lane::name::HeaderName;
use lane::trace_id::{TRACEPARENT, TraceId};
use regex_lite::Regex;

/// The grammar: version, trace id, parent id, flags, and what later versions have behind them.
static GRAMMAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?s:(-.*)?)$")
        .expect("the grammar is a regular expression")
});

/// The header by its grammar.
///
/// # Panics
/// It is read otherwise.
pub fn check(value: &[u8]) {
    let header: HeaderName = TRACEPARENT.parse().expect("a header");
    let want = by_grammar(value).map(TraceId::Trace);
    assert_eq!(TraceId::read(&header, value), want, "{}", value.escape_ascii());
}

fn by_grammar(value: &[u8]) -> Option<u128> {
    // Behind the flags of a later version anything may stand, text or not.
    let text = String::from_utf8_lossy(value);
    let parts = GRAMMAR.captures(&text)?;
    let (version, trace, parent) = (&parts[1], &parts[2], &parts[3]);
    let is_valid = version != "ff" && parent != "0".repeat(16) && (version != "00" || parts.get(5).is_none());
    let id = u128::from_str_radix(trace, 16).expect("32 digits");
    (is_valid && id != 0).then_some(id)
}
