//! Shares by the published vectors and by properties.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The rows of the table in the document: group, key, bucket.
fn vectors() -> impl Iterator<Item = (GroupName, Vec<u8>, u16)> {
    let document = include_str!("../../../docs/hash.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")).map(|line| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let key =
            (0..cells[1].len() / 2).map(|i| u8::from_str_radix(&cells[1][2 * i..2 * i + 2], 16).unwrap());
        (cells[0].parse().unwrap(), key.collect(), cells[3].parse().unwrap())
    });
    rows.collect::<Vec<_>>().into_iter()
}

#[test]
fn the_published_vectors_hold() {
    let mut count = 0;
    for (group, key, want) in vectors() {
        assert_eq!(bucket(&group, &key), want, "group {group}, key {key:x?}");
        count += 1;
    }
    assert!(count >= 12, "only {count} vectors were found in docs/hash.md");
}

#[test]
fn keys_spread_evenly() {
    let group = "shop".parse().unwrap();
    let mut counts = [0u32; 100];
    for user in 0..100_000 {
        counts[usize::from(bucket(&group, format!("user-{user}").as_bytes()) / 100)] += 1;
    }
    let chi_square: f64 = counts.iter().map(|n| (f64::from(*n) - 1_000.0).powi(2) / 1_000.0).sum();
    // 99 degrees of freedom: 0.1 % of random tables lie above 148.2.
    assert!(chi_square < 148.2, "{chi_square}");
}

fn lane(i: usize) -> LaneName {
    format!("lane-{i}").parse().unwrap()
}

fn buckets(ranges: &[BucketRange]) -> BTreeSet<u16> {
    ranges.iter().flat_map(|range| range.from..range.to).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the history, lanes hold disjoint buckets of the size they want, and a change of one share
    /// takes nothing from any lane that does not shrink.
    #[test]
    fn allocation_is_disjoint_exact_and_monotone(
        steps in prop::collection::vec(prop::collection::vec(0u16..3_300, 3), 1..6),
    ) {
        let mut current: Vec<(LaneName, Vec<BucketRange>)> = Vec::new();
        for step in steps {
            let wanted: Vec<_> = step
                .iter()
                .enumerate()
                .map(|(i, hundredths)| (lane(i), Percent::from_hundredths(*hundredths).unwrap()))
                .collect();
            let next = allocate(&current, &wanted);
            let mut all = BTreeSet::new();
            for ((name, ranges), (_, percent)) in next.iter().zip(&wanted) {
                let mine = buckets(ranges);
                prop_assert_eq!(mine.len(), usize::from(percent.hundredths()));
                prop_assert!(mine.iter().all(|bucket| all.insert(*bucket)), "not disjoint");
                let before = current.iter().find(|(n, _)| n == name).map(|(_, r)| buckets(r)).unwrap_or_default();
                if mine.len() >= before.len() {
                    prop_assert!(mine.is_superset(&before), "growing moved somebody back");
                } else {
                    prop_assert!(mine.is_subset(&before), "shrinking took new ones in");
                }
            }
            current = next;
        }
    }
}

#[test]
fn more_than_all_is_cut_and_never_traps() {
    let all = Percent::from_hundredths(10_000).unwrap();
    let got = allocate(&[], &[(lane(0), all), (lane(1), all)]);
    assert_eq!(got, [(lane(0), vec![BucketRange { from: 0, to: 10_000 }]), (lane(1), vec![])]);
    let strange =
        [(lane(0), vec![BucketRange { from: 9_999, to: u16::MAX }, BucketRange { from: 5, to: 1 }])];
    assert_eq!(buckets(&allocate(&strange, &[(lane(0), all)])[0].1).len(), 10_000);
}
