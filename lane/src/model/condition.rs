//! Rules: the conditions under which a request enters a lane.

use serde::{Deserialize, Serialize};

use crate::name::{HeaderName, RuleName};

/// A named condition; a lane's rules are alternatives: one that holds is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rule {
    /// Name of the rule inside its lane; appears in metrics, trails and `lanectl explain`.
    pub name: RuleName,
    /// What must hold.
    #[serde(rename = "match")]
    pub condition: Condition,
}

/// A condition on a request's head. In YAML: a map with exactly one key, as `header: {name: x-gray}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// Every one holds; an empty list is refused.
    All(Vec<Self>),
    /// At least one holds; an empty list is refused.
    Any(Vec<Self>),
    /// Does not hold.
    Not(Box<Self>),
    /// A header; several lines are joined by `,` as Envoy and RFC 9110, section 5.3, do.
    Header(NamedMatch<HeaderName>),
    /// A cookie of the `cookie` header; the first of that name counts, whatever line it is in.
    Cookie(NamedMatch<String>),
    /// A parameter of the query string, percent-decoded; the first of that name counts.
    Query(NamedMatch<String>),
    /// The path without query and fragment, as it was sent.
    Path(ValueMatch),
    /// The method, upper case.
    Method(ValueMatch),
    /// The host (`:authority`) in lower case, without port.
    Host(ValueMatch),
    /// The caller's identity: the URI of its certificate (SPIFFE ID under mutual TLS); absent otherwise.
    Source(ValueMatch),
}

/// A match on something that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedMatch<N> {
    /// Name of the header, cookie or query parameter.
    pub name: N,
    /// What its value must be; presence is enough where nothing is said.
    #[serde(default, skip_serializing_if = "ValueMatch::is_present")]
    pub value: ValueMatch,
}

/// A match on a value, byte by byte and case-sensitive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ValueMatch {
    /// There is a value, also an empty one.
    #[default]
    Present,
    /// Equal.
    Exact(String),
    /// Starts with.
    Prefix(String),
    /// Ends with.
    Suffix(String),
    /// Contains.
    Contains(String),
    /// The whole value matches the regular expression (syntax of the `regex-lite` crate); a value that is not
    /// UTF-8 matches none.
    Regex(String),
    /// Equal to one of the list.
    In(Vec<String>),
}

impl ValueMatch {
    fn is_present(&self) -> bool {
        *self == Self::Present
    }
}
