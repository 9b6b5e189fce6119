//! One cookie of a `cookie` header (RFC 6265, section 4.2.1).

/// The value of the first cookie of that name, one pair of double quotes taken off.
///
/// Pairs are separated by `;`. A proxy may have joined several header lines by `,`; since a comma is not
/// allowed in a cookie's value, it separates too.
#[must_use]
pub fn get<'a>(header: &'a [u8], name: &str) -> Option<&'a [u8]> {
    header.split(|b| matches!(b, b';' | b',')).find_map(|pair| {
        let mut parts = pair.splitn(2, |b| *b == b'=');
        let found = parts.next().unwrap_or_default().trim_ascii();
        let value = parts.next()?.trim_ascii();
        (found == name.as_bytes()).then(|| unquoted(value))
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
            ("a=0,c=1", Some("1")),
            ("c=\"1 2\"", Some("1 2")),
            ("c=a=b", Some("a=b")),
            ("c=", Some("")),
            ("cc=1; C=1; c", None),
            ("", None),
        ] {
            assert_eq!(get(header.as_bytes(), "c"), want.map(str::as_bytes), "{header}");
        }
        assert_eq!(get(b"\xff=\xfe; c=\x80", "c"), Some(&b"\x80"[..]));
    }
}
