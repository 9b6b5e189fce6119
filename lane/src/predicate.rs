//! Conditions, compiled: a tree of matches over a request's head.

use std::collections::BTreeSet;

use crate::head::RequestHead;
use crate::matcher::Matcher;
use crate::model::Condition;
use crate::preflight::Preflight;
use crate::problem::Problem;
use crate::subject::Subject;

/// The deepest nesting of all, any and not.
pub(crate) const MAX_DEPTH: usize = 8;

/// A compiled [`Condition`].
#[derive(Clone, Debug)]
pub(crate) enum Predicate {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Is(Subject, Matcher),
}

impl Predicate {
    /// Compiles a condition found at `path`; adds to `problems` what is refused.
    pub(crate) fn compile(condition: &Condition, path: &str, problems: &mut Vec<Problem>) -> Self {
        Self::compile_at(condition, path, 0, problems)
    }

    fn compile_at(condition: &Condition, path: &str, depth: usize, problems: &mut Vec<Problem>) -> Self {
        if depth > MAX_DEPTH {
            problems.push(Problem::error(
                path,
                format!("conditions nest deeper than {MAX_DEPTH}"),
                "flatten all, any and not",
            ));
            return Self::Any(Vec::new());
        }
        let below = depth.saturating_add(1);
        let list = |word: &str, parts: &[Condition], problems: &mut Vec<Problem>| {
            let each = parts.iter().enumerate();
            each.map(|(i, part)| Self::compile_at(part, &format!("{path}.{word}[{i}]"), below, problems))
                .collect()
        };
        match condition {
            Condition::All(parts) => Self::All(list("all", parts, problems)),
            Condition::Any(parts) => Self::Any(list("any", parts, problems)),
            Condition::Not(part) => {
                Self::Not(Box::new(Self::compile_at(part, &format!("{path}.not"), below, problems)))
            }
            leaf => Self::compile_leaf(leaf, path, problems),
        }
    }

    fn compile_leaf(leaf: &Condition, path: &str, problems: &mut Vec<Problem>) -> Self {
        let Some((subject, value)) = Subject::of(leaf) else {
            return Self::Any(Vec::new());
        };
        match Matcher::compile(value) {
            Ok(matcher) => Self::Is(subject, matcher),
            Err(reason) => {
                problems.push(Problem::error(
                    path,
                    format!("the regular expression is refused: {reason}"),
                    "correct it, or use exact, prefix, suffix, contains or in",
                ));
                Self::Any(Vec::new())
            }
        }
    }

    /// Whether the condition holds for this request. For a preflight, a condition on a header also holds where the header
    /// is to follow, since nobody knows its value yet.
    pub(crate) fn holds(&self, head: &impl RequestHead, preflight: Option<&Preflight<'_>>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(head, preflight)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(head, preflight)),
            Self::Not(part) => !part.holds(head, preflight),
            Self::Is(Subject::Header(name), _)
                if preflight.is_some_and(|preflight| preflight.names(name.as_str())) =>
            {
                true
            }
            Self::Is(subject, matcher) => subject.read(head).is_some_and(|value| matcher.matches(&value)),
        }
    }

    /// Adds the headers that the condition looks at.
    pub(crate) fn add_headers(&self, headers: &mut BTreeSet<String>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.add_headers(headers));
            }
            Self::Not(part) => part.add_headers(headers),
            Self::Is(Subject::Header(name), _) => {
                headers.insert(name.to_string());
            }
            Self::Is(..) => {}
        }
    }
}
