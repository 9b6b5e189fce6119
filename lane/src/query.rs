//! Path and query of a `:path` header (RFC 3986, sections 3.3 and 3.4).

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The path without query and fragment.
#[must_use]
pub fn path_only(path: &[u8]) -> &[u8] {
    path.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default()
}

/// The value of the first query parameter of that name, percent-decoded, `+` read as space.
#[must_use]
pub fn get<'a>(path: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    let whole = path.split(|b| *b == b'#').next()?;
    let query = whole.splitn(2, |b| *b == b'?').nth(1)?;
    query.split(|b| *b == b'&').find_map(|pair| {
        let mut parts = pair.splitn(2, |b| *b == b'=');
        let found = decoded(parts.next()?);
        (*found == *name.as_bytes()).then(|| decoded(parts.next().unwrap_or_default()))
    })
}

/// The path without all query parameters of that name; `None` where there is none of them.
#[must_use]
pub fn remove(path: &[u8], name: &str) -> Option<Vec<u8>> {
    let end = path.iter().position(|b| *b == b'#').unwrap_or(path.len());
    let (whole, fragment) = path.split_at_checked(end)?;
    let mut halves = whole.splitn(2, |b| *b == b'?');
    let (before, query) = (halves.next()?, halves.next()?);
    let is_named =
        |pair: &[u8]| *decoded(pair.split(|b| *b == b'=').next().unwrap_or_default()) == *name.as_bytes();
    let kept: Vec<_> = query.split(|b| *b == b'&').filter(|pair| !is_named(pair)).collect();
    if kept.len() == query.split(|b| *b == b'&').count() {
        return None;
    }
    let separator: &[u8] = if kept.is_empty() { b"" } else { b"?" };
    Some([before, separator, &kept.join(&b'&'), fragment].concat())
}

fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return percent_decode(text).into();
    }
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_parameter_of_the_name_is_decoded() {
        for (path, want) in [
            ("/?q=1", Some("1")),
            ("/?a=0&q=1&q=2", Some("1")),
            ("/?q=a%20b+c", Some("a b c")),
            ("/?%71=1", Some("1")),
            ("/?q", Some("")),
            ("/?q=a=b?c", Some("a=b?c")),
            ("/?q=1#q=2", Some("1")),
            ("/#?q=1", None),
            ("/q=1", None),
            ("/?qq=1&Q=2", None),
            ("/?q=%zz%4", Some("%zz%4")),
            ("", None),
        ] {
            assert_eq!(get(path.as_bytes(), "q").as_deref(), want.map(str::as_bytes), "{path}");
        }
    }

    #[test]
    fn all_parameters_of_the_name_are_removed() {
        for (path, want) in [
            ("/?q=1", Some("/")),
            ("/a?q=1&b=2&q&%71=3#q=4", Some("/a?b=2#q=4")),
            ("/?a&q", Some("/?a")),
            ("/?qq=1", None),
            ("/q=1", None),
            ("/#?q=1", None),
            ("", None),
        ] {
            assert_eq!(remove(path.as_bytes(), "q").as_deref(), want.map(str::as_bytes), "{path}");
        }
    }

    #[test]
    fn query_and_fragment_are_cut_from_the_path() {
        for (path, want) in [("/a?b", "/a"), ("/a#b?c", "/a"), ("/a", "/a"), ("*", "*"), ("", "")] {
            assert_eq!(path_only(path.as_bytes()), want.as_bytes(), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_encoded_is_read_again(path: Vec<u8>, value: Vec<u8>) {
            let path: Vec<u8> = path.into_iter().filter(|b| !b"?#".contains(b)).collect();
            let encoded: String = value.iter().map(|b| format!("%{b:02x}")).collect();
            let whole = [&path[..], b"?a=1&%71%20=", encoded.as_bytes(), b"&z#"].concat();
            proptest::prop_assert_eq!(path_only(&whole), &path[..]);
            let found = get(&whole, "q ");
            proptest::prop_assert_eq!(found.as_deref(), Some(&value[..]));
        }

        #[test]
        fn any_bytes_are_read_without_a_trap(path: Vec<u8>) {
            let _ = get(&path, "q");
            let rest = remove(&path, "q").unwrap_or_else(|| path.clone());
            proptest::prop_assert_eq!(get(&rest, "q"), None);
            proptest::prop_assert!(path.starts_with(path_only(&path)));
        }
    }
}
