//! Durations as users write them: `5s`, `500ms`, `1m30s`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A whole number of milliseconds, written with its units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Milliseconds(u64);

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration, expected one in milliseconds or longer units such as 500ms, 5s or 1m30s")]
pub struct InvalidDuration(String);

impl Milliseconds {
    /// So many milliseconds.
    #[must_use]
    pub fn new(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// How many they are.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl std::str::FromStr for Milliseconds {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid = || InvalidDuration(text.to_owned());
        let signed: jiff::SignedDuration = text.parse().map_err(|_| invalid())?;
        let duration = Duration::try_from(signed).map_err(|_| invalid())?;
        if duration.subsec_nanos() % 1_000_000 != 0 {
            return Err(invalid());
        }
        u64::try_from(duration.as_millis()).map(Self).map_err(|_| invalid())
    }
}

impl TryFrom<String> for Milliseconds {
    type Error = InvalidDuration;

    fn try_from(text: String) -> Result<Self, InvalidDuration> {
        text.parse()
    }
}

impl From<Milliseconds> for String {
    fn from(duration: Milliseconds) -> Self {
        duration.to_string()
    }
}

/// Without spaces, as Kubernetes writes durations.
impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0 / 1_000, self.0 % 1_000);
        match (seconds, rest) {
            (0, rest) => write!(f, "{rest}ms"),
            (seconds, 0) => write!(f, "{seconds}s"),
            (seconds, rest) => write!(f, "{seconds}s{rest}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written() {
        for (text, want, written) in [
            ("5s", 5_000, "5s"),
            ("500ms", 500, "500ms"),
            ("1m30s", 90_000, "90s"),
            ("1.5s", 1_500, "1s500ms"),
            ("0s", 0, "0ms"),
        ] {
            let read: Milliseconds = text.parse().unwrap();
            assert_eq!((read.get(), read.to_string().as_str()), (want, written), "{text}");
        }
        for bad in ["", "5", "-5s", "1us", "many"] {
            assert!(bad.parse::<Milliseconds>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(milliseconds in 0..=1_u64 << 48) {
            let duration = Milliseconds::new(milliseconds);
            proptest::prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
