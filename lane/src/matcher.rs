//! Value matches, compiled: bytes in, yes or no out.

use std::collections::HashSet;

use regex_lite::{Regex, RegexBuilder};

use crate::model::ValueMatch;

/// The most memory that one compiled regular expression may take.
pub const REGEX_SIZE_LIMIT_BYTES: usize = 256 * 1024;

/// The deepest nesting of groups in a regular expression.
const REGEX_NEST_LIMIT: u32 = 32;

/// A compiled [`ValueMatch`].
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    Present,
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Contains(Box<[u8]>),
    Regex(Regex),
    In(HashSet<Box<[u8]>, crate::index::StableState>),
}

impl Matcher {
    /// Compiles a match.
    ///
    /// # Errors
    /// The reason why a regular expression is refused.
    pub(crate) fn compile(value: &ValueMatch) -> Result<Self, String> {
        let bytes = |text: &String| Box::from(text.as_bytes());
        Ok(match value {
            ValueMatch::Present => Self::Present,
            ValueMatch::Exact(text) => Self::Exact(bytes(text)),
            ValueMatch::Prefix(text) => Self::Prefix(bytes(text)),
            ValueMatch::Suffix(text) => Self::Suffix(bytes(text)),
            ValueMatch::Contains(text) => Self::Contains(bytes(text)),
            ValueMatch::Regex(pattern) => Self::Regex(compile_regex(pattern)?),
            ValueMatch::In(values) => Self::In(values.iter().map(bytes).collect()),
        })
    }

    /// Whether `value` matches.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(text) => value == &**text,
            Self::Prefix(text) => value.starts_with(text),
            Self::Suffix(text) => value.ends_with(text),
            Self::Contains(text) => text.is_empty() || value.windows(text.len()).any(|w| w == &**text),
            Self::Regex(regex) => std::str::from_utf8(value).is_ok_and(|text| regex.is_match(text)),
            Self::In(values) => values.contains(value),
        }
    }
}

/// Compiles a regular expression that must match a whole value: the one function for the filter, `lanectl`
/// and validation, so that they agree. A value that is not UTF-8 matches none.
///
/// `regex-lite` is linear in the value's length, as `regex` is. It is up to ten times slower, but `regex` would
/// more than double the module, and Envoy compiles the module several times at each start.
///
/// # Errors
/// The reason, one line: bad syntax, nested too deeply, or larger than [`REGEX_SIZE_LIMIT_BYTES`].
pub fn compile_regex(pattern: &str) -> Result<Regex, String> {
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .dot_matches_new_line(true)
            .size_limit(REGEX_SIZE_LIMIT_BYTES)
            .nest_limit(REGEX_NEST_LIMIT)
            .build()
            .map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
    };
    // By itself first: `a)|(b` would close the group around it and match only one end of a value.
    build(pattern)?;
    build(&format!("^(?:{pattern})$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value_match: &ValueMatch, value: &[u8], want: bool) {
        let matcher = Matcher::compile(value_match).unwrap();
        assert_eq!(matcher.matches(value), want, "{value_match:?} on {value:?}");
    }

    #[test]
    fn each_match_takes_what_it_says() {
        let s = |text: &str| text.to_owned();
        check(&ValueMatch::Present, b"", true);
        check(&ValueMatch::Exact(s("a")), b"a", true);
        check(&ValueMatch::Exact(s("a")), b"A", false);
        check(&ValueMatch::Prefix(s("/api")), b"/api/v1", true);
        check(&ValueMatch::Prefix(s("/api")), b"/ap", false);
        check(&ValueMatch::Suffix(s(".png")), b"x.png", true);
        check(&ValueMatch::Suffix(s(".png")), b".pn", false);
        check(&ValueMatch::Contains(s("bc")), b"abcd", true);
        check(&ValueMatch::Contains(s("bd")), b"abcd", false);
        check(&ValueMatch::In(vec![s("a"), s("b")]), b"b", true);
        check(&ValueMatch::In(vec![s("a"), s("b")]), b"c", false);
    }

    #[test]
    fn a_regex_matches_the_whole_value_if_it_is_text() {
        check(&ValueMatch::Regex("gr[ae]y".to_owned()), b"gray", true);
        check(&ValueMatch::Regex("gr[ae]y".to_owned()), b"grays", false);
        check(&ValueMatch::Regex("a|b".to_owned()), b"ab", false);
        check(&ValueMatch::Regex(".*".to_owned()), b"\n\x00", true);
        check(&ValueMatch::Regex(".*".to_owned()), b"\xff", false);
    }

    #[test]
    fn a_bad_or_huge_regex_is_refused_with_a_reason() {
        for (bad, want) in [
            ("(", "found open group without closing ')'"),
            ("a)|(b", "found closing ')' without matching '('"),
            ("(a{1000}){1000}", "compiled regex exceeded size limit"),
            (&"(".repeat(1000), "pattern has too much nesting"),
            (r"\p{Greek}", "Unicode character classes are not supported"),
        ] {
            assert_eq!(compile_regex(bad).unwrap_err(), want);
        }
    }
}
