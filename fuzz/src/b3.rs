//! B3, in one header and in several: read exactly where the grammar fits, and alike from both.

use std::sync::LazyLock;

use lane::name::HeaderName;
use lane::trace_id::{B3, B3_TRACE_ID, TraceId};
use regex_lite::Regex;

/// The grammar of the single header: trace id, span id, sampling decision, parent span id.
static SINGLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([0-9a-f]{32}|[0-9a-f]{16})-[0-9a-f]{16}(-[01d](-[0-9a-f]{16})?)?$")
        .expect("the grammar is a regular expression")
});

/// The grammar of the trace id alone.
static TRACE_ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([0-9a-f]{32}|[0-9a-f]{16})$").expect("the grammar is a regular expression")
});

/// The value as either header, by its grammar.
///
/// # Panics
/// It is read otherwise.
pub fn check(value: &[u8]) {
    for (header, grammar) in [(B3, &SINGLE), (B3_TRACE_ID, &TRACE_ID)] {
        let name: HeaderName = header.parse().expect("a header");
        let want = by_grammar(grammar, value).map(TraceId::Trace);
        assert_eq!(TraceId::read(&name, value), want, "{header}: {}", value.escape_ascii());
    }
}

fn by_grammar(grammar: &Regex, value: &[u8]) -> Option<u128> {
    let parts = grammar.captures(std::str::from_utf8(value).ok()?)?;
    let id = u128::from_str_radix(&parts[1], 16).expect("at most 32 digits");
    (id != 0).then_some(id)
}
