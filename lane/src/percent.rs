//! A share of requests in hundredths of a percent, exact in text and in arithmetic.

use serde::{Deserialize, Serialize};

/// A percentage from 0.00 to 100.00 with two decimals.
///
/// Written as a JSON or YAML number (`12.5`); kept as hundredths so that sums and comparisons are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Percent(u16);

/// Why a number is no [`Percent`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidPercent {
    /// Below 0, above 100, or not a number.
    #[error("{0} is outside 0 to 100")]
    OutOfRange(f64),
    /// More than two decimals.
    #[error("{0} has more than two decimals")]
    TooPrecise(f64),
}

impl Percent {
    /// All of it.
    pub const ALL: Self = Self(10_000);

    /// Hundredths of a percent, 0 to 10,000: the number of hash buckets that the share covers.
    #[must_use]
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// A percentage from hundredths; `None` above 10,000.
    #[must_use]
    pub fn from_hundredths(hundredths: u16) -> Option<Self> {
        (hundredths <= 10_000).then_some(Self(hundredths))
    }
}

impl TryFrom<f64> for Percent {
    type Error = InvalidPercent;

    fn try_from(value: f64) -> Result<Self, InvalidPercent> {
        if !(0.0..=100.0).contains(&value) {
            return Err(InvalidPercent::OutOfRange(value));
        }
        let hundredths = (value * 100.0).round();
        if (value * 100.0 - hundredths).abs() > 1e-6 {
            return Err(InvalidPercent::TooPrecise(value));
        }
        // In range 0 to 10,000 by the check above, so the cast is exact.
        Ok(Self(hundredths as u16))
    }
}

impl From<Percent> for f64 {
    fn from(value: Percent) -> Self {
        Self::from(value.0) / 100.0
    }
}

impl std::str::FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number: f64 =
            text.trim_end_matches('%').parse().map_err(|_| format!("{text:?} is not a percentage"))?;
        Self::try_from(number).map_err(|e| e.to_string())
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", f64::from(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_two_decimals_and_refuses_the_rest() {
        for (text, want) in [("0", Some(0)), ("12.5", Some(1250)), ("0.01%", Some(1)), ("100", Some(10_000))]
        {
            assert_eq!(text.parse::<Percent>().ok().map(Percent::hundredths), want, "{text}");
        }
        for text in ["-1", "100.01", "0.001", "NaN", "many"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_value_survives_a_round_trip_through_json() {
        for hundredths in 0..=10_000 {
            let percent = Percent(hundredths);
            let json = serde_json::to_string(&percent).unwrap();
            assert_eq!(serde_json::from_str::<Percent>(&json).unwrap(), percent);
        }
    }
}
