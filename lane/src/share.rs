//! Shares: which hash bucket a request falls into, and which buckets a lane holds.
//!
//! The hash is published in `docs/hash.md` with test vectors, so that every gateway and every version
//! decides alike.

use xxhash_rust::xxh64::Xxh64;

use crate::model::BucketRange;
use crate::name::{GroupName, LaneName};
use crate::percent::Percent;

/// Number of buckets: one per hundredth of a percent.
pub const BUCKETS: u16 = 10_000;

/// What the hashed bytes start with, so that another definition can never be taken for this one.
const DOMAIN: &[u8] = b"graylane/1\0";

/// The bucket of a sticky key in a group, 0 to 9,999: XXH64 with seed 0 over `graylane/1`, NUL, the
/// group's name, NUL and the key, scaled.
#[must_use]
pub fn bucket(group: &GroupName, key: &[u8]) -> u16 {
    let mut hash = Xxh64::new(0);
    hash.update(DOMAIN);
    hash.update(group.as_str().as_bytes());
    hash.update(b"\0");
    hash.update(key);
    bucket_of_draw(hash.digest())
}

/// The bucket of a uniformly random number: its product with [`BUCKETS`], shifted right by 64 bits.
#[must_use]
pub fn bucket_of_draw(draw: u64) -> u16 {
    let scaled = u128::from(draw).saturating_mul(u128::from(BUCKETS)) >> 64;
    // Below BUCKETS, since draw is below 2^64.
    u16::try_from(scaled).unwrap_or(BUCKETS.saturating_sub(1))
}

/// The buckets of each lane after a change of shares.
///
/// A lane keeps what it holds. One that grows takes the lowest free buckets, one that shrinks gives up its
/// last ones, one that is no longer wanted frees all; so raising a share moves nobody back and moves no
/// other lane's clients. Where the sum exceeds 100 %, later lanes get what is left.
#[must_use]
pub fn allocate(
    current: &[(LaneName, Vec<BucketRange>)],
    wanted: &[(LaneName, Percent)],
) -> Vec<(LaneName, Vec<BucketRange>)> {
    let mut free: Vec<bool> = vec![true; usize::from(BUCKETS)];
    let mut kept: Vec<Vec<u16>> = Vec::with_capacity(wanted.len());
    for (lane, percent) in wanted {
        let held = current.iter().filter(|(name, _)| name == lane).flat_map(|(_, ranges)| ranges);
        let mut mine: Vec<u16> = Vec::new();
        for bucket in held.flat_map(|range| range.from..range.to.min(BUCKETS)) {
            if mine.len() < usize::from(percent.hundredths()) && claim(&mut free, bucket) {
                mine.push(bucket);
            }
        }
        kept.push(mine);
    }
    let grown = wanted.iter().zip(kept).map(|((lane, percent), mut mine)| {
        for bucket in 0..BUCKETS {
            if mine.len() >= usize::from(percent.hundredths()) {
                break;
            }
            if claim(&mut free, bucket) {
                mine.push(bucket);
            }
        }
        (lane.clone(), ranges(&mine))
    });
    grown.collect()
}

fn claim(free: &mut [bool], bucket: u16) -> bool {
    free.get_mut(usize::from(bucket)).is_some_and(|free| std::mem::replace(free, false))
}

/// Buckets as ranges, in the order in which they were taken, so that the last ones are given up first.
fn ranges(buckets: &[u16]) -> Vec<BucketRange> {
    let mut out: Vec<BucketRange> = Vec::new();
    for bucket in buckets {
        let next = bucket.saturating_add(1);
        match out.last_mut() {
            Some(last) if last.to == *bucket => last.to = next,
            _ => out.push(BucketRange { from: *bucket, to: next }),
        }
    }
    out
}

#[cfg(test)]
mod tests;
