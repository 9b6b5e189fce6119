//! What is remembered, what is forgotten, and what a flood costs.

use lane::ticket::{Claims, SecretKey, issue};

use super::*;

fn key() -> SecretKey {
    SecretKey::from_random([7; 32]).unwrap()
}

fn ticket(subject: &str) -> String {
    let claims = Claims {
        key: "k1".parse().unwrap(),
        audience: "shop".parse().unwrap(),
        lane: "gray".parse().unwrap(),
        subject: subject.parse().unwrap(),
        not_before: 0,
        expires: 10,
    };
    issue(&claims, &key()).unwrap()
}

/// The ticket with a signature of which every byte is another one.
fn forged(number: usize) -> String {
    let genuine = ticket(&format!("forger-{number}"));
    let (signed, _) = genuine.rsplit_once('.').unwrap();
    format!("{signed}.{}", "A".repeat(86))
}

fn look(signatures: &RefCell<Signatures>, text: &str, now_ms: u64) -> Verdict {
    Checker::new(signatures, now_ms).verify(&Ticket::parse(text.as_bytes()).unwrap(), &key().public())
}

#[test]
fn a_verdict_is_remembered() {
    let signatures = RefCell::default();
    assert_eq!(look(&signatures, &ticket("alice"), 0), Verdict::Valid);
    assert_eq!(look(&signatures, &ticket("alice"), 0), Verdict::Known);
    assert_eq!(look(&signatures, &forged(1), 0), Verdict::Invalid);
    assert_eq!(look(&signatures, &forged(1), 0), Verdict::Invalid);
    assert_eq!(signatures.borrow().spent, 2);
}

#[test]
fn what_is_known_of_one_key_says_nothing_of_another() {
    let signatures = RefCell::default();
    let text = ticket("alice");
    assert_eq!(look(&signatures, &text, 0), Verdict::Valid);
    let other = SecretKey::from_random([8; 32]).unwrap().public();
    let ticket = Ticket::parse(text.as_bytes()).unwrap();
    assert_eq!(Checker::new(&signatures, 0).verify(&ticket, &other), Verdict::Invalid);
}

#[test]
fn a_flood_is_looked_at_within_the_budget_and_known_tickets_pass() {
    let signatures = RefCell::default();
    assert_eq!(look(&signatures, &ticket("alice"), 5_000), Verdict::Valid);
    for i in 1..usize::try_from(BUDGET).unwrap() {
        assert_eq!(look(&signatures, &forged(i), 5_000), Verdict::Invalid, "{i}");
    }
    assert_eq!(look(&signatures, &forged(0), 5_999), Verdict::OverBudget);
    assert_eq!(look(&signatures, &ticket("bob"), 5_999), Verdict::OverBudget);
    assert_eq!(look(&signatures, &forged(1), 5_999), Verdict::Invalid, "known to be wrong");
    assert_eq!(look(&signatures, &ticket("alice"), 5_999), Verdict::Known);
    assert_eq!(look(&signatures, &ticket("bob"), 6_000), Verdict::Valid, "the next second");
    assert_eq!(look(&signatures, &forged(0), 3), Verdict::Invalid, "a clock that was set back");
}

#[test]
fn the_oldest_makes_room_and_the_memory_is_bounded() {
    let mut memory = Memory::default();
    let fingerprint = |i: usize| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&i.to_be_bytes());
        bytes
    };
    for i in 0..=REMEMBERED {
        memory.add(fingerprint(i));
    }
    assert!(!memory.holds(&fingerprint(0)));
    assert!(memory.holds(&fingerprint(1)) && memory.holds(&fingerprint(REMEMBERED)));
    assert_eq!((memory.known.len(), memory.order.len()), (REMEMBERED, REMEMBERED));
}
