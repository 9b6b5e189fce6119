//! The one error type for what a user wrote: where, what is wrong, and what to do.

use std::fmt;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The object is accepted; the user should know all the same.
    Warning,
    /// The object is refused and nothing changes.
    Error,
}

/// One fault in what a user wrote.
///
/// Shown as `PATH: REASON; REMEDY`, without the path where the whole object is meant, by `lanectl`, by conditions and by the filter's log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Whether the object is refused.
    pub severity: Severity,
    /// Field path from the object's root, as `spec.rules[2].match.header.name`.
    pub path: String,
    /// What is wrong, a lower-case fragment without a final dot.
    pub reason: String,
    /// What to do about it, an imperative fragment without a final dot.
    pub remedy: String,
}

impl Problem {
    /// A problem that refuses the object.
    pub fn error(path: impl Into<String>, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path: path.into(), reason: reason.into(), remedy: remedy.into() }
    }

    /// A problem that only warns.
    pub fn warning(path: impl Into<String>, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, reason, remedy) }
    }

    /// Whether this problem refuses the object.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{colon}{}; {}", self.path, self.reason, self.remedy)
    }
}
