//! Time as the engine counts it: milliseconds since 1970-01-01T00:00:00Z.

/// A time in milliseconds since 1970; 0 for one before.
#[must_use]
pub fn ms_since_1970(time: jiff::Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_are_its_beginning() {
        for (text, want) in [("1970-01-01T00:00:01.5Z", 1_500), ("1969-12-31T23:59:59Z", 0)] {
            assert_eq!(ms_since_1970(text.parse().unwrap()), want, "{text}");
        }
    }
}
