//! One cookie of a `cookie` header (RFC 6265, section 4.2.1).
//!
//! Pairs are separated by `;`. RFC 6265 allows no comma in a value, but browsers send what sites set: a comma
//! is part of the value.

/// The value of the first cookie of that name, one pair of double quotes taken off.
#[must_use]
pub fn get<'a>(header: &'a [u8], name: &str) -> Option<&'a [u8]> {
    header.split(|b| *b == b';').find_map(|pair| {
        let mut parts = pair.splitn(2, |b| *b == b'=');
        let found = parts.next().unwrap_or_default().trim_ascii();
        let value = parts.next()?.trim_ascii();
        (found == name.as_bytes()).then(|| unquoted(value))
    })
}

/// The header without all cookies of that name; `None` where there is none of them.
#[must_use]
pub fn remove(header: &[u8], name: &str) -> Option<Vec<u8>> {
    let is_named = |pair: &&[u8]| {
        let found = pair.split(|b| *b == b'=').next().unwrap_or_default();
        found.trim_ascii() == name.as_bytes()
    };
    let pairs = || header.split(|b| *b == b';').map(<[u8]>::trim_ascii);
    pairs().any(|pair| is_named(&pair)).then(|| {
        let kept: Vec<_> = pairs().filter(|pair| !pair.is_empty() && !is_named(pair)).collect();
        kept.join(&b"; "[..])
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cookie_of_the_name_is_found() {
        for (header, want) in [
            ("c=1", Some("1")),
            ("a=0; c=1; c=2", Some("1")),
            ("a=0;c=1", Some("1")),
            ("a=0,c=1", None),
            ("a=0; c=1,d=1; d=2", Some("1,d=1")),
            ("c=\"1 2\"", Some("1 2")),
            ("c=\"", Some("\"")),
            ("c=a=b", Some("a=b")),
            ("c={\"a\":1,\"c\":2}; d=1", Some("{\"a\":1,\"c\":2}")),
            ("c=", Some("")),
            ("a=0;; c=1", Some("1")),
            ("cc=1; C=1; c", None),
            ("", None),
        ] {
            assert_eq!(get(header.as_bytes(), "c"), want.map(str::as_bytes), "{header}");
        }
        assert_eq!(get(b"\xff=\xfe; c=\x80", "c"), Some(&b"\x80"[..]));
    }

    #[test]
    fn all_cookies_of_the_name_are_removed() {
        for (header, want) in [
            ("c=1", Some("")),
            ("c=1; a=0;c=2;b=x=y", Some("a=0; b=x=y")),
            ("c; a", Some("a")),
            ("a=c; cc=1", None),
            ("", None),
        ] {
            assert_eq!(remove(header.as_bytes(), "c").as_deref(), want.map(str::as_bytes), "{header}");
        }
    }

    proptest::proptest! {
        /// Whatever stands before and behind, a cookie is found, and nothing traps.
        #[test]
        fn a_cookie_is_found_among_garbage(before: Vec<u8>, value in "[!-+--:<-~]{0,9}[a-z]", behind: Vec<u8>) {
            let header = [&before[..], b"; lane-x=", value.as_bytes(), b";", &behind[..]].concat();
            let want = unquoted(value.as_bytes());
            proptest::prop_assert_eq!(get(&header, "lane-x"), Some(want));
        }
    }
}
