//! Which rule wins where a request could enter several lanes: an order, not an accident.

use std::cmp::Reverse;

use crate::model::{Condition, ValueMatch};
use crate::name::LaneName;
use crate::subject::Subject;

/// The rank of a rule; the smallest wins. Fields in order of weight:
///
/// 1. the lane's `priority`, higher first;
/// 2. the rule's [`Specificity`], more specific first;
/// 3. rules of a lane without a share before those with one;
/// 4. the lane's name, alphabetically;
/// 5. the rule's place in its lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precedence {
    /// The lane's priority.
    pub priority: Reverse<i32>,
    /// How narrow the rule is.
    pub specificity: Reverse<Specificity>,
    /// Whether only a share of the matching requests enters.
    pub shared: bool,
    /// The lane.
    pub lane: LaneName,
    /// The rule's place in its lane.
    pub rule: usize,
}

/// How narrow a condition is; the greatest is the narrowest. Fields in order of weight.
///
/// `all` adds its parts, `any` is as narrow as its widest alternative, `not` counts nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    /// Comparisons with a whole value (exact, in-list).
    pub exact: usize,
    /// Comparisons with a part of a value (prefix, suffix, contains, regex).
    pub partial: usize,
    /// Tests for mere presence.
    pub present: usize,
    /// Bytes of text compared, so that a longer prefix beats a shorter one.
    pub text_bytes: usize,
}

impl Specificity {
    /// The specificity of a condition.
    #[must_use]
    pub fn of(condition: &Condition) -> Self {
        match condition {
            Condition::All(parts) => parts.iter().map(Self::of).fold(Self::default(), Self::plus),
            Condition::Any(parts) => parts.iter().map(Self::of).min().unwrap_or_default(),
            Condition::Not(_) => Self::default(),
            leaf => Subject::of(leaf).map_or_else(Self::default, |(_, value)| Self::of_value(value)),
        }
    }

    fn of_value(value: &ValueMatch) -> Self {
        let exact = |text_bytes| Self { exact: 1, text_bytes, ..Self::default() };
        let partial = |text: &String| Self { partial: 1, text_bytes: text.len(), ..Self::default() };
        match value {
            ValueMatch::Present => Self { present: 1, ..Self::default() },
            ValueMatch::Exact(text) => exact(text.len()),
            ValueMatch::In(texts) => exact(texts.iter().map(String::len).min().unwrap_or(0)),
            ValueMatch::Prefix(text)
            | ValueMatch::Suffix(text)
            | ValueMatch::Contains(text)
            | ValueMatch::Regex(text) => partial(text),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            exact: self.exact.saturating_add(other.exact),
            partial: self.partial.saturating_add(other.partial),
            present: self.present.saturating_add(other.present),
            text_bytes: self.text_bytes.saturating_add(other.text_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(json: serde_json::Value) -> Condition {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn narrower_conditions_come_first() {
        let ordered = [
            serde_json::json!({"all": [{"header": {"name": "h", "value": {"exact": "v"}}}, {"path": {"prefix": "/a"}}]}),
            serde_json::json!({"header": {"name": "h", "value": {"exact": "v"}}}),
            serde_json::json!({"path": {"prefix": "/api/v1"}}),
            serde_json::json!({"path": {"prefix": "/api"}}),
            serde_json::json!({"header": {"name": "h"}}),
            serde_json::json!({"not": {"header": {"name": "h"}}}),
        ];
        let found: Vec<_> =
            ordered.into_iter().map(|json| Reverse(Specificity::of(&condition(json)))).collect();
        assert!(found.is_sorted(), "{found:?}");
    }

    #[test]
    fn any_is_as_narrow_as_its_widest_alternative() {
        let any = condition(serde_json::json!({"any": [
            {"header": {"name": "h", "value": {"exact": "v"}}}, {"header": {"name": "g"}}
        ]}));
        assert_eq!(Specificity::of(&any), Specificity { present: 1, ..Specificity::default() });
    }
}
