//! Tickets at the entry: which of them opens which lane, what is counted, and that none goes on.

use serde_json::{Value, json};

use super::{Program, counters, edits, head, program};
use crate::head::MemoryHead;
use crate::name::LaneName;
use crate::outcome::Outcome;
use crate::program::{Known, TicketVerdict};
use crate::recovery::Forgetful;
use crate::ticket::{Claims, Direct, Refusal, SecretKey, Ticket, Verdict, Verifier, issue};

fn key(seed: u8) -> SecretKey {
    SecretKey::from_random([seed; 32]).unwrap()
}

/// A ticket by key `k1` unless `change` says otherwise; valid from second 100 to 200.
fn ticket(change: impl Fn(&mut Claims)) -> String {
    let mut claims = Claims {
        key: "k1".parse().unwrap(),
        audience: "shop".parse().unwrap(),
        lane: "gray".parse().unwrap(),
        subject: "alice".parse().unwrap(),
        not_before: 100,
        expires: 200,
    };
    change(&mut claims);
    issue(&claims, &key(if claims.key.as_str() == "k2" { 2 } else { 1 })).unwrap()
}

/// A request at second 160, where this one looks at signatures.
fn with<'a>(program: &'a Program, request: &MemoryHead, signatures: &impl Verifier) -> Outcome<'a> {
    program.run(request, &Known { signatures, traces: &Forgetful }, 160_000, 0)
}

/// `gray` and `blue` ask for tickets, `free` does not; `k2` ends at second 150.
fn shop(extra: Value) -> Program {
    let rule = |header: &str| json!([{"name": "r", "match": {"header": {"name": header}}}]);
    let lanes = json!([
        {"name": "gray", "ticket": true, "rules": rule("x-gray")},
        {"name": "blue", "ticket": true, "rules": rule("x-blue")},
        {"name": "free", "rules": rule("x-free")},
    ]);
    let keys = json!([
        {"id": "k1", "publicKey": key(1).public()},
        {"id": "k2", "publicKey": key(2).public(), "expiresMs": 150_000},
    ]);
    let tickets = json!({"header": "x-lane-ticket", "cookie": "ticket", "keys": keys});
    let mut all = json!({"version": 2, "tickets": tickets, "baggage": null});
    for (key, value) in extra.as_object().unwrap() {
        all[key] = value.clone();
    }
    program("entry", lanes, all)
}

fn tickets_counted(program: &Program, head: &MemoryHead, now_ms: u64) -> Vec<String> {
    let outcome = program.on_request(head, now_ms, 0);
    let all = counters(program, &outcome).into_iter().filter(|name| name.contains("tickets_total"));
    all.map(|name| name.split(";.;").nth(1).unwrap().replace("reason=.=", "")).collect()
}

#[test]
fn a_ticket_opens_its_lane_to_whom_a_rule_fits() {
    let shop = shop(json!({}));
    assert!(shop.needs_time());
    let gray = ticket(|_| {});
    let both = [("x-gray", "1"), ("x-lane-ticket", &*gray)];
    for (lines, now_ms, want) in [
        (&both[..], 150_000, Some("gray")),
        (&both[..], 200_000, None),
        (&[("x-gray", "1")], 150_000, None),
        (&[("x-lane-ticket", &*gray)], 150_000, None),
        (&[("x-blue", "1"), ("x-lane-ticket", &*gray)], 150_000, None),
        (&[("x-free", "1")], 150_000, Some("free")),
        (&[("x-free", "1"), ("x-lane-ticket", "garbage")], 150_000, Some("free")),
        (&[("x-gray", "1"), ("cookie", &*format!("a=1; ticket={gray}"))], 150_000, Some("gray")),
        (
            &[("x-gray", "1"), ("x-lane-ticket", "garbage"), ("cookie", &*format!("ticket={gray}"))],
            150_000,
            None,
        ),
        (&[("x-gray", "1"), ("x-lane-ticket", &*gray), ("x-lane-ticket", &*gray)], 150_000, None),
    ] {
        let outcome = shop.on_request(&head(lines), now_ms, 0);
        let lane = outcome.lane.map(LaneName::as_str);
        assert_eq!(lane, want, "{lines:?} at {now_ms}");
        assert_eq!(
            shop.decide(&head(lines), now_ms, 0).map(|found| found.lane.name.as_str()),
            want,
            "{lines:?}"
        );
    }
}

#[test]
fn what_becomes_of_a_ticket_is_counted_by_reason() {
    let shop = shop(json!({}));
    let genuine = ticket(|_| {});
    let (signed, _) = genuine.rsplit_once('.').unwrap();
    for (text, want) in [
        (genuine.clone(), "valid"),
        ("x".repeat(2000), "length"),
        ("garbage".to_owned(), "format"),
        (ticket(|claims| claims.key = "k3".parse().unwrap()), "key"),
        (ticket(|claims| claims.key = "k2".parse().unwrap()), "key"),
        (ticket(|claims| claims.audience = "other".parse().unwrap()), "audience"),
        (ticket(|claims| claims.audience = "demo/shop".parse().unwrap()), "audience"),
        (ticket(|claims| claims.not_before = 170), "not-yet"),
        (ticket(|claims| claims.expires = 160), "expired"),
        (ticket(|claims| claims.lane = "free".parse().unwrap()), "lane"),
        (ticket(|claims| claims.lane = "none".parse().unwrap()), "lane"),
        (format!("{signed}.{}", "A".repeat(86)), "signature"),
    ] {
        let head = head(&[("x-gray", "1"), ("x-lane-ticket", &text)]);
        assert_eq!(tickets_counted(&shop, &head, 160_000), [want], "{text}");
        let outcome = shop.on_request(&head, 160_000, 0);
        assert_eq!(outcome.lane.is_some(), want == "valid", "{text}");
        let removed = edits(&outcome).contains(&"-x-lane-ticket".to_owned());
        assert!(removed, "{text}: {outcome:?}");
    }
    assert!(tickets_counted(&shop, &head(&[("x-gray", "1")]), 160_000).is_empty());
}

/// Says the same of every signature, and panics where it is not to be asked.
struct Always(Option<Verdict>);

impl Verifier for Always {
    fn verify(&self, _: &Ticket<'_>, _: &crate::ticket::PublicKey) -> Verdict {
        self.0.unwrap()
    }
}

#[test]
fn the_signature_comes_last_and_whoever_looks_at_it_decides() {
    let shop = shop(json!({}));
    let genuine = ticket(|_| {});
    let lines = [("x-gray", "1"), ("x-lane-ticket", &*genuine)];
    for (verdict, enters) in [
        (Verdict::Valid, true),
        (Verdict::Known, true),
        (Verdict::Invalid, false),
        (Verdict::OverBudget, false),
    ] {
        let request = head(&lines);
        let outcome = with(&shop, &request, &Always(Some(verdict)));
        assert_eq!(outcome.lane.is_some(), enters, "{verdict:?}");
    }
    for refused in
        [ticket(|claims| claims.lane = "free".parse().unwrap()), ticket(|claims| claims.expires = 101)]
    {
        let request = head(&[("x-gray", "1"), ("x-lane-ticket", &refused)]);
        assert_eq!(with(&shop, &request, &Always(None)).lane, None);
    }
}

#[test]
fn no_ticket_goes_on() {
    let alone = shop(json!({}));
    let qualified = shop(json!({"groupNamespace": "demo"}));
    let (gray, ours) = (ticket(|_| {}), ticket(|claims| claims.audience = "demo/shop".parse().unwrap()));
    let cookies = format!("a=1; ticket={gray}; b=2");
    for (program, lines, want) in [
        (&alone, &[("x-lane-ticket", &*gray)][..], &["-x-lane-ticket"][..]),
        (&alone, &[("cookie", &*cookies)], &["cookie=a=1; b=2"]),
        (&alone, &[("cookie", "ticket=x")], &["-cookie"]),
        (&alone, &[("x-lane-ticket", "x"), ("cookie", &*cookies)], &["-x-lane-ticket", "cookie=a=1; b=2"]),
        (&alone, &[("cookie", "a=1")], &[]),
        // The filter of another group has decided already.
        (&alone, &[("x-lane", "blue"), ("x-lane-ticket", &*gray)], &["-x-lane-ticket"]),
        (&qualified, &[("x-lane-ticket", &*ours)], &["-x-lane-ticket"]),
        (&qualified, &[("x-lane-ticket", "garbage")], &["-x-lane-ticket"]),
        // It is for the filter of another group at the same gateway.
        (&qualified, &[("x-lane-ticket", &*gray)], &[]),
    ] {
        let request = head(lines);
        assert_eq!(edits(&program.on_request(&request, 160_000, 0)), want, "{lines:?}");
    }
}

#[test]
fn explain_says_what_is_wrong_with_a_ticket() {
    let shop = shop(json!({}));
    let (gray, old) = (ticket(|_| {}), ticket(|claims| claims.expires = 101));
    for (lines, want) in [
        (&[("x-gray", "1"), ("x-lane-ticket", &*gray)][..], TicketVerdict::Valid),
        (&[("x-gray", "1")], TicketVerdict::Missing),
        (&[("x-gray", "1"), ("x-lane-ticket", &*old)], TicketVerdict::Refused(Refusal::Expired)),
    ] {
        let request = head(lines);
        let verdicts = shop.explain(&request, 160_000, 0);
        let of = |lane: &str| verdicts.iter().find(|verdict| verdict.lane.as_str() == lane).unwrap();
        assert_eq!(of("gray").ticket, Some(want), "{lines:?}");
        assert_eq!(of("gray").chosen, want == TicketVerdict::Valid);
        assert_eq!(of("free").ticket, None);
    }
    let request = head(&[("x-blue", "1"), ("x-lane-ticket", &gray)]);
    let verdicts = shop.explain(&request, 160_000, 0);
    let blue = verdicts.iter().find(|verdict| verdict.lane.as_str() == "blue").unwrap();
    assert_eq!(blue.ticket, Some(TicketVerdict::Refused(Refusal::Lane)));
}

#[test]
fn without_keys_nobody_enters_a_lane_that_asks_for_tickets() {
    let gray = ticket(|_| {});
    let request = head(&[("x-gray", "1"), ("x-lane-ticket", &gray)]);
    for tickets in [Value::Null, json!({"header": "x-lane-ticket"})] {
        let shop = shop(json!({"tickets": tickets}));
        assert_eq!(with(&shop, &request, &Direct).lane, None);
    }
}
