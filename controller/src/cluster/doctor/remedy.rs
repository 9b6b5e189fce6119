//! The commands that mend what is wrong.
//!
//! Names of objects, labels and rights have no characters that a shell knows; any other text of the cluster goes through
//! [`word`]: people run these commands as they are printed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::snapshot::Unread;
use crate::cluster::client::Right;

/// The name of the role that lets somebody read what the doctor reads.
const READER: &str = "lanectl-doctor";

/// A merge patch of an object.
pub(super) fn patch(kind: &str, namespace: &str, name: &str, value: &Value) -> String {
    let value = quoted(&value.to_string());
    format!("kubectl patch {kind} {name} --namespace={namespace} --type=merge --patch={value}")
}

/// Any text as one word of a shell, as it is where a shell knows none of its characters.
pub(super) fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) { text.to_owned() } else { quoted(text) }
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A change of the pods of a workload; they are rolled out anew by it.
pub(super) fn patch_template(kind: &str, namespace: &str, name: &str, template: &Value) -> String {
    patch(kind, namespace, name, &json!({ "spec": { "template": template } }))
}

/// Puts a value into a list or field of an object.
pub(super) fn add(kind: &str, namespace: &str, name: &str, path: &str, value: &Value) -> String {
    operate(kind, namespace, name, &[json!({ "op": "add", "path": path, "value": value })])
}

/// Takes an item out of a list, if it still stands where it stood: others may have gone since.
pub(super) fn remove_item(kind: &str, namespace: &str, name: &str, path: &str, item: &Value) -> String {
    let operations =
        [json!({ "op": "test", "path": path, "value": item }), json!({ "op": "remove", "path": path })];
    operate(kind, namespace, name, &operations)
}

/// Takes one field out of an object.
pub(super) fn remove(kind: &str, namespace: &str, name: &str, path: &str) -> String {
    operate(kind, namespace, name, &[json!({ "op": "remove", "path": path })])
}

/// Changes an object by operations of a JSON patch.
pub(super) fn operate(kind: &str, namespace: &str, name: &str, operations: &[Value]) -> String {
    let operations = quoted(&Value::from(operations).to_string());
    format!("kubectl patch {kind} {name} --namespace={namespace} --type=json --patch={operations}")
}

/// New pods for a workload.
pub(super) fn restart(kind: &str, namespace: &str, name: &str) -> String {
    format!("kubectl rollout restart {kind}/{name} --namespace={namespace}")
}

/// Opens an object in an editor: what is right there only its owner knows.
pub(super) fn edit(kind: &str, namespace: &str, name: &str) -> String {
    format!("kubectl edit {kind} {name} --namespace={namespace}")
}

/// Gives all rights that are lacking in a place, or in the whole cluster, to whoever lacks them. What the role gives
/// already it goes on to give. `kubectl create role` would refuse kinds that are not installed: to somebody without
/// rights the API server does not say that they are not.
pub(super) fn rights(unread: &[Unread], place: Option<&str>) -> Option<String> {
    let rights: Vec<&Right> = unread
        .iter()
        .filter(|unread| unread.namespace.as_deref() == place)
        .filter_map(|unread| unread.right.as_ref())
        .collect();
    let who = &rights.first()?.who;
    let mut resources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for right in &rights {
        let (resource, group) = right.resource.split_once('.').unwrap_or((&right.resource, ""));
        resources.entry(group).or_default().insert(resource);
    }
    let rule = |(group, resources)| json!({ "apiGroups": [group], "resources": resources, "verbs": ["get", "list"] });
    let rules: Vec<Value> = resources.into_iter().map(rule).collect();
    let (kind, metadata) = match place {
        Some(namespace) => ("Role", json!({ "name": READER, "namespace": namespace })),
        None => ("ClusterRole", json!({ "name": READER })),
    };
    let (group, version) = ("rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1");
    let role = json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules });
    let binding = json!({
        "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
        "roleRef": { "apiGroup": group, "kind": kind, "name": READER },
        "subjects": [{ "apiGroup": group, "kind": "User", "name": who }],
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [role, binding] });
    Some(format!("printf %s {} | kubectl auth reconcile --filename=-", quoted(&list.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_cluster_is_never_code() {
        for plain in ["system:serviceaccount:ci:agent", "ada@example.com", "http://a.b:80/x"] {
            assert_eq!(word(plain), plain);
        }
        assert_eq!(word("http://a.b/?x=1&y"), "'http://a.b/?x=1&y'");
        assert_eq!(word("it's $(id)"), r"'it'\''s $(id)'");
        assert_eq!(word(""), "''");
    }
}
