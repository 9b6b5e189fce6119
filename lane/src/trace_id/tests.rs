//! Trace ids by tables from the specifications, and by arbitrary bytes.

use proptest::prelude::*;

use super::*;

const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

fn name(header: &str) -> HeaderName {
    header.parse().unwrap()
}

fn trace(header: &str, value: &str) -> Option<u128> {
    match TraceId::read(&name(header), value.as_bytes()) {
        Some(TraceId::Trace(id)) => Some(id),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn traceparent_is_read_as_specified() {
    for (value, want) in [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some(TRACE)),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", Some(TRACE)),
        // A later version may have more behind it.
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-brings", Some(TRACE)),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some(TRACE)),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.", None),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", None),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", None),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", None),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-zz", None),
        ("00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01", None),
        ("0-00af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", None),
        // Two lines, joined.
        (
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01,\
             00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            None,
        ),
        ("", None),
    ] {
        assert_eq!(trace("traceparent", value), want, "{value}");
    }
}

#[test]
fn b3_is_read_in_both_forms_and_both_lengths() {
    const HALF: u128 = 0x8448_eb21_1c80_319c;
    for (header, value, want) in [
        ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1-05e3ac9a4f6e3b90", Some(TRACE)),
        ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-d", Some(TRACE)),
        ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", Some(TRACE)),
        ("b3", "8448eb211c80319c-b7ad6b7169203331", Some(HALF)),
        ("b3", "0", None),
        ("b3", "d", None),
        ("b3", "0af7651916cd43dd8448eb211c80319c", None),
        ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-2", None),
        ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1-05e3ac9a4f6e3b90-1", None),
        ("b3", "0000000000000000-b7ad6b7169203331", None),
        ("b3", "", None),
        ("x-b3-traceid", "0af7651916cd43dd8448eb211c80319c", Some(TRACE)),
        ("x-b3-traceid", "8448eb211c80319c", Some(HALF)),
        ("x-b3-traceid", "00000000000000008448eb211c80319c", Some(HALF)),
        ("x-b3-traceid", "8448eb211c80319", None),
        ("x-b3-traceid", "8448eb211c80319g", None),
        ("x-b3-traceid", "0000000000000000", None),
    ] {
        assert_eq!(trace(header, value), want, "{header}: {value}");
    }
}

fn key(header: &str, value: &[u8], group: &str) -> Option<TraceKey> {
    TraceId::read(&name(header), value).map(|id| id.key(None, &group.parse().unwrap()))
}

#[test]
fn a_request_id_is_the_same_whatever_envoy_says_in_it() {
    let id = |reason: &str| format!("a1b2c3d4-0000-{reason}a59-8bad-00112233445{reason}");
    let of = |value: &str| key("x-request-id", value.as_bytes(), "shop").unwrap();
    let rewritten = |reason| id("4").replacen("-4a59", &format!("-{reason}a59"), 1);
    for reason in ["9", "a", "b"] {
        assert_eq!(of(&rewritten(reason)), of(&id("4")));
    }
    assert_ne!(of(&id("5")), of(&id("4")));
    // Envoy leaves ids of another length as they are.
    assert_ne!(of("0123456789abcd4"), of("0123456789abcd9"));
    assert_eq!(key("x-request-id", b"", "shop"), None);
}

#[test]
fn keys_are_told_apart_by_group_and_kind() {
    let value = b"0af7651916cd43dd8448eb211c80319c";
    let keys = [
        key("x-b3-traceid", value, "shop"),
        key("x-b3-traceid", value, "stock"),
        key("x-request-id", value, "shop"),
        key("x-correlation-id", value, "shop"),
        key("x-correlation-i", &[b"d", &value[..]].concat(), "shop"),
    ];
    for (i, one) in keys.iter().enumerate() {
        assert!(one.is_some() && !keys[..i].contains(one), "{i}");
    }
    let parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(key("traceparent", parent, "shop"), keys[0]);
    let shop = "shop".parse().unwrap();
    assert_ne!(TraceId::Trace(1).key(Some("a"), &shop), TraceId::Trace(1).key(Some("b"), &shop));
}

/// Bytes that look like the headers.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![9 => prop::sample::select(b"0123456789abcdef-".to_vec()), 1 => any::<u8>()];
    prop::collection::vec(byte, 0..80)
}

proptest! {
    #[test]
    fn arbitrary_bytes_harm_nothing(value in nearly()) {
        for header in ["traceparent", "b3", "x-b3-traceid", "x-request-id", "x-other"] {
            let _ = TraceId::read(&name(header), &value);
        }
    }

    #[test]
    fn one_trace_is_read_from_every_header(id in 1_u128.., span in 1_u64.., flags: u8) {
        let parent = format!("00-{id:032x}-{span:016x}-{flags:02x}");
        prop_assert_eq!(trace("traceparent", &parent), Some(id));
        prop_assert_eq!(trace("b3", &format!("{id:032x}-{span:016x}-1")), Some(id));
        prop_assert_eq!(trace("x-b3-traceid", &format!("{id:032x}")), Some(id));
    }
}
