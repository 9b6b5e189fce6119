//! The JSON schemas of what a user writes, for the CRDs; only with the feature `schema`.
//!
//! Kubernetes wants *structural* schemas: every value has one type, and nothing recurs. What serde reads in two
//! forms, or to any depth, is therefore said here by hand, and what the schema cannot say is checked by
//! [`crate::validate`].
//! See <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/>.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::duration::Milliseconds;
use crate::fault::{Abort, FaultScope};
use crate::model::condition::{Condition, ValueMatch};
use crate::model::lane::StickyKey;
use crate::name::{
    BaggageKey, EntryName, FaultName, GroupName, HeaderName, KeyId, LaneName, NamespaceName, RuleName,
    ServiceName, WorkloadName,
};
use crate::percent::Percent;
use crate::source::{AddressRange, Principal};
use crate::ticket::PublicKey;

/// A DNS label (RFC 1123).
const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// `[NAMESPACE/]NAME`.
const ENTRY: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A token (RFC 9110, section 5.6.2).
const TOKEN: &str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";
/// 32 bytes in base64url (RFC 4648, section 5) without padding.
const KEY: &str = "^[A-Za-z0-9_-]{43}$";
/// An IPv4 or IPv6 address, perhaps with the length of a prefix.
const RANGE: &str = "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$";
/// A SPIFFE ID, or the beginning of one and `*`.
const PRINCIPAL: &str = "^spiffe://[^/*\\s]+/[^*\\s]*[*]?$";

/// A duration such as `500ms`, `5s` or `1m30s`.
const DURATION: &str = "^([0-9]+(\\.[0-9]+)?(h|m|s|ms))+$";

/// What a match on a value is.
const VALUE: &str = "What the value must be, with exactly one key; byte by byte and case-sensitive. Leave it out where \
                     presence is enough.";

/// How deep conditions are described; deeper ones are taken as they are, and checked by the controller.
const DEPTH: usize = 2;

macro_rules! text_schema {
    ($($name:ident, $pattern:expr, $length:literal;)*) => {
        $(impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "minLength": 1, "maxLength": $length })
            }
        })*
    };
}

text_schema! {
    LaneName, LABEL, 63;
    GroupName, LABEL, 63;
    RuleName, LABEL, 63;
    ServiceName, LABEL, 63;
    WorkloadName, LABEL, 63;
    NamespaceName, LABEL, 63;
    EntryName, ENTRY, 127;
    HeaderName, TOKEN, 128;
    BaggageKey, TOKEN, 128;
    KeyId, LABEL, 63;
    FaultName, LABEL, 63;
    FaultScope, LABEL, 63;
    Milliseconds, DURATION, 32;
    PublicKey, KEY, 43;
    AddressRange, RANGE, 43;
    Principal, PRINCIPAL, 2048;
}

impl JsonSchema for Percent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 100 })
    }
}

impl JsonSchema for StickyKey {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StickyKey".into()
    }

    /// Either the text `source` or an object, which one type cannot say.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What keeps a client on its side: `header: NAME`, `cookie: NAME`, `query: NAME`, or \
                            `source` for the client's address. Without a key each request is drawn anew; a \
                            request without the key stays on the baseline.",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}

impl JsonSchema for Abort {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Abort".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let status = |of: &str, from: u16, to: u16| json!({ "type": "integer", "description": of, "minimum": from, "maximum": to });
        let kinds = json!({
            "http": status("An HTTP status.", 200, 599),
            "grpc": status("A gRPC status, in a response of headers only.", 1, 16),
        });
        one_of("What a request is answered with instead of being served, with exactly one key.", kinds)
            .try_into()
            .unwrap_or_default()
    }
}

impl JsonSchema for ValueMatch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ValueMatch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        value_match(VALUE).try_into().unwrap_or_default()
    }
}

impl JsonSchema for Condition {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        condition(DEPTH).try_into().unwrap_or_default()
    }
}

/// An object with exactly one of the fields.
fn one_of(description: &str, fields: Value) -> Value {
    json!({
        "type": "object",
        "description": description,
        "properties": fields,
        "minProperties": 1,
        "maxProperties": 1,
    })
}

fn value_match(description: &str) -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description, "maxLength": 4096 });
    one_of(
        description,
        json!({
            "exact": text("Equal."),
            "prefix": text("Starts with."),
            "suffix": text("Ends with."),
            "contains": text("Contains."),
            "regex": text("The whole value matches the regular expression (syntax of the Rust crate regex-lite)."),
            "in": {
                "type": "array",
                "description": "Equal to one of the list.",
                "items": { "type": "string", "maxLength": 4096 },
            },
        }),
    )
}

fn named_match(of: &str, name: Value) -> Value {
    json!({
        "type": "object",
        "description": of,
        "properties": { "name": name, "value": value_match(VALUE) },
        "required": ["name"],
    })
}

fn condition(depth: usize) -> Value {
    let description = "A condition on a request's head, with exactly one key.";
    let Some(depth) = depth.checked_sub(1) else {
        return json!({
            "type": "object",
            "description": description,
            "x-kubernetes-preserve-unknown-fields": true,
        });
    };
    let several = |description: &str| json!({ "type": "array", "description": description, "minItems": 1, "items": condition(depth) });
    let token = json!({ "type": "string", "pattern": TOKEN, "minLength": 1, "maxLength": 128 });
    let text = json!({ "type": "string", "minLength": 1, "maxLength": 256 });
    one_of(
        description,
        json!({
            "all": several("Every one holds."),
            "any": several("At least one holds."),
            "not": condition(depth),
            "header": named_match("A header; several lines are joined by `,`.", token),
            "cookie": named_match("A cookie, the first of that name.", text.clone()),
            "query": named_match("A query parameter, percent-decoded, the first of that name.", text),
            "path": value_match("The path without query and fragment, as it was sent."),
            "method": value_match("The method, upper case."),
            "host": value_match("The host in lower case, without port."),
            "source": value_match("The URI in the caller's certificate (a SPIFFE ID); absent without mutual TLS."),
        }),
    )
}
