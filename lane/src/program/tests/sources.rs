//! Lanes that ask for a source: who enters, what is counted, and what is asked of the host.

use std::borrow::Cow;
use std::cell::RefCell;

use serde_json::{Value, json};

use super::{Program, counters, head, program};
use crate::head::{MemoryHead, RequestHead};
use crate::source::SourceVerdict;

/// `inner` trusts a range, `mesh` a principal, `free` everybody.
fn shop() -> Program {
    let rule = |header: &str| json!([{"name": "r", "match": {"header": {"name": header}}}]);
    let lanes = json!([
        {"name": "inner", "rules": rule("x-gray"), "priority": 2, "sources": {"addresses": ["10.0.0.0/8"]}},
        {"name": "mesh", "rules": rule("x-gray"), "priority": 1, "sources": {"principals": ["spiffe://m/ns/a/*"]}},
        {"name": "free", "rules": rule("x-free")},
    ]);
    program("entry", lanes, json!({"version": 3, "baggage": null}))
}

/// The lane that a request enters, and what its source is counted as.
fn enters(program: &Program, lines: &[(&str, &str)]) -> (Option<String>, Vec<String>) {
    let request = head(lines);
    let outcome = program.on_request(&request, 0, 0);
    let sources = counters(program, &outcome).into_iter().filter(|name| name.contains("sources_total"));
    let reasons = sources.map(|name| name.split(";.;").nth(1).unwrap().replace("reason=.=", "")).collect();
    (outcome.lane.map(ToString::to_string), reasons)
}

#[test]
fn who_is_not_from_a_trusted_source_has_not_asked() {
    let shop = shop();
    let (near, far) = (("@address", "10.1.2.3:4"), ("@address", "11.1.2.3:4"));
    let (ours, theirs) = (("@identity", "spiffe://m/ns/a/sa/b"), ("@identity", "spiffe://m/ns/b/sa/b"));
    let gray = ("x-gray", "1");
    for (lines, lane, counted) in [
        (&[gray, near][..], Some("inner"), &["address"][..]),
        (&[gray, near, ours], Some("inner"), &["address"]),
        // The lane that comes first did not let it in: that is what somebody looks for.
        (&[gray, far, ours], Some("mesh"), &["unlisted"]),
        (&[gray, ours], Some("mesh"), &["unidentified"]),
        (&[gray, far, theirs], None, &["unlisted"]),
        (&[gray, far], None, &["unlisted"]),
        (&[gray], None, &["unidentified"]),
        (&[("x-free", "1"), far], Some("free"), &[]),
        (&[near, ours], None, &[]),
        // What a client says of itself counts for nothing.
        (
            &[
                gray,
                far,
                ("x-forwarded-for", "10.1.2.3"),
                ("x-forwarded-client-cert", "URI=spiffe://m/ns/a/sa/b"),
            ],
            None,
            &["unlisted"],
        ),
    ] {
        assert_eq!(
            enters(&shop, lines),
            (lane.map(str::to_owned), counted.iter().map(ToString::to_string).collect()),
            "{lines:?}"
        );
    }
}

/// A head that notes which of the dear questions it was asked.
#[derive(Default)]
struct Noting {
    head: MemoryHead,
    asked: RefCell<Vec<&'static str>>,
}

impl RequestHead for Noting {
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.head.header(name)
    }

    fn source_address(&self) -> Option<Cow<'_, [u8]>> {
        self.asked.borrow_mut().push("address");
        self.head.source_address()
    }

    fn source_identity(&self) -> Option<Cow<'_, [u8]>> {
        self.asked.borrow_mut().push("identity");
        self.head.source_identity()
    }

    fn destination(&self) -> Option<Cow<'_, [u8]>> {
        self.asked.borrow_mut().push("destination");
        self.head.destination()
    }
}

#[test]
fn the_host_is_asked_only_for_what_decides() {
    let shop = shop();
    for (lines, want) in [
        (&[("x-free", "1")][..], &[][..]),
        (&[], &[]),
        (&[("x-gray", "1"), ("@address", "11.0.0.1:1")], &["address", "identity"]),
    ] {
        let request = Noting { head: head(lines), ..Noting::default() };
        assert!(shop.on_request(&request, 0, 0).lane.is_none_or(|lane| lane.as_str() == "free"));
        assert_eq!(*request.asked.borrow(), want, "{lines:?}");
    }
    let shared = |percent: u16| {
        let share = json!({"buckets": [{"from": 0, "to": percent}]});
        let sources = json!({"principals": ["spiffe://m/*"]});
        let lanes: Value = json!([{"name": "gray", "share": share, "sources": sources}]);
        program("entry", lanes, json!({"version": 3}))
    };
    for (percent, want) in [(0, &[][..]), (10_000, &["identity"])] {
        let (shared, request) = (shared(percent), Noting::default());
        assert_eq!(shared.on_request(&request, 0, 0).lane, None);
        assert_eq!(*request.asked.borrow(), want);
    }
}

#[test]
fn a_lane_that_names_no_source_admits_nobody() {
    let rule = json!([{"name": "r", "match": {"header": {"name": "x-gray"}}}]);
    let lanes = json!([{"name": "gray", "rules": rule, "sources": {}}]);
    let shop = program("entry", lanes, json!({"version": 3}));
    let request = [("x-gray", "1"), ("@address", "10.0.0.1:1"), ("@identity", "spiffe://m/a")];
    assert_eq!(enters(&shop, &request), (None, vec!["unidentified".to_owned()]));
}

#[test]
fn explain_says_what_is_made_of_a_source() {
    let shop = shop();
    let request = head(&[("x-gray", "1"), ("@address", "11.0.0.1:1"), ("@identity", "spiffe://m/ns/a/sa/b")]);
    let verdicts: Vec<_> = shop.explain(&request, 0, 0);
    let of = |lane: &str| verdicts.iter().find(|verdict| verdict.lane.as_str() == lane).unwrap();
    assert_eq!((of("inner").source, of("inner").chosen), (Some(SourceVerdict::Unlisted), false));
    assert_eq!((of("mesh").source, of("mesh").chosen), (Some(SourceVerdict::Principal), true));
    assert_eq!(of("free").source, None);
}
