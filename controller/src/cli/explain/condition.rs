//! Conditions in words: what must hold, and what the request has instead.

use std::borrow::Cow;

use lane::head::{MemoryHead, RequestHead as _};
use lane::model::{Condition, ValueMatch};
use lane::{cookie, host, query};

/// How many values of a list are named.
const NAMED_VALUES: usize = 5;

/// What must hold.
pub(super) fn describe(condition: &Condition) -> String {
    let several = |conditions: &[Condition], word: &str| {
        let texts: Vec<_> = conditions.iter().map(describe).collect();
        format!("({})", texts.join(word))
    };
    match condition {
        Condition::All(conditions) => several(conditions, " and "),
        Condition::Any(conditions) => several(conditions, " or "),
        Condition::Not(condition) => format!("not ({})", describe(condition)),
        Condition::Header(m) => format!("header {} {}", m.name, must(&m.value)),
        Condition::Cookie(m) => format!("cookie {} {}", m.name, must(&m.value)),
        Condition::Query(m) => format!("query parameter {} {}", m.name, must(&m.value)),
        Condition::Path(value) => format!("path {}", must(value)),
        Condition::Method(value) => format!("method {}", must(value)),
        Condition::Host(value) => format!("host {}", must(value)),
        Condition::Source(value) => format!("the caller's identity {}", must(value)),
    }
}

fn must(value: &ValueMatch) -> String {
    match value {
        ValueMatch::Present => "must be present".to_owned(),
        ValueMatch::Exact(text) => format!("must be {text:?}"),
        ValueMatch::Prefix(text) => format!("must start with {text:?}"),
        ValueMatch::Suffix(text) => format!("must end with {text:?}"),
        ValueMatch::Contains(text) => format!("must contain {text:?}"),
        ValueMatch::Regex(text) => format!("must match {text:?}"),
        ValueMatch::In(texts) => {
            let named: Vec<_> = texts.iter().take(NAMED_VALUES).map(|text| format!("{text:?}")).collect();
            let more = texts.len().saturating_sub(NAMED_VALUES);
            let more = if more == 0 { String::new() } else { format!(" or {more} more") };
            format!("must be one of {}{more}", named.join(", "))
        }
    }
}

/// Why a condition that does not hold does not.
pub(super) fn failure(condition: &Condition, head: &MemoryHead) -> String {
    let wanted = describe(condition);
    match (is_leaf(condition), value(condition, head)) {
        (false, _) => wanted,
        (true, None) => format!("{wanted}, but is absent"),
        (true, Some(value)) => format!("{wanted}, but is {:?}", String::from_utf8_lossy(&value)),
    }
}

/// Whether the request has what the condition names, which few requests have.
pub(super) fn is_named(condition: &Condition, head: &MemoryHead) -> bool {
    let named = matches!(condition, Condition::Header(_) | Condition::Cookie(_) | Condition::Query(_));
    named && value(condition, head).is_some()
}

fn is_leaf(condition: &Condition) -> bool {
    !matches!(condition, Condition::All(_) | Condition::Any(_) | Condition::Not(_))
}

/// What the request has where a leaf looks.
fn value<'h>(condition: &Condition, head: &'h MemoryHead) -> Option<Cow<'h, [u8]>> {
    let owned = |bytes: Option<&[u8]>| bytes.map(|bytes| Cow::Owned(bytes.to_vec()));
    match condition {
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) => None,
        Condition::Header(m) => head.header(m.name.as_str()),
        Condition::Cookie(m) => owned(cookie::get(&head.header("cookie")?, &m.name)),
        Condition::Query(m) => {
            query::get(&head.header(":path")?, &m.name).map(|value| Cow::Owned(value.into_owned()))
        }
        Condition::Path(_) => owned(Some(query::path_only(&head.header(":path")?))),
        Condition::Method(_) => head.header(":method"),
        Condition::Host(_) => Some(Cow::Owned(host::host_only(&head.header(":authority")?).into_owned())),
        Condition::Source(_) => head.source_identity(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(condition: Value, want: &str) {
        let mut head = MemoryHead::default();
        for (name, value) in
            [(":method", "GET"), (":path", "/a?q=1"), (":authority", "Shop:80"), ("cookie", "c=2")]
        {
            head.headers.push((name.to_owned(), value.into()));
        }
        let condition: Condition = serde_json::from_value(condition).unwrap();
        assert_eq!(failure(&condition, &head), want);
    }

    #[test]
    fn failures_say_what_is_wanted_and_what_there_is() {
        check(json!({"header": {"name": "x-gray"}}), "header x-gray must be present, but is absent");
        check(
            json!({"cookie": {"name": "c", "value": {"exact": "1"}}}),
            r#"cookie c must be "1", but is "2""#,
        );
        check(
            json!({"query": {"name": "q", "value": {"contains": "x"}}}),
            r#"query parameter q must contain "x", but is "1""#,
        );
        check(json!({"path": {"prefix": "/b"}}), r#"path must start with "/b", but is "/a""#);
        check(json!({"path": {"suffix": "b"}}), r#"path must end with "b", but is "/a""#);
        check(json!({"method": {"in": ["A", "B"]}}), r#"method must be one of "A", "B", but is "GET""#);
        check(
            json!({"host": {"in": ["a", "b", "c", "d", "e", "f", "g"]}}),
            r#"host must be one of "a", "b", "c", "d", "e" or 2 more, but is "shop""#,
        );
        check(
            json!({"source": {"regex": "x.*"}}),
            r#"the caller's identity must match "x.*", but is absent"#,
        );
        check(
            json!({"not": {"any": [{"method": {"exact": "GET"}}, {"all": [{"path": "present"}]}]}}),
            r#"not ((method must be "GET" or (path must be present)))"#,
        );
    }
}
