//! `baggage`: our member is written and removed, and every other one stays byte for byte.

use lane::baggage::{MAX_BYTES, MAX_MEMBERS, TooLong, get, remove, set};

const KEY: &str = "lane";
const VALUE: &str = "gray";

/// Reads, writes and removes one member of the header.
///
/// # Panics
/// A foreign member is changed, the own one is not what was written, or a limit is exceeded.
pub fn check(header: &[u8]) {
    assert_eq!(get(header, KEY).is_some(), !own(header).is_empty(), "{}", header.escape_ascii());
    if let Some(value) = get(header, KEY) {
        assert!(value.len() <= header.len(), "decoding makes nothing longer");
    }
    check_removal(header);
    check_stamp(header);
}

fn check_removal(header: &[u8]) {
    let Some(removed) = remove(header, KEY) else {
        assert!(own(header).is_empty(), "left in place: {}", header.escape_ascii());
        return;
    };
    assert_eq!(get(&removed, KEY), None);
    assert_eq!(remove(&removed, KEY), None);
    assert_eq!(removed, foreign(header).join(&b','));
}

fn check_stamp(header: &[u8]) {
    let rest = if own(header).is_empty() { header.to_vec() } else { foreign(header).join(&b',') };
    let comma: &[u8] = if rest.is_empty() { b"" } else { b"," };
    let want = [&rest, comma, KEY.as_bytes(), b"=", VALUE.as_bytes()].concat();
    let fits = want.len() <= MAX_BYTES && want.split(|b| *b == b',').count() <= MAX_MEMBERS;
    let stamped = set(Some(header), KEY, VALUE);
    assert_eq!(stamped, if fits { Ok(want) } else { Err(TooLong) });
    if let Ok(stamped) = stamped {
        assert_eq!(get(&stamped, KEY).as_deref(), Some(VALUE.as_bytes()));
        assert_eq!(set(Some(&stamped), KEY, VALUE), Ok(stamped), "stamping twice is stamping once");
    }
}

/// The members of our key.
fn own(header: &[u8]) -> Vec<&[u8]> {
    header.split(|b| *b == b',').filter(|member| is_own(member)).collect()
}

/// The other members, malformed ones among them.
fn foreign(header: &[u8]) -> Vec<&[u8]> {
    header.split(|b| *b == b',').filter(|member| !is_own(member)).collect()
}

fn is_own(member: &[u8]) -> bool {
    let Some(equals) = member.iter().position(|b| *b == b'=') else { return false };
    member[..equals].trim_ascii() == KEY.as_bytes()
}
