//! What a ticket says.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{GroupName, InvalidName, KeyId, LaneName, NamespaceName};

/// What a ticket says. Short names, since each request carries them; unknown ones are refused, as a newer meaning
/// comes with a newer version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The key that it is signed with.
    #[serde(rename = "kid")]
    pub key: KeyId,
    /// The group that it is for.
    #[serde(rename = "aud")]
    pub audience: Audience,
    /// The lane that it opens.
    pub lane: LaneName,
    /// Whom it was issued to.
    #[serde(rename = "sub")]
    pub subject: Subject,
    /// From when on it is valid, seconds since 1970.
    #[serde(rename = "nbf")]
    pub not_before: u64,
    /// From when on it is valid no more, seconds since 1970.
    #[serde(rename = "exp")]
    pub expires: u64,
}

/// A lane group as tickets name it: `GROUP`, on a cluster `NAMESPACE/GROUP`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Audience {
    /// The group's namespace, on a cluster.
    pub namespace: Option<NamespaceName>,
    /// The group.
    pub group: GroupName,
}

impl std::str::FromStr for Audience {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (namespace, group) = match text.split_once('/') {
            Some((namespace, group)) => (Some(namespace.parse()?), group),
            None => (None, text),
        };
        Ok(Self { namespace, group: group.parse()? })
    }
}

impl TryFrom<String> for Audience {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Audience> for String {
    fn from(audience: Audience) -> Self {
        audience.to_string()
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        write!(f, "{}", self.group)
    }
}

/// The longest subject.
const MAX_SUBJECT: usize = 128;

/// Why a text is no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no subject (1 to {MAX_SUBJECT} visible ASCII characters without space, quote and backslash)"
)]
pub struct InvalidSubject(String);

/// Whom a ticket was issued to: a name for people to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subject(String);

impl Subject {
    /// The subject as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Subject {
    type Error = InvalidSubject;

    fn try_from(text: String) -> Result<Self, InvalidSubject> {
        // Neither quote nor backslash, so that the length in JSON is that of the text.
        let is_plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\');
        if (1..=MAX_SUBJECT).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self(text))
        } else {
            Err(InvalidSubject(text))
        }
    }
}

impl std::str::FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        Self::try_from(text.to_owned())
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.0
    }
}
