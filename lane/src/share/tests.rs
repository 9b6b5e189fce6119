//! Shares by the published vectors and by properties.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The rows of the table in the document: group, key, hash, bucket.
fn vectors() -> Vec<(GroupName, Vec<u8>, u64, u16)> {
    let document = include_str!("../../../docs/hash.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")).map(|line| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let key =
            (0..cells[1].len() / 2).map(|i| u8::from_str_radix(&cells[1][2 * i..2 * i + 2], 16).unwrap());
        let hash = u64::from_str_radix(cells[2], 16).unwrap();
        (cells[0].parse().unwrap(), key.collect(), hash, cells[3].parse().unwrap())
    });
    rows.collect()
}

#[test]
fn the_published_vectors_hold() {
    let vectors = vectors();
    for (group, key, hash, want) in &vectors {
        let bytes = [b"graylane/1\0", group.as_str().as_bytes(), b"\0", key].concat();
        assert_eq!(xxhash_rust::xxh64::xxh64(&bytes, 0), *hash, "group {group}, key {key:x?}");
        assert_eq!(bucket(group, key), *want, "group {group}, key {key:x?}");
    }
    assert!(vectors.len() >= 12, "only {} vectors were found in docs/hash.md", vectors.len());
}

#[test]
fn draws_are_scaled_to_all_buckets() {
    for (draw, want) in [(0, 0), (u64::MAX, 9_999), (1 << 63, 5_000), ((1 << 63) - 1, 4_999)] {
        assert_eq!(bucket_of_draw(draw), want, "{draw}");
    }
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

    /// Whatever the history, also where lanes come, go, change places or want more than there is: they hold
    /// disjoint buckets, as many as they want and are left, and a change takes none from who does not shrink.
    #[test]
    fn allocation_is_disjoint_exact_and_monotone(
        steps in prop::collection::vec(wanted(), 1..6),
    ) {
        let mut current: Vec<(LaneName, Vec<BucketRange>)> = Vec::new();
        for wanted in steps {
            let next = allocate(&current, &wanted);
            prop_assert_eq!(&next, &allocate(&current, &wanted), "not deterministic");
            let sum: usize = wanted.iter().map(|(_, percent)| usize::from(percent.hundredths())).sum();
            let mut all = BTreeSet::new();
            for ((name, ranges), (_, percent)) in next.iter().zip(&wanted) {
                let mine = buckets(ranges);
                let size = usize::from(percent.hundredths());
                prop_assert!(mine.iter().all(|bucket| all.insert(*bucket)), "not disjoint");
                prop_assert!(mine.len() == size || (mine.len() < size && sum > usize::from(BUCKETS)));
                let before = current.iter().find(|(n, _)| n == name).map(|(_, r)| buckets(r)).unwrap_or_default();
                if size >= before.len() {
                    prop_assert!(mine.is_superset(&before), "growing moved somebody back");
                } else {
                    prop_assert!(mine.is_subset(&before), "shrinking took new ones in");
                }
            }
            prop_assert_eq!(all.len(), sum.min(usize::from(BUCKETS)), "buckets were left over");
            current = next;
        }
    }

    /// What came last goes first, also into the gaps of lanes that left: a share that went up and down again
    /// holds what it held.
    #[test]
    fn a_share_that_comes_back_holds_what_it_held(others in wanted(), low in 0u16..2_000, more in 0u16..2_000) {
        let full = allocate(&[], &others);
        let stay = others.iter().step_by(2).cloned();
        let with = |hundredths| -> Vec<_> {
            stay.clone().chain([(lane(9), Percent::from_hundredths(hundredths).unwrap())]).collect()
        };
        let held = allocate(&full, &with(low));
        let raised = allocate(&held, &with(low + more));
        prop_assert_eq!(allocate(&raised, &with(low)), held);
    }
}

/// Some of four lanes, in any order, that want up to 40 % each.
fn wanted() -> impl Strategy<Value = Vec<(LaneName, Percent)>> {
    let shares = prop::collection::vec(0u16..4_000, 4);
    let lanes = prop::sample::subsequence(vec![0, 1, 2, 3], 0..=4).prop_shuffle();
    (lanes, shares).prop_map(|(lanes, shares)| {
        let want = |i: usize| (lane(i), Percent::from_hundredths(shares[i]).unwrap());
        lanes.into_iter().map(want).collect()
    })
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
