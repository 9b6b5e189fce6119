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

/// The value below which such a share of the samples lies; zero when there are none.
#[must_use]
pub fn quantile_of(samples: &[f64], share: f64) -> f64 {
    quantile(&sorted(samples), share)
}

/// What a row costs more than its base; both were measured in every round.
#[derive(Clone, Copy, Debug)]
pub struct Cost<'a> {
    /// Samples of the row.
    pub row: &'a [f64],
    /// Samples of its base.
    pub base: &'a [f64],
}

impl Cost<'_> {
    /// The difference of the lower quartiles. Whatever disturbs a burst only adds to it, so that the lower
    /// quartiles of two rows differ by what the rows differ by, also on a busy machine.
    #[must_use]
    pub fn low(&self) -> f64 {
        self.low_in(&(0..self.rounds()).collect::<Vec<_>>())
    }

    /// The differences round by round, where what disturbs a round strikes both.
    #[must_use]
    pub fn by_round(&self) -> Spread {
        let differences: Vec<f64> = self.row.iter().zip(self.base).map(|(row, base)| row - base).collect();
        Spread::of(&differences)
    }

    fn rounds(&self) -> usize {
        self.row.len().min(self.base.len())
    }

    fn low_in(&self, rounds: &[usize]) -> f64 {
        let low = |samples: &[f64]| {
            let picked: Vec<f64> = rounds.iter().filter_map(|&round| samples.get(round).copied()).collect();
            Spread::of(&picked).p25
        };
        low(self.row) - low(self.base)
    }
}

/// A ratio of two costs.
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
    /// The ratio of two costs of one run.
    ///
    /// The interval is a percentile bootstrap over rounds, which stay whole: what disturbs one burst of a
    /// round often disturbs its neighbours.
    #[must_use]
    pub fn of(above: Cost<'_>, below: Cost<'_>) -> Self {
        let rounds = above.rounds().min(below.rounds());
        let mut random = Random::default();
        let drawn: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let picked: Vec<usize> = (0..rounds).map(|_| random.below(rounds)).collect();
                above.low_in(&picked) / below.low_in(&picked)
            })
            .collect();
        let drawn = sorted(&drawn);
        let (low, high) = (quantile(&drawn, 0.025), quantile(&drawn, 0.975));
        Self { value: above.low() / below.low(), low, high }
    }
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
        assert_eq!(Spread::of(&[]).median, 0.0);
        assert_eq!(Spread::of(&[7.0]).median, 7.0);
    }

    #[test]
    fn disturbances_of_single_bursts_do_not_count() {
        let cost = Cost { row: &[3.0, 3.0, 90.0, 3.0, 3.0], base: &[1.0, 1.0, 1.0, 1.0, 50.0] };
        assert_eq!(cost.low(), 2.0);
        assert_eq!(cost.by_round().median, 2.0);
    }

    #[test]
    fn a_ratio_lies_in_its_interval() {
        let noisy =
            |start: f64| -> Vec<f64> { (0..50).map(|i| start + f64::from(i * 7 % 10) / 50.0).collect() };
        let (row, other, base) = (noisy(12.0), noisy(11.0), noisy(10.0));
        let (above, below) = (Cost { row: &row, base: &base }, Cost { row: &other, base: &base });
        let ratio = Ratio::of(above, below);
        assert!(ratio.low <= ratio.value && ratio.value <= ratio.high, "{ratio:?}");
        assert!(ratio.low > 1.5 && ratio.high < 2.5, "{ratio:?}");
        assert_eq!(ratio, Ratio::of(above, below), "the same samples give the same interval");
    }
}
