//! The host of an authority (RFC 3986, section 3.2.2), as rules compare it.

use std::borrow::Cow;

/// The host in lower case, without port; an IPv6 address keeps its brackets.
#[must_use]
pub fn host_only(authority: &[u8]) -> Cow<'_, [u8]> {
    let host = match authority.iter().position(|b| *b == b']') {
        Some(end) => authority.get(..=end),
        None => authority.split(|b| *b == b':').next(),
    };
    let host = host.unwrap_or(authority);
    if host.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_and_case_do_not_matter() {
        for (authority, want) in [
            ("shop", "shop"),
            ("Shop.Example:8080", "shop.example"),
            ("[2001:DB8::1]:80", "[2001:db8::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
            (":80", ""),
        ] {
            assert_eq!(&*host_only(authority.as_bytes()), want.as_bytes(), "{authority}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_and_read_alike_twice(authority: Vec<u8>) {
            let host = host_only(&authority);
            proptest::prop_assert!(host.len() <= authority.len());
            proptest::prop_assert_eq!(host_only(&host), &*host);
        }
    }
}
