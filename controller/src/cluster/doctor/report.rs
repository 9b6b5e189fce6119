//! What the doctor has to say.

use std::fmt;

use kube::ResourceExt;
use serde::Serialize;

/// How bad it is. The order is that of how much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong.
    Pass,
    /// It could not be looked at.
    Unknown,
    /// It can make lanes fail, or hides what they do.
    Warn,
    /// Lanes do not work because of it.
    Fail,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Which object a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectName {
    /// Its kind, in lower case as `kubectl` takes it.
    pub kind: String,
    /// Its namespace; none for an object of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectName {
    /// An object in a namespace.
    pub(super) fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: Some(namespace.to_owned()), name: name.to_owned() }
    }

    /// The name of an object of a kind.
    pub(super) fn of(kind: &str, object: &impl ResourceExt) -> Self {
        Self { kind: kind.to_owned(), namespace: object.namespace(), name: object.name_any() }
    }

    /// A namespace itself.
    pub(super) fn namespace(name: &str) -> Self {
        Self { kind: "namespace".to_owned(), namespace: None, name: name.to_owned() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        match namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{name}"),
            None => write!(f, "{kind} {name}"),
        }
    }
}

/// What one check says of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The object.
    pub object: ObjectName,
    /// What is wrong, or what is so.
    pub message: String,
    /// The command that mends it, or that shows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A finding before its check has put its name to it.
#[derive(Clone, Debug)]
pub(super) struct Symptom {
    severity: Severity,
    object: ObjectName,
    message: String,
    remedy: Option<String>,
}

impl Symptom {
    pub(super) fn pass(object: ObjectName, message: String) -> Self {
        Self { severity: Severity::Pass, object, message, remedy: None }
    }

    pub(super) fn unknown(object: ObjectName, message: String, remedy: Option<String>) -> Self {
        Self { severity: Severity::Unknown, object, message, remedy }
    }

    pub(super) fn warn(object: ObjectName, message: String, remedy: String) -> Self {
        Self { severity: Severity::Warn, object, message, remedy: Some(remedy) }
    }

    pub(super) fn fail(object: ObjectName, message: String, remedy: String) -> Self {
        Self { severity: Severity::Fail, object, message, remedy: Some(remedy) }
    }

    pub(super) fn of(self, check: &'static str) -> Finding {
        let Self { severity, object, message, remedy } = self;
        Finding { check, severity, object, message, remedy }
    }
}
