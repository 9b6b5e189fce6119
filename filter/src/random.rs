//! Draws for shares without a sticky key: fast and even, not secret.

/// `SplitMix64` (Steele, Lea and Flood, 2014): one addition and a mix per draw. A sender who could predict
/// a draw would gain nothing that asking often does not give.
#[derive(Clone, Debug, Default)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Mixes more entropy into the state.
    pub(crate) fn seed(&mut self, entropy: u64) {
        self.state = self.state.wrapping_mul(31).wrapping_add(entropy);
    }

    /// The next draw, uniform over 64 bits.
    pub(crate) fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_reference_implementation() {
        let mut random = Random { state: 1_234_567 };
        let want = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(want.map(|_| random.draw()), want);
    }
}
