//! The custom resources: the model's own types as Kubernetes objects.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt as _};
use lane::model::{LaneFaultSpec, LaneFaultStatus, LaneGroupSpec, LaneGroupStatus, LaneSpec, LaneStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The applications of one call chain, their entries, and how a lane is carried.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "graylane.dev",
    version = "v1alpha1",
    kind = "LaneGroup",
    doc = "The applications of one call chain: where requests enter it, and how their lane is carried.",
    namespaced,
    status = "LaneGroupStatus",
    derive = "PartialEq",
    shortname = "lgr",
    category = "graylane",
    printcolumn(name = "Entries", type_ = "string", json_path = ".spec.entries"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Programmed",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Programmed\")].status"
    ),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.proxies.ready"),
    printcolumn(name = "Proxies", type_ = "integer", json_path = ".status.proxies.total"),
    printcolumn(name = "Generation", type_ = "integer", json_path = ".status.rulesGeneration", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 63")
        .message("the name is longer than a DNS label: 63 characters"),
    validation = Rule::new("size(self.spec.entries) > 0")
        .message("there is no entry; name the gateway that requests come through"),
    validation = Rule::new("size(self.spec.services) > 0")
        .message("there is no service; name the services of the call chain")
)]
#[serde(transparent)]
pub struct LaneGroupResource(pub LaneGroupSpec);

/// Which requests enter a lane of a group, how many of them, and until when.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "graylane.dev",
    version = "v1alpha1",
    kind = "Lane",
    doc = "Which requests enter a lane of a group, how many of them, and until when.",
    namespaced,
    status = "LaneStatus",
    derive = "PartialEq",
    shortname = "lane",
    category = "graylane",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.group"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Programmed",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Programmed\")].status"
    ),
    printcolumn(name = "Release", type_ = "string", json_path = ".status.release.phase"),
    printcolumn(name = "Share", type_ = "number", json_path = ".spec.share.percent"),
    // No `date`: kubectl shows how long such a time is ago, and this one is to come.
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expires"),
    printcolumn(
        name = "Ending",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ending\")].reason"
    ),
    printcolumn(name = "Owner", type_ = "string", json_path = ".spec.owner", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name != 'baseline'")
        .message("\"baseline\" is reserved: the baseline is every workload without a lane mark"),
    validation = Rule::new("size(self.metadata.name) <= 63")
        .message("the name is longer than a DNS label: 63 characters"),
    validation = Rule::new("!has(oldSelf.spec) || self.spec.group == oldSelf.spec.group")
        .message("a lane stays in its group; remove it and set it in the other one")
)]
#[serde(transparent)]
pub struct LaneResource(pub LaneSpec);

/// Which requests of a group suffer which fault, and until when.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "graylane.dev",
    version = "v1alpha1",
    kind = "LaneFault",
    doc = "Which requests of a group suffer which fault, and until when.",
    namespaced,
    status = "LaneFaultStatus",
    derive = "PartialEq",
    shortname = "fault",
    category = "graylane",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.group"),
    printcolumn(name = "Lane", type_ = "string", json_path = ".spec.lane"),
    printcolumn(name = "From", type_ = "string", json_path = ".spec.from", priority = 1),
    printcolumn(name = "To", type_ = "string", json_path = ".spec.to"),
    printcolumn(name = "Percent", type_ = "number", json_path = ".spec.percent"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Programmed",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Programmed\")].status"
    ),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expires"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 63")
        .message("the name is longer than a DNS label: 63 characters"),
    validation = Rule::new("!has(oldSelf.spec) || self.spec.group == oldSelf.spec.group")
        .message("a fault stays in its group; stop it and set it in the other one"),
    validation = Rule::new("has(self.spec.delay) || has(self.spec.abort) || has(self.spec.throughputKibPerSecond)")
        .message("nothing would happen; add delay, abort or throughputKibPerSecond")
)]
#[serde(transparent)]
pub struct LaneFaultResource(pub LaneFaultSpec);

/// The definitions, in the order in which they are installed.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 3] {
    [LaneGroup::crd(), Lane::crd(), LaneFault::crd()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_definitions_are_those_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/crds.yaml");
        let documents = definitions().map(|definition| serde_saphyr::to_string(&definition).unwrap());
        let text = format!("# Generated from the code; a test keeps it true.\n{}", documents.join("---\n"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == text,
            "deploy/crds.yaml is not that of the code; run this test with UPDATE_GOLDEN=1"
        );
    }
}
