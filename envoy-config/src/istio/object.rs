//! An object for the API server, and how large it may be.

use serde::Serialize;
use serde_json::{Value, json};

use super::GenerateError;
use super::input::{Input, Labels};
use super::names;
use crate::standalone::Stage;

/// The API server accepted an object of 1.51 MB and refused one of 1.68 MB, the limit being etcd's for a
/// request.
pub const MAX_OBJECT_BYTES: usize = 1_500_000;

/// An object of Istio's API.
#[derive(Clone, Debug, PartialEq)]
pub struct IstioObject {
    /// The `apiVersion`.
    pub api_version: &'static str,
    /// The `kind`.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Labels,
    /// Its `spec`.
    pub spec: Value,
    /// When it is written.
    pub stage: Stage,
}

impl IstioObject {
    /// An EnvoyFilter.
    pub(super) fn envoy_filter(
        namespace: &str,
        name: String,
        labels: Labels,
        stage: Stage,
        spec: &impl Serialize,
    ) -> Result<Self, GenerateError> {
        Ok(Self {
            api_version: "networking.istio.io/v1alpha3",
            kind: "EnvoyFilter",
            namespace: namespace.to_owned(),
            name,
            labels,
            annotations: Labels::new(),
            spec: serde_json::to_value(spec)?,
            stage,
        })
    }

    /// A DestinationRule.
    pub(super) fn destination_rule(
        namespace: &str,
        name: String,
        labels: Labels,
        spec: &impl Serialize,
    ) -> Result<Self, GenerateError> {
        let object = Self::envoy_filter(namespace, name, labels, Stage::Clusters, spec)?;
        Ok(Self { api_version: "networking.istio.io/v1", kind: "DestinationRule", ..object })
    }

    /// The whole object.
    #[must_use]
    pub fn manifest(&self) -> Value {
        let mut metadata = json!({ "namespace": self.namespace, "name": self.name, "labels": self.labels });
        if let Some(fields) = metadata.as_object_mut().filter(|_| !self.annotations.is_empty()) {
            fields.insert("annotations".to_owned(), json!(self.annotations));
        }
        json!({
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": metadata,
            "spec": self.spec,
        })
    }

    /// Refuses what the API server would refuse, before it does.
    pub(super) fn check_size(&self) -> Result<(), GenerateError> {
        let bytes = serde_json::to_vec(&self.manifest())?.len();
        if bytes > MAX_OBJECT_BYTES {
            return Err(GenerateError::TooLarge {
                kind: self.kind,
                namespace: self.namespace.clone(),
                name: self.name.clone(),
                bytes,
            });
        }
        Ok(())
    }
}

/// The labels of the objects of one group.
pub(super) fn group_labels(input: &Input) -> Labels {
    let group = [
        (names::GROUP_LABEL, input.group.metadata.name.to_string()),
        (names::GROUP_NAMESPACE_LABEL, input.namespace.to_string()),
    ];
    managed().into_iter().chain(group.map(|(key, value)| (key.to_owned(), value))).collect()
}

/// The label of every object that we write.
pub(super) fn managed() -> Labels {
    Labels::from([(names::MANAGED_BY_LABEL.to_owned(), names::MANAGER.to_owned())])
}
