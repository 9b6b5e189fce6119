//! The table as the two roles use it, with slots in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::head::MemoryHead;

/// Slots in memory; as many writes as told are lost to others.
#[derive(Default)]
struct Kept {
    slots: RefCell<BTreeMap<u32, (Vec<u8>, u32)>>,
    lost: Cell<usize>,
}

impl Slots for Kept {
    fn read(&self, slot: u32) -> Option<(Vec<u8>, u32)> {
        self.slots.borrow().get(&slot).cloned()
    }

    fn write(&self, slot: u32, bytes: &[u8], version: Option<u32>) -> bool {
        let held = self.slots.borrow().get(&slot).map(|(_, version)| *version);
        let lost = self.lost.get();
        self.lost.set(lost.saturating_sub(1));
        let is_ours = lost == 0 && held == version;
        if is_ours {
            self.slots.borrow_mut().insert(slot, (bytes.to_vec(), version.unwrap_or(0) + 1));
        }
        is_ours
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn config(headers: &[&str]) -> FilterConfig {
    serde_json::from_value(json!({
        "version": 1, "generation": 7, "group": "shop", "role": "inbound", "workload": "w",
        "laneHeader": "x-lane", "lanes": [],
        "recovery": { "headers": headers, "ttlMs": 30_000, "slots": 64 },
    }))
    .unwrap()
}

fn head(lines: &[(&str, &str)]) -> MemoryHead {
    let lines = lines.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    MemoryHead { headers: lines.collect(), ..MemoryHead::default() }
}

fn arrives(kept: &Kept, config: &FilterConfig, lines: &[(&str, &str)], lane: Option<&str>) -> Remembered {
    let recovery = config.recovery.as_ref().unwrap();
    remember(config, recovery, &head(lines), Mark::of(lane.map(str::as_bytes)), 1_000, kept)
}

fn leaves(kept: &Kept, config: &FilterConfig, lines: &[(&str, &str)]) -> Recalled {
    recall(config, config.recovery.as_ref().unwrap(), &head(lines), 2_000, kept)
}

fn gray() -> Recalled {
    Recalled::Known(Mark::of(Some(b"gray")))
}

#[test]
fn an_application_may_turn_one_form_of_the_trace_into_another() {
    let (kept, config) = (Kept::default(), config(&["traceparent", "b3", "x-b3-traceid", "x-request-id"]));
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    arrives(&kept, &config, &[("traceparent", &parent)], Some("gray"));
    let b3 = format!("{TRACE}-00000000000000ab-0");
    for line in [("b3", b3.as_str()), ("x-b3-traceid", TRACE), ("traceparent", &parent)] {
        assert_eq!(leaves(&kept, &config, &[line]), gray(), "{line:?}");
    }
    assert_eq!(leaves(&kept, &config, &[("x-request-id", TRACE)]), Recalled::Missed);
    assert_eq!(leaves(&kept, &config, &[("x-other", TRACE)]), Recalled::Untraced);
}

#[test]
fn ids_that_disagree_give_no_lane() {
    let (kept, config) = (Kept::default(), config(&["x-a", "x-b"]));
    arrives(&kept, &config, &[("x-a", "1"), ("x-b", "1")], Some("gray"));
    arrives(&kept, &config, &[("x-a", "2"), ("x-b", "2")], None);
    arrives(&kept, &config, &[("x-a", "3"), ("x-b", "3")], Some("blue"));
    assert_eq!(leaves(&kept, &config, &[("x-a", "1"), ("x-b", "unknown")]), gray());
    for other in ["2", "3"] {
        let known = leaves(&kept, &config, &[("x-a", "1"), ("x-b", other)]);
        assert_eq!(known, Recalled::Known(Mark::Ambiguous), "{other}");
    }
    let reused = arrives(&kept, &config, &[("x-a", "1")], Some("blue"));
    assert_eq!(reused, Remembered { ambiguous: true, evicted: false });
    assert_eq!(leaves(&kept, &config, &[("x-a", "1"), ("x-b", "1")]), Recalled::Known(Mark::Ambiguous));
}

#[test]
fn a_slot_that_others_write_is_tried_again_and_given_up() {
    let (kept, config) = (Kept::default(), config(&["x-a"]));
    kept.lost.set(TRIES - 1);
    assert_eq!(arrives(&kept, &config, &[("x-a", "1")], Some("gray")), Remembered::default());
    assert_eq!(leaves(&kept, &config, &[("x-a", "1")]), gray());
    kept.lost.set(TRIES);
    assert!(arrives(&kept, &config, &[("x-a", "2")], Some("gray")).evicted);
    assert_eq!(leaves(&kept, &config, &[("x-a", "2")]), Recalled::Missed);
}

#[test]
fn the_number_of_slots_bounds_the_table() {
    let (kept, config) = (Kept::default(), config(&["x-a"]));
    let mut evicted = 0;
    for number in 0..2_000 {
        let remembered = arrives(&kept, &config, &[("x-a", &number.to_string())], Some("gray"));
        evicted += usize::from(remembered.evicted);
    }
    let slots = kept.slots.borrow();
    assert_eq!(slots.len(), 64);
    assert!(slots.values().all(|(bytes, _)| bytes.len() == PLACES * 32));
    assert_eq!(evicted, 2_000 - 64 * PLACES);
    for slots in [1, 3, 64, MAX_SLOTS] {
        assert_eq!(slot_of(TraceKey(u128::MAX), slots), slots - 1);
        assert_eq!(slot_of(TraceKey(0), slots), 0);
    }
}

#[test]
fn limits_are_named_each_with_a_remedy() {
    let header = || "x-a".parse::<HeaderName>().unwrap();
    assert!(limits("r", &[header()], MIN_TTL_MS, MIN_SLOTS).is_empty());
    assert!(limits("r", &[header()], MAX_TTL_MS, MAX_SLOTS).is_empty());
    for (headers, ttl_ms, slots, field) in [
        (0, MIN_TTL_MS, MIN_SLOTS, "r.headers"),
        (MAX_HEADERS + 1, MIN_TTL_MS, MIN_SLOTS, "r.headers"),
        (1, MIN_TTL_MS - 1, MIN_SLOTS, "r.ttlSeconds"),
        (1, MAX_TTL_MS + 1, MIN_SLOTS, "r.ttlSeconds"),
        (1, MIN_TTL_MS, MIN_SLOTS - 1, "r.slots"),
        (1, MIN_TTL_MS, MAX_SLOTS + 1, "r.slots"),
    ] {
        let problems = limits("r", &vec![header(); headers], ttl_ms, slots);
        assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), [field]);
    }
}
