//! Random draws for shares without a sticky key.
//!
//! SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014), seeded once per VM.
//! Whoever sees enough draws can tell the next one: fit for dividing traffic, not for secrets.

use std::cell::Cell;

/// A source of draws.
#[derive(Debug, Default)]
pub struct Random {
    /// `None` until it is seeded.
    state: Cell<Option<u64>>,
}

impl Random {
    /// Seeds the source, unless it was before.
    pub fn seed(&self, seed: u64) {
        if self.state.get().is_none() {
            self.state.set(Some(seed));
        }
    }

    /// The next draw, uniform over all numbers.
    pub fn draw(&self) -> u64 {
        let state = self.state.get().unwrap_or_default().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(Some(state));
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        let random = Random::default();
        random.seed(1_234_567);
        // The values of the reference implementation.
        let want = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.draw(), random.draw(), random.draw()], want);
    }

    #[test]
    fn the_first_seed_stays() {
        let (once, twice) = (Random::default(), Random::default());
        once.seed(7);
        twice.seed(7);
        twice.seed(8);
        assert_eq!(once.draw(), twice.draw());
    }
}
