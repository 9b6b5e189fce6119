//! What could not be looked at.

use super::{Kind, Severity, Unread, examine, said, snapshot};
use crate::cluster::client::Right;

fn forbidden(kind: Kind, resource: &str, namespace: Option<&str>) -> Unread {
    let right = Right {
        verb: "list".to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.map(str::to_owned),
        who: "pipeline".to_owned(),
    };
    Unread {
        kind,
        namespace: namespace.map(str::to_owned),
        reason: format!("not allowed to {right}"),
        right: Some(right),
    }
}

#[test]
fn what_may_not_be_read_is_unknown_and_never_passes() {
    let mut snapshot = snapshot("");
    snapshot.unread = vec![
        forbidden(Kind::NetworkPolicy, "networkpolicies.networking.k8s.io", Some("demo")),
        forbidden(Kind::WasmPlugin, "wasmplugins.extensions.istio.io", Some("demo")),
        forbidden(Kind::Webhook, "mutatingwebhookconfigurations.admissionregistration.k8s.io", None),
    ];
    let findings = examine(&snapshot);
    let unknown: Vec<&str> = said(&findings).iter().map(|finding| finding.check).collect();
    assert_eq!(unknown, ["injector-selects-namespace", "policies-agree", "network-open", "extensions-apart"]);
    for check in &unknown {
        let mut of_check = findings.iter().filter(|finding| finding.check == *check);
        assert!(of_check.all(|finding| finding.severity == Severity::Unknown), "{check}");
    }
    let found = findings.iter().find(|finding| finding.check == "network-open").unwrap();
    assert_eq!(
        found.message,
        "not looked at: not allowed to list networkpolicies.networking.k8s.io in namespace demo"
    );
    let remedy = found.remedy.as_deref().unwrap();
    assert!(
        remedy.starts_with("printf %s '{") && remedy.ends_with("}' | kubectl auth reconcile --filename=-")
    );
    for part in [
        r#""name":"pipeline""#,
        r#"{"apiGroups":["networking.k8s.io"],"resources":["networkpolicies"],"verbs":["get","list"]}"#,
        r#"{"apiGroups":["extensions.istio.io"],"resources":["wasmplugins"],"verbs":["get","list"]}"#,
        r#""kind":"Role","metadata":{"name":"lanectl-doctor","namespace":"demo"}"#,
    ] {
        assert!(remedy.contains(part), "{part} is not in {remedy}");
    }
    let cluster = findings.iter().find(|finding| finding.check == "injector-selects-namespace").unwrap();
    let remedy = cluster.remedy.as_deref().unwrap();
    assert!(remedy.contains(r#""kind":"ClusterRole","metadata":{"name":"lanectl-doctor"}"#), "{remedy}");
}

#[test]
fn what_is_there_to_see_is_still_judged() {
    let mut snapshot = snapshot(
        "{kind: EnvoyFilter, apiVersion: networking.istio.io/v1alpha3, metadata: {name: other, namespace: demo}, \
         spec: {configPatches: [{applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: lua}}}]}}",
    );
    snapshot.unread =
        vec![forbidden(Kind::EnvoyFilter, "envoyfilters.networking.istio.io", Some("istio-system"))];
    let findings = examine(&snapshot);
    let of_check: Vec<Severity> = findings
        .iter()
        .filter(|finding| finding.check == "envoy-filters-apart")
        .map(|finding| finding.severity)
        .collect();
    assert_eq!(of_check, [Severity::Unknown, Severity::Fail]);
}

#[test]
fn who_may_not_look_at_istiod_is_still_told_about_the_group() {
    let mut snapshot = snapshot("");
    snapshot.unread = vec![
        forbidden(Kind::Pod, "pods", Some("istio-system")),
        forbidden(Kind::Deployment, "deployments.apps", Some("istio-system")),
        forbidden(Kind::Namespace, "namespaces", Some("istio-system")),
    ];
    let findings = examine(&snapshot);
    let unknown: Vec<&str> = said(&findings).iter().map(|finding| finding.check).collect();
    assert_eq!(
        unknown,
        ["istiod-ready", "istiod-sends-lanes-to-gateways", "policies-agree", "network-open"],
        "{findings:#?}"
    );
}
