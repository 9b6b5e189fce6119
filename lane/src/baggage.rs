//! One member of a W3C `baggage` header, read and edited in place: every other member stays byte for byte.
//!
//! W3C Baggage, <https://www.w3.org/TR/baggage/>: a list of `key=value;property` members separated by `,`.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The header's name.
pub const HEADER: &str = "baggage";

/// The longest header that is written (W3C Baggage, section 3.3.2).
pub const MAX_BYTES: usize = 8192;

/// The most members that are written (W3C Baggage, section 3.3.2).
pub const MAX_MEMBERS: usize = 64;

/// The header with our member would exceed [`MAX_BYTES`] or [`MAX_MEMBERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("baggage would exceed {MAX_BYTES} bytes or {MAX_MEMBERS} members")]
pub struct TooLong;

/// The value of the first member of that key, percent-decoded, without properties.
#[must_use]
pub fn get<'a>(header: &'a [u8], key: &str) -> Option<Cow<'a, [u8]>> {
    let member = members(header).find(|member| has_key(member, key))?;
    let value = member.splitn(2, |b| *b == b'=').nth(1)?;
    let value = value.split(|b| *b == b';').next().unwrap_or_default();
    Some(percent_decode(value.trim_ascii()).into())
}

/// The header with `key=value` as its last member and without former members of that key.
///
/// # Errors
/// [`TooLong`] when the result would exceed the limits of the specification.
pub fn set(header: Option<&[u8]>, key: &str, value: &str) -> Result<Vec<u8>, TooLong> {
    let header = header.unwrap_or_default();
    let mut out = remove(header, key).unwrap_or_else(|| header.to_vec());
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    out.extend_from_slice(value.as_bytes());
    let fits = out.len() <= MAX_BYTES && members(&out).count() <= MAX_MEMBERS;
    fits.then_some(out).ok_or(TooLong)
}

/// The header without the members of that key; `None` when there is none, empty when nothing else is left.
#[must_use]
pub fn remove(header: &[u8], key: &str) -> Option<Vec<u8>> {
    if !members(header).any(|member| has_key(member, key)) {
        return None;
    }
    let kept: Vec<&[u8]> = members(header).filter(|member| !has_key(member, key)).collect();
    Some(kept.join(&b','))
}

fn members(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|b| *b == b',')
}

fn has_key(member: &[u8], key: &str) -> bool {
    let mut parts = member.splitn(2, |b| *b == b'=');
    let found = parts.next().unwrap_or_default().trim_ascii();
    parts.next().is_some() && found == key.as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_member_is_found_decoded_and_without_properties() {
        for (header, want) in [
            ("lane=gray", Some("gray")),
            ("a=1, lane = gray ;p=1;q ,b=2", Some("gray")),
            ("lane=gr%61y", Some("gray")),
            ("lane=", Some("")),
            ("lane", None),
            ("Lane=gray", None),
            ("xlane=gray", None),
            ("a=lane=gray", None),
            ("lane=first,lane=second", Some("first")),
        ] {
            assert_eq!(get(header.as_bytes(), "lane").as_deref(), want.map(str::as_bytes), "{header}");
        }
    }

    #[test]
    fn foreign_members_stay_byte_for_byte() {
        for (header, want) in [
            ("", "lane=gray"),
            ("a=1", "a=1,lane=gray"),
            (" a = 1 ;p, lane=x,\tb=%C3%A9 ", " a = 1 ;p,\tb=%C3%A9 ,lane=gray"),
            ("garbage,,=,;", "garbage,,=,;,lane=gray"),
        ] {
            assert_eq!(set(Some(header.as_bytes()), "lane", "gray").unwrap(), want.as_bytes(), "{header}");
        }
    }

    #[test]
    fn the_limits_of_the_specification_are_kept() {
        let fits = format!("k={}", "v".repeat(MAX_BYTES - 2 - ",lane=gray".len()));
        assert_eq!(set(Some(fits.as_bytes()), "lane", "gray").unwrap().len(), MAX_BYTES);
        assert_eq!(set(Some(format!("{fits}v").as_bytes()), "lane", "gray"), Err(TooLong));
        let many = ["a=1"; MAX_MEMBERS].join(",");
        assert_eq!(set(Some(many.as_bytes()), "lane", "gray"), Err(TooLong));
    }

    proptest! {
        #[test]
        fn edits_touch_nothing_foreign(header in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(b"lane=,; \tx".to_vec()), 1 => any::<u8>()], 0..60)) {
            let foreign = |bytes: &[u8]| -> Vec<Vec<u8>> {
                members(bytes).filter(|m| !has_key(m, "lane")).map(<[u8]>::to_vec).collect()
            };
            if let Some(removed) = remove(&header, "lane") {
                prop_assert_eq!(get(&removed, "lane"), None);
                let kept = foreign(&header);
                prop_assert_eq!(foreign(&removed), if kept.is_empty() { vec![vec![]] } else { kept });
                prop_assert_eq!(remove(&removed, "lane"), None);
            }
            let stamped = set(Some(&header), "lane", "gray").unwrap();
            let (before, after) = (foreign(&header), foreign(&stamped));
            // An empty member by itself is no member: the header is then empty.
            prop_assert!(after == before || (after.is_empty() && before == [b""]));
            let value = get(&stamped, "lane");
            prop_assert_eq!(value.as_deref(), Some(&b"gray"[..]));
            prop_assert_eq!(set(Some(&stamped), "lane", "gray").unwrap(), stamped);
        }
    }
}
