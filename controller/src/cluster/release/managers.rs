//! Who else writes into a workload, by the field managers that the API server keeps.

use serde_json::Value;

/// The field manager of what a release writes into workloads.
pub const MANAGER: &str = "graylane-release";

/// Who manages a part of the pod template and will come again: not ourselves, and not a person with `kubectl`.
#[must_use]
pub fn strangers(live: &Value) -> Vec<&str> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let managers = entries.into_iter().flatten().filter_map(|entry| {
        entry.pointer("/fieldsV1/f:spec/f:template/f:spec")?;
        entry.get("manager")?.as_str()
    });
    let mut strangers: Vec<&str> =
        managers.filter(|manager| *manager != MANAGER && !manager.starts_with("kubectl")).collect();
    strangers.sort_unstable();
    strangers.dedup();
    strangers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_who_will_write_the_template_again_is_a_stranger() {
        let template = json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": {} } } } });
        let by = |manager: &str, fields: &Value| json!({ "manager": manager, "fieldsV1": fields });
        let live = json!({ "metadata": { "managedFields": [
            by("helm", &template),
            by("argocd-controller", &template),
            by("argocd-controller", &template),
            by("kubectl-client-side-apply", &template),
            by(MANAGER, &template),
            by("kube-controller-manager", &json!({ "f:status": {} })),
            by("autoscaler", &json!({ "f:spec": { "f:replicas": {} } })),
        ] } });
        assert_eq!(strangers(&live), ["argocd-controller", "helm"]);
        assert_eq!(strangers(&json!({})), Vec::<&str>::new());
    }
}
