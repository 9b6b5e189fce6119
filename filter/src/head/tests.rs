//! Tests of reading a head: which calls are made, and that nothing in a map can trip us.

use super::*;
use crate::host::fake::FakeHost;

fn header(head: &impl RequestHead, name: &str) -> Option<String> {
    head.header(name).map(|value| String::from_utf8_lossy(&value).into_owned())
}

#[test]
fn absent_headers_are_probed() {
    let (host, habit) = (FakeHost::with_headers(&[("a", "1")]), Habit::default());
    let head = EnvoyHead::new(&host, &habit);
    assert_eq!(header(&head, "x"), None);
    assert_eq!(header(&head, "y"), None);
    assert_eq!(*host.reads.borrow(), ["x", "y"]);
}

#[test]
fn the_first_present_header_takes_the_map_once() {
    let (host, habit) = (FakeHost::with_headers(&[("a", "1"), ("b", "2")]), Habit::default());
    let head = EnvoyHead::new(&host, &habit);
    for (name, want) in [("x", None), ("a", Some("1")), ("b", Some("2")), ("y", None)] {
        assert_eq!(header(&head, name).as_deref(), want);
    }
    assert_eq!(*host.reads.borrow(), ["x", "a", "map"]);
}

#[test]
fn a_pseudo_header_takes_the_map_without_a_probe() {
    let (host, habit) = (FakeHost::with_headers(&[(":path", "/")]), Habit::default());
    assert_eq!(header(&EnvoyHead::new(&host, &habit), ":path").as_deref(), Some("/"));
    assert_eq!(*host.reads.borrow(), ["map"]);
}

#[test]
fn many_absent_headers_take_the_map() {
    let (host, habit) = (FakeHost::with_headers(&[]), Habit::default());
    let head = EnvoyHead::new(&host, &habit);
    for i in 0..20 {
        assert_eq!(header(&head, &format!("x-{i}")), None);
    }
    assert_eq!(host.reads.borrow().len(), 7);
    assert_eq!(host.reads.borrow().last().unwrap(), "map");
}

#[test]
fn the_next_request_starts_with_what_the_former_needed() {
    let (host, habit) = (FakeHost::with_headers(&[("a", "1")]), Habit::default());
    let reads = |name: &str| {
        host.reads.borrow_mut().clear();
        let _ = EnvoyHead::new(&host, &habit).header(name);
        host.reads.borrow().join(" ")
    };
    assert_eq!(reads("a"), "a map");
    assert_eq!(reads("a"), "map");
    assert_eq!(reads("x"), "map");
    assert_eq!(reads("x"), "x");
}

#[test]
fn lines_are_joined_whatever_their_bytes() {
    let (host, habit) = (FakeHost::with_headers(&[("a", "1"), ("b", ""), ("a", "")]), Habit::default());
    host.headers.borrow_mut().push(("a".to_owned(), vec![0x80, 0xff, 0]));
    let head = EnvoyHead::new(&host, &habit);
    assert_eq!(&*head.header("a").unwrap(), b"1,,\x80\xff\0");
    assert_eq!(&*head.header("b").unwrap(), b"");
}

#[test]
fn properties_are_asked_for_once() {
    let mut host = FakeHost::default();
    host.properties.insert("source.address".to_owned(), b"10.0.0.1:80".to_vec());
    let habit = Habit::default();
    let head = EnvoyHead::new(&host, &habit);
    for _ in 0..2 {
        assert_eq!(&*head.source_address().unwrap(), b"10.0.0.1:80");
        assert_eq!(head.source_identity(), None);
    }
    assert_eq!(*host.reads.borrow(), ["source.address", "connection.uri_san_peer_certificate"]);
}

#[test]
fn a_host_without_a_map_leaves_an_empty_head() {
    let host = FakeHost { headless: true, ..FakeHost::with_headers(&[("a", "1")]) };
    assert_eq!(header(&EnvoyHead::new(&host, &Habit::default()), "a"), None);
}
