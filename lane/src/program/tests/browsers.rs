//! Browsers at the entry: who enters by query or cookie, and what the answer says of the cookie.

use serde_json::{Value, json};

use super::{Program, edits, head, program};
use crate::browser::CookieChange;
use crate::ticket::{Claims, SecretKey, issue};

/// The rule that `envoy-config` writes for a lane of that name.
fn by_name(name: &str) -> Value {
    let (query, cookie) = (
        json!({"name": "lane", "value": {"exact": name}}),
        json!({"name": "lane", "value": {"exact": name}}),
    );
    let not_asked = json!({"not": {"query": {"name": "lane"}}});
    json!([{"name": "cookie-from-query", "match": {"any": [{"query": query}, {"all": [{"cookie": cookie}, not_asked]}]}}])
}

/// The rule for a lane that asks for tickets.
fn by_ticket() -> Value {
    let asked =
        json!({"all": [{"query": {"name": "t"}}, {"not": {"query": {"name": "t", "value": {"exact": ""}}}}]});
    let kept = json!({"all": [{"cookie": {"name": "ticket"}}, {"not": {"query": {"name": "t"}}}]});
    json!([{"name": "cookie-from-query", "match": {"any": [asked, kept]}}])
}

fn key() -> SecretKey {
    SecretKey::from_random([1; 32]).unwrap()
}

/// `gray` ends at second 300, `blue` does not, `vip` asks for tickets.
fn shop() -> Program {
    let browser = |query: &str, cookie: &str| json!({"query": query, "cookie": cookie});
    let lanes = json!([
        {"name": "gray", "expiresMs": 300_000, "browser": browser("lane", "lane"), "rules": by_name("gray")},
        {"name": "blue", "browser": browser("lane", "lane"), "rules": by_name("blue")},
        {"name": "vip", "ticket": true, "browser": browser("t", "ticket"), "rules": by_ticket()},
    ]);
    let keys = json!([{"id": "k1", "publicKey": key().public()}]);
    let tickets = json!({"header": "x-lane-ticket", "cookie": "ticket", "keys": keys});
    program("entry", lanes, json!({"version": 3, "tickets": tickets, "baggage": null}))
}

fn ticket(lane: &str) -> String {
    let claims = Claims {
        key: "k1".parse().unwrap(),
        audience: "shop".parse().unwrap(),
        lane: lane.parse().unwrap(),
        subject: "alice".parse().unwrap(),
        not_before: 100,
        expires: 200,
    };
    issue(&claims, &key()).unwrap()
}

/// The lane that a request enters at second 150, and what is said of cookies: `name=value until`, or `-name`.
fn enters(program: &Program, lines: &[(&str, &str)]) -> (Option<String>, Vec<String>) {
    let request = head(lines);
    let outcome = program.on_request(&request, 150_000, 0);
    let said = |change: &CookieChange| match &change.value {
        Some(value) => format!("{}={value} {:?}", change.name, change.ends_ms),
        None => format!("-{}", change.name),
    };
    (outcome.lane.map(ToString::to_string), outcome.cookies.iter().map(said).collect())
}

#[test]
fn a_browser_enters_by_the_query_and_stays_by_the_cookie() {
    let shop = shop();
    for (path, cookie, lane, said) in [
        ("/?lane=gray", "", Some("gray"), &["lane=gray Some(300000)"][..]),
        ("/a?x=1&lane=blue", "", Some("blue"), &["lane=blue None"]),
        ("/", "lane=gray", Some("gray"), &[]),
        ("/", "a=1; lane=gray; b", Some("gray"), &[]),
        ("/", "lane=green", None, &[]),
        ("/", "", None, &[]),
        // What is asked for now counts more than what was asked for before.
        ("/?lane=blue", "lane=gray", Some("blue"), &["lane=blue None"]),
        ("/?lane=green", "lane=gray", None, &[]),
        ("/?lane=GRAY", "", None, &[]),
        ("/?lane=", "lane=gray", None, &["-lane"]),
        ("/?lane", "", None, &["-lane"]),
        // A ticket is not the lane's name, nor is a name a ticket.
        ("/?lane=vip", "lane=vip", None, &[]),
        ("/?t=vip", "ticket=vip", None, &[]),
    ] {
        let lines: Vec<_> =
            [(":path", path), ("cookie", cookie)].into_iter().filter(|(_, v)| !v.is_empty()).collect();
        let want = (lane.map(str::to_owned), said.iter().map(ToString::to_string).collect());
        assert_eq!(enters(&shop, &lines), want, "{path} {cookie}");
    }
}

#[test]
fn a_ticket_goes_from_the_query_into_the_cookie_and_no_further() {
    let shop = shop();
    let (vip, gray) = (ticket("vip"), ticket("gray"));
    let kept = format!("ticket={vip} Some(200000)");
    let (cookie, gray_cookie) = (format!("a=1; ticket={vip}"), format!("ticket={gray}"));
    for (lines, lane, said, edited) in [
        (
            vec![(":path", format!("/a?b=1&t={vip}#c"))],
            Some("vip"),
            vec![kept.clone()],
            vec![":path=/a?b=1#c", "x-lane=vip"],
        ),
        (
            vec![(":path", "/".to_owned()), ("cookie", cookie.clone())],
            Some("vip"),
            vec![],
            vec!["cookie=a=1", "x-lane=vip"],
        ),
        (
            vec![(":path", "/?t=".to_owned()), ("cookie", cookie.clone())],
            None,
            vec!["-ticket".to_owned()],
            vec!["cookie=a=1", ":path=/"],
        ),
        (
            vec![(":path", "/?t=x".to_owned()), ("cookie", cookie)],
            None,
            vec![],
            vec!["cookie=a=1", ":path=/"],
        ),
        (vec![(":path", format!("/?t={gray}"))], None, vec![], vec![":path=/"]),
        (vec![(":path", "/".to_owned()), ("cookie", gray_cookie)], None, vec![], vec!["-cookie"]),
        // A ticket in the header is no browser's.
        (
            vec![(":path", format!("/?t={vip}")), ("x-lane-ticket", vip.clone())],
            Some("vip"),
            vec![],
            vec!["-x-lane-ticket", ":path=/", "x-lane=vip"],
        ),
    ] {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(enters(&shop, &lines), (lane.map(str::to_owned), said), "{lines:?}");
        assert_eq!(edits(&shop.on_request(&head(&lines), 150_000, 0)), edited, "{lines:?}");
    }
}

#[test]
fn nothing_is_set_for_a_lane_that_has_ended() {
    let request = [(":path", "/?lane=gray")];
    let outcome = shop();
    let outcome = outcome.on_request(&head(&request), 300_000, 0);
    assert_eq!((outcome.lane, outcome.cookies.len()), (None, 0));
}
