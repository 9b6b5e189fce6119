//! `cookie`: what is found is what the `cookie` crate finds, and removing one leaves the others.

use lane::cookie::{get, remove};

const NAME: &str = "lane-x";
const OTHER: &str = "sid";

/// Reads and removes one cookie of the header.
///
/// # Panics
/// Another value is found than by the `cookie` crate, or a removal leaves the cookie or touches another.
pub fn check(header: &[u8]) {
    let found = get(header, NAME);
    if let Some(value) = found {
        assert!(!value.contains(&b';') && value.len() <= header.len());
    }
    if let Some(text) = comparable(header) {
        let oracle = cookie::Cookie::split_parse(text).flatten().find(|cookie| cookie.name() == NAME);
        let want = oracle.as_ref().map(|cookie| cookie.value_trimmed().as_bytes());
        assert_eq!(found, want, "{text:?}");
    }
    match remove(header, NAME) {
        None => assert_eq!(found, None, "left in place: {}", header.escape_ascii()),
        Some(rest) => {
            assert_eq!(get(&rest, NAME), None);
            assert_eq!(remove(&rest, NAME), None);
            assert_eq!(get(&rest, OTHER), get(header, OTHER), "{}", header.escape_ascii());
        }
    }
}

/// The header as text where white space means the same to both: they differ over a vertical tab, which no header
/// may hold.
fn comparable(header: &[u8]) -> Option<&str> {
    std::str::from_utf8(header).ok().filter(|text| text.is_ascii() && !text.contains('\u{b}'))
}
