//! What samples of a noisy machine say: median, spread, and how sure a ratio of two medians is.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// How often a ratio is drawn anew from its samples.
const RESAMPLES: usize = 2000;

/// Where samples lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// A tenth lies below.
    pub p10: f64,
    /// A quarter lies below.
    pub p25: f64,
    /// Half lies below.
    pub median: f64,
    /// Three quarters lie below.
    pub p75: f64,
}

impl Spread {
    /// The spread of samples; all zero when there are none.
    #[must_use]
    pub fn of(samples: &[f64]) -> Self {
        let sorted = sorted(samples);
        let at = |share| quantile(&sorted, share);
        Self { p10: at(0.10), p25: at(0.25), median: at(0.50), p75: at(0.75) }
    }
}

/// A ratio of two medians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The ratio.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
}

impl Ratio {
    /// The ratio of the medians of samples that were taken in pairs, one pair each round.
    ///
    /// The interval is a percentile bootstrap over rounds: pairs stay together, since what disturbs one
    /// burst of a round often disturbs its neighbour.
    #[must_use]
    pub fn of(above: &[f64], below: &[f64]) -> Self {
        let rounds = above.len().min(below.len());
        let mut random = Random::default();
        let drawn: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let pairs: Vec<usize> = (0..rounds).map(|_| random.below(rounds)).collect();
                let pick = |samples: &[f64]| -> Vec<f64> { pairs.iter().map(|&i| samples[i]).collect() };
                median(&pick(above)) / median(&pick(below))
            })
            .collect();
        let drawn = sorted(&drawn);
        let (low, high) = (quantile(&drawn, 0.025), quantile(&drawn, 0.975));
        Self { value: median(above) / median(below), low, high }
    }
}

/// The median; 0 when there are no samples.
#[must_use]
pub fn median(samples: &[f64]) -> f64 {
    quantile(&sorted(samples), 0.5)
}

/// `above - below`, round by round.
#[must_use]
pub fn differences(above: &[f64], below: &[f64]) -> Vec<f64> {
    above.iter().zip(below).map(|(above, below)| above - below).collect()
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The value below which a share of sorted samples lies, interpolated between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let spread = Spread::of(&[5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!(spread, Spread { p10: 1.4, p25: 2.0, median: 3.0, p75: 4.0 });
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[7.0]), 7.0);
    }

    #[test]
    fn a_ratio_lies_in_its_interval() {
        let above: Vec<f64> = (0..50).map(|i| 2.0 + f64::from(i % 7) / 10.0).collect();
        let below: Vec<f64> = (0..50).map(|i| 1.0 + f64::from(i % 5) / 10.0).collect();
        let ratio = Ratio::of(&above, &below);
        assert!(ratio.low <= ratio.value && ratio.value <= ratio.high, "{ratio:?}");
        assert!(ratio.low > 1.5 && ratio.high < 2.5, "{ratio:?}");
        assert_eq!(ratio, Ratio::of(&above, &below), "the same samples give the same interval");
    }

    #[test]
    fn differences_are_taken_round_by_round() {
        assert_eq!(differences(&[3.0, 9.0], &[1.0, 10.0]), [2.0, -1.0]);
    }
}
