//! Whether the pods of a workload are those that its spec asks for, as `kubectl rollout status` tells it.

use serde_json::Value;

use super::Observation;

/// How far the rollout of a Deployment or `StatefulSet` has come.
#[must_use]
pub fn of(workload: &Value) -> Observation {
    let number = |pointer: &str| workload.pointer(pointer).and_then(Value::as_i64);
    let wanted = number("/spec/replicas").unwrap_or(1);
    let name = name(workload);
    if number("/status/observedGeneration").unwrap_or(0) < number("/metadata/generation").unwrap_or(0) {
        return Observation::Underway(format!("{name}: its newest version has not been looked at yet"));
    }
    if let Some(message) = exceeded(workload) {
        return Observation::Failed(format!("{name}: {message}"));
    }
    let count = |field: &str| number(&format!("/status/{field}")).unwrap_or(0);
    let available = count(if is_stateful(workload) { "readyReplicas" } else { "availableReplicas" });
    let (updated, total) = (count("updatedReplicas"), count("replicas"));
    if updated == wanted && available == wanted && total == wanted {
        Observation::Done
    } else {
        Observation::Underway(format!(
            "{name}: {updated} of {wanted} pods have the new version, {available} are available"
        ))
    }
}

/// `Deployment demo/b`.
#[must_use]
pub fn name(workload: &Value) -> String {
    let text = |pointer: &str| workload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

fn is_stateful(workload: &Value) -> bool {
    workload.get("kind").and_then(Value::as_str) == Some("StatefulSet")
}

/// What a Deployment says of a rollout that makes no progress.
fn exceeded(workload: &Value) -> Option<&str> {
    let conditions = workload.pointer("/status/conditions")?.as_array()?;
    let stuck = conditions.iter().find(|condition| {
        condition.get("reason").and_then(Value::as_str) == Some("ProgressDeadlineExceeded")
    })?;
    Some(stuck.get("message").and_then(Value::as_str).unwrap_or("it makes no progress"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(kind: &str, status: Value, want: &str) {
        let workload = json!({ "kind": kind, "metadata": { "name": "b", "namespace": "demo", "generation": 2 },
                               "spec": { "replicas": 2 }, "status": status });
        let found = match of(&workload) {
            Observation::Done => "done".to_owned(),
            Observation::Underway(text) | Observation::Failed(text) => text,
        };
        assert_eq!(found, want);
    }

    #[test]
    fn a_rollout_is_done_when_all_pods_are_new_and_none_is_old() {
        let seen = |updated: u32, total: u32, available: u32| {
            json!({ "observedGeneration": 2, "updatedReplicas": updated, "replicas": total,
                    "availableReplicas": available, "readyReplicas": available })
        };
        check("Deployment", seen(2, 2, 2), "done");
        check("StatefulSet", seen(2, 2, 2), "done");
        let waits = "Deployment demo/b: 2 of 2 pods have the new version, 1 are available";
        check("Deployment", seen(2, 3, 1), waits);
        check(
            "Deployment",
            seen(2, 3, 2),
            "Deployment demo/b: 2 of 2 pods have the new version, 2 are available",
        );
        check(
            "Deployment",
            json!({ "observedGeneration": 1, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2 }),
            "Deployment demo/b: its newest version has not been looked at yet",
        );
        check(
            "Deployment",
            json!({ "observedGeneration": 2, "conditions": [
                { "reason": "ProgressDeadlineExceeded", "message": "it has timed out progressing" } ] }),
            "Deployment demo/b: it has timed out progressing",
        );
    }
}
