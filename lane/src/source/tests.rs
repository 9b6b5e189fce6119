//! Which texts are sources, and whom they let in.

use super::*;
use crate::head::MemoryHead;

#[test]
fn ranges_are_read_and_written_alike() {
    for good in ["10.0.0.0/8", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32", "::1", "::/0"] {
        assert_eq!(good.parse::<AddressRange>().unwrap().to_string(), good);
    }
    assert_eq!("192.0.2.7/32".parse::<AddressRange>().unwrap().to_string(), "192.0.2.7");
    for bad in
        ["", "10", "10.0.0.0/33", "10.0.0.256", "a.example", "10.0.0.0/8 ", "fe80::1%eth0", "10.0.0.0/-1"]
    {
        assert_eq!(bad.parse::<AddressRange>(), Err(InvalidSource::Range(bad.to_owned())));
    }
    assert_eq!(
        "10.1.0.0/8".parse::<AddressRange>().unwrap_err().to_string(),
        "\"10.1.0.0/8\" has bits behind its prefix, write 10.0.0.0/8 or a longer prefix"
    );
    assert!(matches!("::ffff:10.0.0.0/104".parse::<AddressRange>(), Err(InvalidSource::Mapped(_))));
}

#[test]
fn a_principal_is_a_spiffe_id_or_its_beginning() {
    for good in ["spiffe://m/ns/a/sa/b", "spiffe://m/ns/a/*", "spiffe://m/", "spiffe://m/*"] {
        assert_eq!(String::from(good.parse::<Principal>().unwrap()), good);
    }
    let long = format!("spiffe://m/{}", "a".repeat(MAX_PRINCIPAL));
    for bad in [
        "",
        "*",
        "spiffe://*",
        "spiffe://m*",
        "spiffe://m",
        "spiffe:///a",
        "spiffe://m/*/a",
        "spiffe://m/a b",
        "spiffe://m/**",
        "cluster.local/ns/a/sa/b",
        "https://m/a",
        &long,
    ] {
        assert!(bad.parse::<Principal>().is_err(), "{bad}");
    }
}

#[track_caller]
fn check(sources: &str, address: Option<&str>, uri: Option<&str>, want: SourceVerdict) {
    let sources: Sources = serde_json::from_str(sources).unwrap();
    let head = MemoryHead {
        source_address: address.map(str::to_owned),
        source_identity: uri.map(str::to_owned),
        ..MemoryHead::default()
    };
    assert_eq!(sources.verdict(&head), want, "{sources:?} {address:?} {uri:?}");
}

#[test]
fn either_kind_of_source_is_enough() {
    use SourceVerdict::{Address, Principal, Unidentified, Unlisted};
    let ranges = r#"{"addresses":["10.0.0.0/8","2001:db8::/32"]}"#;
    let ids = r#"{"principals":["spiffe://m/ns/a/sa/b","spiffe://m/ns/c/*"]}"#;
    let both = r#"{"addresses":["10.0.0.0/8"],"principals":["spiffe://m/ns/a/sa/b"]}"#;
    let (b, other) = (Some("spiffe://m/ns/a/sa/b"), Some("spiffe://m/ns/a/sa/bb"));
    for (sources, address, uri, want) in [
        (ranges, Some("10.255.0.1:80"), None, Address),
        (ranges, Some("[2001:db8::7]:80"), None, Address),
        (ranges, Some("[::ffff:10.0.0.1]:80"), None, Address),
        (ranges, Some("11.0.0.1:80"), None, Unlisted),
        (ranges, Some("[2001:db9::7]:80"), None, Unlisted),
        (ranges, Some("/run/socket"), None, Unidentified),
        (ranges, None, b, Unidentified),
        (ids, None, b, Principal),
        (ids, None, other, Unlisted),
        (ids, None, Some("spiffe://m/ns/c/sa/x"), Principal),
        (ids, None, Some("spiffe://M/ns/c/sa/x"), Unlisted),
        (ids, None, Some("spiffe://m/ns/c"), Unlisted),
        (ids, Some("10.0.0.1:80"), None, Unidentified),
        (both, Some("10.0.0.1:80"), other, Address),
        (both, Some("11.0.0.1:80"), b, Principal),
        (both, Some("11.0.0.1:80"), None, Unlisted),
        ("{}", Some("10.0.0.1:80"), b, Unidentified),
    ] {
        check(sources, address, uri, want);
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read(address: String, text: String) {
        let _ = text.parse::<AddressRange>();
        let _ = text.parse::<Principal>();
        let sources: Sources = serde_json::from_str(r#"{"addresses":["10.0.0.0/8"]}"#).unwrap();
        let head = MemoryHead { source_address: Some(address), ..MemoryHead::default() };
        let _ = sources.verdict(&head);
    }
}
