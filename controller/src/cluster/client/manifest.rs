//! An object as it is applied: exactly the fields that somebody wants.

use std::fmt;

use kube::api::{ApiResource, GroupVersionKind};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Error, Result};

/// An object with a kind and a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    value: Value,
    kind: GroupVersionKind,
    name: String,
    namespace: Option<String>,
}

impl Manifest {
    /// An object as JSON.
    ///
    /// # Errors
    /// It has no `apiVersion`, `kind` or name.
    pub fn new(value: Value) -> Result<Self> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let parts = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let (Some(version), Some(kind), Some(name)) = parts else {
            return Err(Error::Internal("an object without apiVersion, kind or name".to_owned()));
        };
        let (group, version) = version.rsplit_once('/').unwrap_or(("", &version));
        let kind = GroupVersionKind::gvk(group, version, &kind);
        let namespace = text("/metadata/namespace");
        Ok(Self { value, kind, name, namespace })
    }

    /// An object of Graylane with this spec.
    ///
    /// # Errors
    /// The spec cannot be written as JSON.
    pub fn graylane(kind: &str, namespace: &str, name: &str, spec: &impl Serialize) -> Result<Self> {
        let spec = serde_json::to_value(spec).map_err(|error| Error::Internal(error.to_string()))?;
        Self::new(json!({
            "apiVersion": lane::model::API_VERSION,
            "kind": kind,
            "metadata": { "name": name, "namespace": namespace },
            "spec": spec,
        }))
    }

    /// The same object with an annotation.
    #[must_use]
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        if let Some(metadata) = self.value.get_mut("metadata").and_then(Value::as_object_mut) {
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.insert(key.to_owned(), value.into());
            }
        }
        self
    }

    /// The same object in a namespace.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        if let Some(metadata) = self.value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// The object itself.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind.kind
    }

    /// Its namespace; none where its kind has none.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(super) fn resource(&self) -> ApiResource {
        ApiResource::from_gvk(&self.kind)
    }
}

/// Kind and name, as `kubectl` writes them.
impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.kind.to_ascii_lowercase(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_says_what_and_where_it_is() {
        let lane = Manifest::graylane("Lane", "shop", "gray", &json!({ "group": "shop" })).unwrap();
        let resource = lane.resource();
        assert_eq!((resource.plural.as_str(), resource.group.as_str()), ("lanes", "graylane.dev"));
        assert_eq!((lane.namespace(), lane.to_string().as_str()), (Some("shop"), "lane gray"));
        let role = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "x" } });
        assert_eq!(Manifest::new(role).unwrap().namespace(), None);
        assert!(Manifest::new(json!({ "kind": "Lane" })).is_err());
    }
}
