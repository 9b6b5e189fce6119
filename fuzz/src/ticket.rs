//! Lane tickets: nothing but what was issued opens a lane, and only in its time.

use std::sync::LazyLock;

use lane::head::MemoryHead;
use lane::outcome::Edit;
use lane::program::Program;
use lane::ticket::{Claims, MAX_LENGTH, Refusal, SecretKey, Ticket, issue};
use serde_json::json;

const HEADER: &str = "x-lane-ticket";
const LANE: &str = "gray";

/// The group's key; the seeds of the corpus are signed with it.
static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::from_random([7; 32]).expect("a key"));

/// The entry of group `shop`, whose lane asks for a ticket.
static ENTRY: LazyLock<Program> = LazyLock::new(|| {
    let config = json!({
        "version": 2, "generation": 1, "group": "shop", "role": "entry", "workload": "gateway",
        "laneHeader": "x-lane",
        "tickets": { "header": HEADER, "keys": [{ "id": "k1", "publicKey": KEY.public() }] },
        "lanes": [{ "name": LANE, "ticket": true, "rules": [{ "name": "all", "match": { "method": "present" } }] }],
    });
    Program::from_json(config.to_string().as_bytes()).expect("a configuration")
});

/// Reads a ticket, and shows it to an entry at all times that matter.
///
/// # Panics
/// It opens a lane without being the ticket that its claims were issued as, or outside of its time.
pub fn check(text: &[u8]) {
    let ticket = match Ticket::parse(text) {
        Ok(ticket) => ticket,
        Err(refusal) => {
            assert_eq!(refusal == Refusal::Length, text.len() > MAX_LENGTH);
            assert!(!opens(text, 150_000), "opened by what is no ticket: {}", text.escape_ascii());
            return;
        }
    };
    let again = issue(&ticket.claims, &KEY).expect("claims are JSON");
    // Claims may be written in another order or with spaces, by whoever holds the key; this key never did so.
    let is_issued = again.as_bytes() == text;
    assert_eq!(ticket.is_signed_by(&KEY.public()), is_issued, "{}", text.escape_ascii());
    let read = Ticket::parse(again.as_bytes()).expect("what is issued is read");
    assert_eq!(read.claims, ticket.claims);
    for now_ms in times(&ticket.claims) {
        assert_eq!(opens(text, now_ms), is_issued && fits(&ticket.claims, now_ms), "at {now_ms}");
    }
}

/// Just before and at each end, in milliseconds.
fn times(claims: &Claims) -> impl Iterator<Item = u64> {
    let ends = [claims.not_before, claims.expires].map(|end| end.saturating_mul(1000));
    ends.into_iter().flat_map(|end| [end.saturating_sub(1), end])
}

fn fits(claims: &Claims, now_ms: u64) -> bool {
    let time = claims.not_before.saturating_mul(1000)..claims.expires.saturating_mul(1000);
    claims.key.as_str() == "k1"
        && claims.audience.to_string() == "shop"
        && claims.lane.as_str() == LANE
        && time.contains(&now_ms)
}

/// Whether a request with this ticket enters the lane.
fn opens(text: &[u8], now_ms: u64) -> bool {
    let headers = vec![(":method".to_owned(), b"GET".to_vec()), (HEADER.to_owned(), text.to_vec())];
    let head = MemoryHead { headers, ..MemoryHead::default() };
    let outcome = ENTRY.on_request(&head, now_ms, 0);
    outcome.edits.iter().any(
        |edit| matches!(edit, Edit::Set { name, value } if *name == "x-lane" && **value == *LANE.as_bytes()),
    )
}
