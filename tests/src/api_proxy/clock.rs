//! Times in bodies, moved, so that the controller seems to have a clock that is wrong.
//!
//! A controller whose clock is an hour ahead writes times an hour ahead, and finds those of others an hour
//! behind. Its own clock being right, all times are moved where they pass: ahead on the way to the API server,
//! back on the way to the controller.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How far the controller's clock is ahead of everybody else's.
#[derive(Clone, Copy, Debug)]
pub struct Skew(SignedDuration);

impl Skew {
    /// A clock that is right.
    #[must_use]
    pub const fn none() -> Self {
        Self(SignedDuration::ZERO)
    }

    /// A clock that is ahead, or behind where the number is negative.
    #[must_use]
    pub const fn hours(hours: i64) -> Self {
        Self(SignedDuration::from_hours(hours))
    }

    pub(super) fn to_server(self, body: Bytes) -> Bytes {
        moved(body, self.0)
    }

    pub(super) fn to_controller(self, body: Bytes) -> Bytes {
        moved(body, -self.0)
    }
}

/// The body with its times moved; as it is where it is no JSON.
fn moved(body: Bytes, by: SignedDuration) -> Bytes {
    if by.is_zero() {
        return body;
    }
    let Ok(mut value) = serde_json::from_slice(&body) else { return body };
    move_times(&mut value, by);
    let mut text = value.to_string();
    if body.ends_with(b"\n") {
        text.push('\n');
    }
    text.into()
}

fn move_times(value: &mut Value, by: SignedDuration) {
    match value {
        Value::String(text) => {
            let time = text.parse::<Timestamp>().ok().and_then(|time| time.checked_add(by).ok());
            if let Some(time) = time {
                // Kubernetes has times with whole seconds, and with exactly six digits after them.
                *text = if text.contains('.') { format!("{time:.6}") } else { format!("{time:.0}") };
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_times(item, by)),
        Value::Object(fields) => fields.values_mut().for_each(|field| move_times(field, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moved_and_all_else_stays() {
        let body = r#"{"a":["2026-11-21T10:00:00Z","10:00"],"b":{"c":"2026-11-21T10:00:00.000250Z","d":1}}"#;
        let there = Skew::hours(1).to_server(Bytes::from_static(body.as_bytes()));
        let expected =
            r#"{"a":["2026-11-21T11:00:00Z","10:00"],"b":{"c":"2026-11-21T11:00:00.000250Z","d":1}}"#;
        assert_eq!(there, expected);
        assert_eq!(Skew::hours(1).to_controller(there), body);
    }
}
