//! What a release copies from one workload to the other, and what a baseline keeps of its former version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The fields of a pod's spec that are copied; never labels, selectors, the lane's mark or replicas.
const COPIED: [&str; 4] = ["containers", "initContainers", "volumes", "serviceAccountName"];
/// Another name of `serviceAccountName`, which the API server keeps in step.
const OLD_SERVICE_ACCOUNT: &str = "serviceAccount";
/// Annotation of a baseline's workload with its [`Former`] version.
pub const FORMER: &str = "graylane.dev/former";
/// Annotation of a baseline's workload with the request that has given it its former version back.
pub const RESTORED_BY: &str = "graylane.dev/restored-by";

/// The copied fields of a workload's pod template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(Map<String, Value>);

impl Template {
    /// That of a Deployment or `StatefulSet`.
    #[must_use]
    pub fn of(workload: &Value) -> Self {
        let spec = workload.pointer("/spec/template/spec");
        let found = COPIED.iter().filter_map(|field| Some(((*field).to_owned(), spec?.get(field)?.clone())));
        Self(found.collect())
    }

    /// A digest, by which a template is known again.
    #[must_use]
    pub fn digest(&self) -> String {
        let text = Value::Object(self.0.clone()).to_string();
        Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The images of the containers, for people.
    #[must_use]
    pub fn images(&self) -> Vec<String> {
        let containers = self.0.get("containers").and_then(Value::as_array);
        let images =
            containers.into_iter().flatten().filter_map(|container| container.get("image")?.as_str());
        images.map(str::to_owned).collect()
    }

    /// What is applied to a workload so that it gets this template, and an annotation.
    #[must_use]
    pub fn manifest(&self, workload: &Value, annotation: Option<(&str, String)>) -> Value {
        let field = |pointer| workload.pointer(pointer).cloned().unwrap_or_default();
        let annotations: BTreeMap<_, _> = annotation.into_iter().collect();
        json!({
            "apiVersion": field("/apiVersion"),
            "kind": field("/kind"),
            "metadata": {
                "name": field("/metadata/name"),
                "namespace": field("/metadata/namespace"),
                // Of exactly what was looked at: a change in between is not overwritten.
                "resourceVersion": field("/metadata/resourceVersion"),
                "annotations": annotations,
            },
            "spec": { "template": { "spec": self.0 } },
        })
    }

    /// The whole workload with this template instead of its own, and an annotation instead of those of a release.
    #[must_use]
    pub fn put_into(&self, workload: &Value, annotation: Option<(&str, String)>) -> Value {
        let mut workload = workload.clone();
        if let Some(spec) = workload.pointer_mut("/spec/template/spec").and_then(Value::as_object_mut) {
            for field in COPIED.iter().chain([&OLD_SERVICE_ACCOUNT]) {
                spec.remove(*field);
            }
            spec.extend(self.0.clone());
        }
        if let Some(metadata) = workload.get_mut("metadata").and_then(Value::as_object_mut) {
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.remove(FORMER);
                annotations.remove(RESTORED_BY);
                annotations.extend(annotation.map(|(key, value)| (key.to_owned(), value.into())));
            }
            metadata.remove("managedFields");
        }
        workload
    }

    /// Where this template and another one differ, as paths below the pod's spec.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut paths = Vec::new();
        for field in COPIED {
            let (a, b) = (self.0.get(field), other.0.get(field));
            collect(a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null), field, &mut paths);
        }
        paths
    }
}

/// The paths of the first differences below two values.
fn collect(a: &Value, b: &Value, path: &str, paths: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a_fields), Value::Object(b_fields)) => {
            let mut keys: Vec<&String> = a_fields.keys().chain(b_fields.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let side = |fields: &Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
                collect(&side(a_fields), &side(b_fields), &format!("{path}.{key}"), paths);
            }
        }
        (Value::Array(a_items), Value::Array(b_items)) if a_items.len() == b_items.len() => {
            for (index, (a_item, b_item)) in a_items.iter().zip(b_items).enumerate() {
                let name = a_item.get("name").and_then(Value::as_str);
                let step = name.map_or_else(|| index.to_string(), str::to_owned);
                collect(a_item, b_item, &format!("{path}[{step}]"), paths);
            }
        }
        _ if a != b => paths.push(path.to_owned()),
        _ => {}
    }
}

/// What a baseline's workload ran before it took a lane's version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Former {
    /// Which lane's version it has taken.
    pub lane: String,
    /// By which request.
    pub request: String,
    /// [`Template::digest`] of what it has taken: what differs from it was changed by somebody else since.
    pub taken: String,
    /// What it ran before.
    pub template: Template,
}

impl Former {
    /// What a workload remembers, if anything.
    #[must_use]
    pub fn of(workload: &Value) -> Option<Self> {
        let annotations = workload.pointer("/metadata/annotations")?;
        serde_json::from_str(annotations.get(FORMER)?.as_str()?).ok()
    }

    /// The text of the annotation.
    #[must_use]
    pub fn text(&self) -> String {
        // All of it came from JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(image: &str, spec: Value) -> Value {
        let mut pod =
            json!({ "containers": [{ "name": "app", "image": image }], "nodeSelector": { "disk": "ssd" } });
        pod.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "b", "namespace": "demo", "resourceVersion": "7",
                          "annotations": { "mine": "1" }, "managedFields": [] },
            "spec": { "replicas": 3, "selector": { "matchLabels": { "app": "b" } },
                      "template": { "metadata": { "labels": { "app": "b", "version": "v1" } }, "spec": pod } },
        })
    }

    #[test]
    fn only_what_is_the_versions_own_is_copied() {
        let baseline = deployment("b:1", json!({ "serviceAccountName": "old", "serviceAccount": "old" }));
        let lane =
            deployment("b:2", json!({ "volumes": [{ "name": "v" }], "nodeSelector": { "disk": "hdd" } }));
        let former = Former {
            lane: "gray".to_owned(),
            request: "r".to_owned(),
            taken: String::new(),
            template: Template::of(&baseline),
        };
        let put = Template::of(&lane).put_into(&baseline, Some((FORMER, former.text())));
        assert_eq!(
            put["spec"]["template"]["spec"],
            json!({ "containers": [{ "name": "app", "image": "b:2" }], "volumes": [{ "name": "v" }],
                    "nodeSelector": { "disk": "ssd" } })
        );
        assert_eq!(put["spec"]["template"]["metadata"], baseline["spec"]["template"]["metadata"]);
        assert_eq!(
            (&put["spec"]["replicas"], &put["metadata"]["annotations"]["mine"]),
            (&json!(3), &json!("1"))
        );
        let remembered = Former::of(&put).unwrap();
        assert_eq!(remembered, former);

        let restored = remembered.template.put_into(&put, Some((RESTORED_BY, "r2".to_owned())));
        assert_eq!(Template::of(&restored), Template::of(&baseline));
        assert_eq!(Former::of(&restored), None);
        assert_eq!(restored["metadata"]["annotations"], json!({ "mine": "1", RESTORED_BY: "r2" }));
    }

    #[test]
    fn differences_are_named() {
        let of = |spec| Template::of(&deployment("b:1", spec));
        let env = |value: &str| {
            of(
                json!({ "containers": [{ "name": "app", "image": "b:1", "env": [{ "name": "A", "value": value }] }] }),
            )
        };
        assert_eq!(env("1").differences(&env("2")), ["containers[app].env[A].value"]);
        assert_eq!(of(json!({})).differences(&env("1")), ["containers[app].env"]);
        assert_eq!(of(json!({})).differences(&of(json!({ "volumes": [] }))), ["volumes"]);
        assert_eq!(env("1").differences(&env("1")), Vec::<String>::new());
        assert_ne!(env("1").digest(), env("2").digest());
    }
}
