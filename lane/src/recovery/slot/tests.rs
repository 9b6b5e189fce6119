//! Slots against a model that forgets nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TTL: u64 = 10_000;
const GRAY: Mark = Mark::Lane(7);
const BLUE: Mark = Mark::Lane(8);

fn key(number: u128) -> TraceKey {
    TraceKey(number)
}

#[test]
fn a_trace_is_known_until_its_time() {
    let noted = note(&[], key(1), GRAY, 1_000, TTL);
    assert_eq!((noted.bytes.len(), noted.event), (PLACE_BYTES, None));
    for (now, want) in [(1_000, Some(GRAY)), (10_999, Some(GRAY)), (11_000, None), (50_000, None)] {
        assert_eq!(find(&noted.bytes, key(1), now), want, "{now}");
    }
    assert_eq!(find(&noted.bytes, key(2), 1_000), None);
    let again = note(&noted.bytes, key(1), GRAY, 9_000, TTL);
    assert_eq!(find(&again.bytes, key(1), 18_999), Some(GRAY));
}

#[test]
fn a_clock_that_is_set_back_leaves_nothing_for_ever() {
    let noted = note(&[], key(1), GRAY, 10 * MAX_TTL_MS, TTL);
    assert_eq!(find(&noted.bytes, key(1), 1_000), None);
    assert_eq!(note(&noted.bytes, key(2), GRAY, 1_000, TTL).bytes.len(), PLACE_BYTES);
}

#[test]
fn two_marks_make_a_trace_ambiguous_until_its_time() {
    for (first, second) in [(GRAY, BLUE), (GRAY, Mark::Baseline), (Mark::Baseline, GRAY)] {
        let one = note(&[], key(1), first, 0, TTL);
        let two = note(&one.bytes, key(1), second, 0, TTL);
        assert_eq!(two.event, Some(Event::Ambiguous));
        assert_eq!(find(&two.bytes, key(1), 1), Some(Mark::Ambiguous));
        let three = note(&two.bytes, key(1), first, 0, TTL);
        assert_eq!((three.event, find(&three.bytes, key(1), 1)), (None, Some(Mark::Ambiguous)));
        assert_eq!(note(&three.bytes, key(1), GRAY, TTL, TTL).event, None);
    }
}

#[test]
fn a_full_slot_forgets_the_trace_whose_time_ends_first() {
    let mut slot = Vec::new();
    for number in 0..PLACES as u128 {
        let noted = note(&slot, key(number), GRAY, 100 - number as u64, TTL);
        assert_eq!(noted.event, None);
        slot = noted.bytes;
    }
    let noted = note(&slot, key(99), BLUE, 100, TTL);
    assert_eq!((noted.bytes.len(), noted.event), (PLACES * PLACE_BYTES, Some(Event::Evicted)));
    let known = |number| find(&noted.bytes, key(number), 100);
    assert_eq!((known(99), known(PLACES as u128 - 1), known(0)), (Some(BLUE), None, Some(GRAY)));
}

fn mark() -> impl Strategy<Value = Mark> {
    prop::sample::select(vec![Mark::Baseline, GRAY, BLUE])
}

proptest! {
    #[test]
    fn a_slot_never_says_what_was_not_noted(
        arrivals in prop::collection::vec((0_u128..24, mark(), 0_u64..4_000), 1..40)
    ) {
        let (mut slot, mut now) = (Vec::new(), 1_000);
        // What is true of each trace as long as it is remembered without a break.
        let mut seen: BTreeMap<u128, Vec<(u64, Mark)>> = BTreeMap::new();
        for (number, mark, pause) in arrivals {
            now += pause;
            let held = find(&slot, key(number), now);
            let noted = note(&slot, key(number), mark, now, TTL);
            let told = find(&noted.bytes, key(number), now);
            prop_assert_eq!(told, Some(held.map_or(mark, |held| held.and(mark))));
            prop_assert!(noted.bytes.len() <= PLACES * PLACE_BYTES);
            slot = noted.bytes;
            seen.entry(number).or_default().push((now, mark));
            for (other, marks) in &seen {
                match find(&slot, key(*other), now) {
                    Some(Mark::Ambiguous) => prop_assert!(marks.iter().any(|(_, mark)| *mark != marks[0].1)),
                    Some(mark) => {
                        let last = marks[marks.len() - 1];
                        prop_assert!(last.1 == mark && now - last.0 < TTL);
                    }
                    None => {}
                }
            }
        }
    }

    #[test]
    fn the_last_eight_traces_are_known(numbers in prop::collection::btree_set(any::<u128>(), 8..40)) {
        let (mut slot, numbers) = (Vec::new(), Vec::from_iter(numbers));
        for (now, number) in (0..).zip(&numbers) {
            slot = note(&slot, key(*number), GRAY, now, TTL).bytes;
        }
        for number in &numbers[numbers.len() - PLACES..] {
            prop_assert_eq!(find(&slot, key(*number), 100), Some(GRAY));
        }
    }

    #[test]
    fn arbitrary_bytes_harm_nothing(slot in prop::collection::vec(any::<u8>(), 0..400), now: u64, number: u128) {
        let noted = note(&slot, key(number), GRAY, now, TTL);
        prop_assert!(noted.bytes.len() <= PLACES * PLACE_BYTES);
        let _ = find(&slot, key(number), now);
    }
}
