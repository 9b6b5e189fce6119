//! Merging of protobuf messages in their JSON form: fields are replaced, messages merged, lists appended.

use serde_json::Value;

/// Fields of which a message has at most one: how a route finds its cluster.
const CLUSTER_SPECIFIER: [&str; 5] = [
    "cluster",
    "cluster_header",
    "weighted_clusters",
    "cluster_specifier_plugin",
    "inline_cluster_specifier_plugin",
];

/// Merges `from` into `into`.
pub(super) fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                if CLUSTER_SPECIFIER.contains(&key.as_str()) {
                    into.retain(|other, _| other == key || !CLUSTER_SPECIFIER.contains(&other.as_str()));
                }
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}
