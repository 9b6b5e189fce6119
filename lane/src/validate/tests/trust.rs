//! Keys of a group, and lanes that ask for tickets.

use super::*;

#[test]
fn tickets_of_a_group() {
    let key = |id: &str| json!({"id": id, "publicKey": "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw"});
    check_group(json!({"tickets": {"keys": [key("a"), key("b")], "cookie": "ticket"}}), &[]);
    check_group(
        json!({"tickets": {"header": "X-Lane", "cookie": "a=", "keys": [key("a"), key("a")]}}),
        &[
            "spec.tickets.header: x-lane is removed from what outsiders send; choose another header, such as x-lane-ticket",
            "spec.tickets.cookie: no cookie can be named \"a=\"; write the name only, without = and value",
            "spec.tickets.keys[1].id: the name stands twice; rename or remove one of the two",
        ],
    );
    check_group(
        json!({"tickets": {"header": "authorization"}}),
        &[
            "spec.tickets.header: authorization has a meaning of its own, which the filter would overwrite; choose another header, such as x-lane-ticket",
        ],
    );
    let many: Vec<_> = (0..=MAX_KEYS).map(|i| key(&format!("k{i}"))).collect();
    check_group(
        json!({"tickets": {"keys": many}}),
        &["spec.tickets.keys: there are 17 keys, more than 16; remove those that nobody signs with"],
    );
}

#[test]
fn lanes_that_ask_for_tickets() {
    let facts = Facts { now_ms: 1_000, ..Facts::default() };
    let found = |group: Value, lane: Value| -> Vec<String> {
        lanes(&mk_group(group), &[mk_lane("gray", lane)], &facts).iter().map(ToString::to_string).collect()
    };
    let tickets = |expires: &str| {
        let public = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
        json!({"tickets": {"keys": [{"id": "a", "publicKey": public, "expires": expires}]}})
    };
    let no_key = [
        "Lane/gray spec.trust: the lane asks for a ticket, and the group has no key that is valid now; add one to spec.tickets.keys of the group: `lanectl ticket keygen` makes it",
    ];
    let asks = || json!({"trust": "Ticket"});
    assert_eq!(found(tickets("1970-01-01T00:00:02Z"), asks()), Vec::<String>::new());
    assert_eq!(found(tickets("1970-01-01T00:00:01Z"), asks()), no_key);
    assert_eq!(found(json!({}), asks()), no_key);
    assert_eq!(found(json!({"tickets": {}}), asks()), no_key);
    let rules = json!({"rules": [{"name": "r", "match": {"any": [{"path": {"prefix": "/"}}, {"not": {"header": {"name": "x-lane-ticket"}}}]}}]});
    assert_eq!(
        found(tickets("1970-01-01T00:00:02Z"), rules.clone()),
        [
            "Lane/gray spec.rules[0].match: nobody checks x-lane-ticket in a lane that asks for no ticket; write trust: Ticket"
        ]
    );
    assert_eq!(found(json!({}), rules), Vec::<String>::new());
}

#[test]
fn lanes_that_ask_for_a_source() {
    let found = |lane: Value| -> Vec<String> {
        let found = lanes(&mk_group(json!({})), &[mk_lane("gray", lane)], &Facts::default());
        found.iter().map(ToString::to_string).collect()
    };
    let addresses = |list: Value| json!({"trust": "Source", "sources": {"addresses": list}});
    assert_eq!(found(addresses(json!(["10.0.0.0/8", "::1"]))), Vec::<String>::new());
    assert_eq!(
        found(json!({"trust": "Source", "sources": {"principals": ["spiffe://m/*"]}})),
        Vec::<String>::new()
    );
    for nobody in [json!({"trust": "Source"}), addresses(json!([]))] {
        assert_eq!(
            found(nobody),
            [
                "Lane/gray spec.sources: the lane asks for a source and names none; add addresses or principals"
            ]
        );
    }
    assert_eq!(
        found(json!({"sources": {"addresses": ["::1"]}})),
        [
            "Lane/gray spec.sources: nobody looks at sources in a lane with trust: Free; write trust: Source, or remove them"
        ]
    );
    assert_eq!(
        found(addresses(json!(["10.0.0.0/8", "0.0.0.0/0"]))),
        [
            "Lane/gray spec.sources.addresses[1]: 0.0.0.0/0 is everybody; name a narrower range, or write trust: Free"
        ]
    );
    let many: Vec<_> = (0..=MAX_SOURCES).map(|i| format!("10.{}.{}.0/24", i / 256, i % 256)).collect();
    assert_eq!(
        found(addresses(json!(many))),
        ["Lane/gray spec.sources.addresses: there are 257 addresses, more than 256; join them to wider ones"]
    );
}
