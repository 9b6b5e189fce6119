//! How browsers ask for a lane.

use super::*;

#[test]
fn browsers() {
    let found = |group: Value, lane: Value| -> Vec<String> {
        let found = lanes(&mk_group(group), &[mk_lane("gray", lane)], &Facts::default());
        found.iter().map(ToString::to_string).collect()
    };
    let free = |browser: Value| json!({"cookieFromQuery": browser});
    let ticket = |browser: Value| json!({"trust": "Ticket", "cookieFromQuery": browser});
    let key = json!({"id": "a", "publicKey": "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw"});
    let tickets = json!({"tickets": {"cookie": "pass", "keys": [key]}});
    let lane = || json!({"query": "lane"});
    assert_eq!(found(json!({}), free(lane())), Vec::<String>::new());
    assert_eq!(found(tickets.clone(), ticket(lane())), Vec::<String>::new());
    assert_eq!(
        found(json!({"tickets": {"keys": [key]}}), ticket(lane())),
        [
            "Lane/gray spec.cookieFromQuery: the group has no cookie for tickets; add spec.tickets.cookie to the group"
        ]
    );
    assert_eq!(
        found(tickets.clone(), ticket(json!({"query": "lane", "cookie": "c"}))),
        [
            "Lane/gray spec.cookieFromQuery.cookie: a ticket is in the cookie of the group's tickets; remove it, and name the cookie in spec.tickets.cookie of the group"
        ]
    );
    assert_eq!(
        found(tickets, free(json!({"query": "lane", "cookie": "pass"}))),
        [
            "Lane/gray spec.cookieFromQuery.cookie: pass is the cookie of the group's tickets; choose another name"
        ]
    );
    let bad = found(json!({}), free(json!({"query": "", "cookie": "a b"})));
    assert_eq!(bad.len(), 2, "{bad:?}");
    let rule = json!([{"name": "cookie-from-query", "match": {"header": {"name": "x"}}}]);
    assert_eq!(
        found(json!({}), json!({"cookieFromQuery": lane(), "rules": rule})),
        [
            "Lane/gray spec.rules[0].name: cookie-from-query is the name of the rule for browsers; choose another name"
        ]
    );
    assert_eq!(
        found(json!({}), json!({"cookieFromQuery": lane(), "rules": [], "share": {"percent": 5}})),
        [
            "Lane/gray spec.share: the share is drawn from browsers alone that ask for the lane; add a rule for the others, or a lane"
        ]
    );
}
