//! Path and query: the path is a prefix without either, and a parameter is what `form_urlencoded` reads.

use lane::query::{get, path_only};

const NAME: &str = "lane";

/// Reads the path and one parameter of a `:path`.
///
/// # Panics
/// The path is no prefix up to the query, or another parameter is found than by `form_urlencoded`.
pub fn check(whole: &[u8]) {
    let path = path_only(whole);
    let rest = whole.strip_prefix(path).expect("the path is where it begins");
    assert!(!path.iter().any(|b| b"?#".contains(b)) && rest.first().is_none_or(|b| b"?#".contains(b)));
    assert_eq!(path_only(path), path);

    let query = rest.strip_prefix(b"?").and_then(|query| query.split(|b| *b == b'#').next());
    let want = query.and_then(|query| form_urlencoded::parse(query).find(|(name, _)| name == NAME));
    let found = get(whole, NAME);
    let found_text = found.as_deref().map(String::from_utf8_lossy);
    assert_eq!(found_text, want.map(|(_, value)| value), "{}", whole.escape_ascii());
}
