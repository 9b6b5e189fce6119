//! Names, parsed once at the border: lanes, groups, rules, services, headers, baggage members.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no valid name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not a DNS label.
    #[error(
        "{0:?} is not a DNS label (RFC 1123: 1 to 63 of a-z, 0-9 and -, starting and ending with a letter or digit)"
    )]
    Label(String),
    /// A word that the model keeps for itself.
    #[error("{0:?} is reserved: the baseline is every workload without a lane mark")]
    Reserved(String),
    /// Not a header name.
    #[error("{0:?} is not a header name (RFC 9110 token, at most 128 bytes)")]
    Header(String),
    /// A header that carries the request itself and cannot be used here.
    #[error("header {0:?} belongs to HTTP itself")]
    ReservedHeader(String),
    /// Not a baggage key.
    #[error("{0:?} is not a baggage key (RFC 9110 token, at most 128 bytes)")]
    BaggageKey(String),
}

fn is_label(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= 63
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                let check: fn(String) -> Result<String, InvalidName> = $check;
                check(text).map(Self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn label(text: String) -> Result<String, InvalidName> {
    if is_label(&text) { Ok(text) } else { Err(InvalidName::Label(text)) }
}

name_type!(
    /// The name of a lane: a DNS label, so that it fits label values, header values and metric names.
    /// `baseline` is reserved.
    LaneName,
    |text| if text == BASELINE { Err(InvalidName::Reserved(text)) } else { label(text) }
);
name_type!(
    /// The name of a lane group: a DNS label.
    GroupName,
    label
);
name_type!(
    /// The name of a rule inside its lane: a DNS label, since it becomes a metric label.
    RuleName,
    label
);
name_type!(
    /// The name of a service (an application of the chain): a DNS label.
    ServiceName,
    label
);
name_type!(
    /// The name of a workload or a gateway: a DNS label.
    WorkloadName,
    label
);
name_type!(
    /// The name of an HTTP header, kept in lower case as HTTP/2 sends it.
    HeaderName,
    |text| {
        let lower = text.to_ascii_lowercase();
        if !is_token(&lower) {
            Err(InvalidName::Header(text))
        } else if RESERVED_HEADERS.contains(&lower.as_str()) {
            Err(InvalidName::ReservedHeader(lower))
        } else {
            Ok(lower)
        }
    }
);
name_type!(
    /// The key of a member of the `baggage` header (W3C Baggage, section 3.3.1: a token).
    BaggageKey,
    |text| if is_token(&text) { Ok(text) } else { Err(InvalidName::BaggageKey(text)) }
);

name_type!(
    /// The name of a key for lane tickets: a DNS label.
    KeyId,
    label
);

name_type!(
    /// The name of a fault: a DNS label, since it becomes a metric label.
    FaultName,
    label
);

name_type!(
    /// The name of a Kubernetes namespace: a DNS label.
    NamespaceName,
    label
);

/// A workload or gateway by name, with its namespace where that is not the lane group's: `[NAMESPACE/]NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryName {
    /// The namespace; that of the lane group where nothing is said.
    pub namespace: Option<NamespaceName>,
    /// The name.
    pub name: WorkloadName,
}

impl std::str::FromStr for EntryName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.parse()?), name),
            None => (None, text),
        };
        Ok(Self { namespace, name: name.parse()? })
    }
}

impl TryFrom<String> for EntryName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<EntryName> for String {
    fn from(entry: EntryName) -> Self {
        entry.to_string()
    }
}

impl From<WorkloadName> for EntryName {
    fn from(name: WorkloadName) -> Self {
        Self { namespace: None, name }
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        write!(f, "{}", self.name)
    }
}

/// A workload without a namespace, as on plain Envoys.
impl PartialEq<WorkloadName> for EntryName {
    fn eq(&self, name: &WorkloadName) -> bool {
        self.namespace.is_none() && self.name == *name
    }
}

impl HeaderName {
    /// The name from a constant that a test proves valid.
    pub(crate) fn constant(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

impl BaggageKey {
    /// The key from a constant that a test proves valid.
    pub(crate) fn constant(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

/// What the lane of an unmarked workload or request is called in metrics, trails and output.
pub const BASELINE: &str = "baseline";

/// Headers with a matcher of their own (`host`) or that belong to the connection (RFC 9110, section 7.6.1).
const RESERVED_HEADERS: &[&str] =
    &["host", "connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_rfc_1123() {
        for good in ["gray", "a", "0", "x-1", &"a".repeat(63)] {
            assert!(good.parse::<LaneName>().is_ok(), "{good}");
        }
        for bad in ["", "Gray", "-a", "a-", "a.b", "a_b", "ä", &"a".repeat(64), "baseline"] {
            assert!(bad.parse::<LaneName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn header_names_are_lower_case_tokens_and_not_http_itself() {
        assert_eq!("X-Gray".parse::<HeaderName>().unwrap().as_str(), "x-gray");
        for bad in ["", ":path", "x gray", "Host", "Transfer-Encoding", "x-é"] {
            assert!(bad.parse::<HeaderName>().is_err(), "{bad}");
        }
    }
}
