//! Policies of the network and of the mesh, and callers that have no routes.

use super::Severity::{Fail, Warn};
use super::{Case, hold, pass};

/// The namespace of other callers.
const OTHER: &str = "{kind: Namespace, apiVersion: v1, metadata: {name: other}}";

/// An AuthorizationPolicy for b that lets namespaces call.
fn allow(namespaces: &str) -> String {
    format!(
        "{{kind: AuthorizationPolicy, apiVersion: security.istio.io/v1, metadata: {{name: b, namespace: demo}}, \
         spec: {{selector: {{matchLabels: {{app: b}}}}, rules: [{{from: [{{source: {{namespaces: [{namespaces}]}}}}]}}]}}}}\n---\n{OTHER}"
    )
}

/// A NetworkPolicy for b with rules for what comes in.
fn ingress(rules: &str) -> String {
    format!(
        "{{kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: {{name: b, namespace: demo}}, \
         spec: {{podSelector: {{matchLabels: {{app: b}}}}, policyTypes: [Ingress], ingress: [{rules}]}}}}"
    )
}

fn together(documents: &[String]) -> &'static str {
    Box::leak(documents.join("\n---\n").into_boxed_str())
}

const FROM_ALL: &str = "{from: [{namespaceSelector: {}}]}";

#[test]
fn policies_that_contradict_each_other_are_named() {
    let case = |name, change, severity, object, message, remedy| Case {
        name,
        check: "policies-agree",
        change,
        severity,
        object,
        message,
        remedy,
    };
    let own = "{from: [{podSelector: {}}]}, {from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}";
    hold(&[
        case(
            "let in by the mesh alone",
            together(&[allow("demo, other"), ingress("{from: [{podSelector: {}}]}")]),
            Fail,
            "networkpolicy demo/b",
            "authorizationpolicy demo/b lets namespace other call deployment demo/b-v1, and it lets nothing from there through to port 8080",
            r#"{"op":"add","path":"/spec/ingress/-","value":{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"other"}}}],"ports":[{"port":8080}]}}"#,
        ),
        case(
            "the port of the Service instead of the pod's",
            together(&[allow("demo, other"), ingress("{from: [{namespaceSelector: {}}], ports: [{port: 80}]}")]),
            Fail,
            "networkpolicy demo/b",
            "to port 8080",
            r#""ports":[{"port":8080}]"#,
        ),
        case(
            "let in by the network alone",
            together(&[allow("demo"), ingress(own)]),
            Warn,
            "authorizationpolicy demo/b",
            "let namespace other through to deployment demo/b-v1",
            r#""path":"/spec/rules/-","value":{"from":[{"source":{"namespaces":["other"]}}]}"#,
        ),
        case(
            "identities without mTLS",
            together(&[
                allow("demo"),
                "{kind: PeerAuthentication, apiVersion: security.istio.io/v1, metadata: {name: plain, namespace: demo}, spec: {mtls: {mode: DISABLE}}}".to_owned(),
            ]),
            Fail,
            "peerauthentication demo/plain",
            "turns mTLS off for deployment demo/b-v1",
            r#"{"mtls":{"mode":"PERMISSIVE"}}"#,
        ),
    ]);
    pass(
        "policies-agree",
        &[
            ("both let them in", together(&[allow("demo, other"), ingress(FROM_ALL)])),
            (
                "by the name of the port",
                together(&[
                    allow("demo"),
                    ingress("{from: [{podSelector: {}}], ports: [{port: web}]}"),
                    "{kind: Pod, apiVersion: v1, metadata: {name: b-1, namespace: demo}, \
                     spec: {containers: [{name: app, ports: [{name: web, containerPort: 8080}]}, {name: istio-proxy, image: \"x/proxyv2:1.30.3\"}]}}".to_owned(),
                ]),
            ),
        ],
    );
}

#[test]
fn a_lane_gets_as_far_as_its_baseline_or_it_is_said() {
    let case = |name, change, object, message, remedy| Case {
        name,
        check: "policies-agree",
        change,
        severity: Fail,
        object,
        message,
        remedy,
    };
    let account =
        "{kind: Pod, apiVersion: v1, metadata: {name: a-1, namespace: demo}, spec: {serviceAccountName: a}}";
    let principals = "{kind: AuthorizationPolicy, apiVersion: security.istio.io/v1, metadata: {name: b, namespace: demo}, \
                      spec: {selector: {matchLabels: {app: b}}, rules: [{from: [{source: {principals: [cluster.local/ns/demo/sa/a]}}]}]}}";
    let v1_only = "{kind: AuthorizationPolicy, apiVersion: security.istio.io/v1, metadata: {name: v1, namespace: demo}, \
                   spec: {selector: {matchLabels: {app: a, version: v1}}, rules: [{}]}}";
    let nobody = "{kind: AuthorizationPolicy, apiVersion: security.istio.io/v1, metadata: {name: nobody, namespace: demo}}";
    hold(&[
        case(
            "out, by the network",
            together(&[ingress("{from: [{podSelector: {matchLabels: {app: a, version: v1}}}]}")]),
            "networkpolicy demo/b",
            "lets deployment demo/a-v1 through to deployment demo/b-v1, and not deployment demo/a-v2 of lane gray",
            r#"{"op":"add","path":"/spec/ingress/0/from/-","value":{"podSelector":{"matchLabels":{"app":"a","graylane.dev/lane":"gray"}}}}"#,
        ),
        case(
            "in, by the network",
            "{kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: {name: gray, namespace: demo}, \
             spec: {podSelector: {matchLabels: {graylane.dev/lane: gray}}, policyTypes: [Ingress]}}",
            "networkpolicy demo/gray",
            "keeps deployment demo/b-v1 from deployment demo/a-v2 of lane gray",
            "kubectl edit networkpolicy gray",
        ),
        case(
            "out, by the mesh",
            together(&[account.to_owned(), principals.to_owned()]),
            "deployment demo/a-v2",
            "let the account a of the baseline call deployment demo/b-v1, and not default",
            r#"{"serviceAccountName":"a"}"#,
        ),
        case(
            "in, by the mesh",
            together(&[v1_only.to_owned(), nobody.to_owned()]),
            "authorizationpolicy demo/v1",
            "nothing lets it call deployment demo/a-v2 of lane gray",
            "kubectl edit authorizationpolicy v1",
        ),
    ]);
}

#[test]
fn what_proxies_and_the_controller_have_to_reach_is_open() {
    let egress = |rules: &str| {
        format!(
            "{{kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: {{name: out, namespace: demo}}, \
             spec: {{podSelector: {{matchLabels: {{app: b}}}}, policyTypes: [Egress], egress: [{rules}]}}}}"
        )
    };
    let to_istiod = "{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: istio-system}}}]}";
    let case = |name, change, severity, object, message, remedy| Case {
        name,
        check: "network-open",
        change,
        severity,
        object,
        message,
        remedy,
    };
    hold(&[
        case(
            "istiod",
            together(&[egress("")]),
            Fail,
            "networkpolicy demo/out",
            "nothing to port 15012 in namespace istio-system for deployment demo/b-v1",
            r#"{"op":"add","path":"/spec/egress","value":[{"ports":[{"port":15012}],"to":[{"namespaceSelector""#,
        ),
        case(
            "the module",
            together(&[egress(to_istiod)]),
            Fail,
            "networkpolicy demo/out",
            "nothing to port 8080 in namespace graylane-system",
            r#"{"op":"add","path":"/spec/egress/-""#,
        ),
        case(
            "receipts",
            together(&[ingress("{from: [{podSelector: {}}]}")]),
            Warn,
            "networkpolicy demo/b",
            "nothing from namespace graylane-system to port 15090",
            r#""ports":[{"port":15090}]"#,
        ),
    ]);
    pass("network-open", &[("everything is open", together(&[egress("{}"), ingress(FROM_ALL)]))]);
}

#[test]
fn callers_without_routes_are_named() {
    let case = |name, change, severity, object, message, remedy| Case {
        name,
        check: "callers-routed",
        change,
        severity,
        object,
        message,
        remedy,
    };
    hold(&[
        case(
            "a pod without a proxy",
            "{kind: Pod, apiVersion: v1, metadata: {name: cron, namespace: demo}, spec: {containers: [{name: app}]}}",
            Warn,
            "namespace demo",
            "pods without a proxy (cron)",
            "kubectl label namespace demo istio-injection=enabled",
        ),
        case(
            "another namespace",
            together(&[allow("demo, other")]),
            Warn,
            "lanegroup demo/shop",
            "lets namespace other call services of the group",
            r#"kubectl annotate namespace other graylane.dev/accept-from=demo && kubectl patch lanegroup shop --namespace=demo --type=merge --patch='{"spec":{"callers":["other"]}}'"#,
        ),
        case(
            "no consent",
            together(&[
                OTHER.to_owned(),
                "{kind: LaneGroup, apiVersion: graylane.dev/v1alpha1, metadata: {name: shop, namespace: demo}, spec: {callers: [other]}}".to_owned(),
            ]),
            Fail,
            "lanegroup demo/shop",
            "namespace other does not accept",
            "kubectl annotate namespace other graylane.dev/accept-from=demo",
        ),
        case(
            "a weighted route",
            "{kind: VirtualService, apiVersion: networking.istio.io/v1, metadata: {name: b, namespace: demo}, spec: {hosts: [b], \
             http: [{name: split, route: [{destination: {host: b}, weight: 50}, {destination: {host: a}, weight: 50}]}]}}",
            Warn,
            "service demo/b",
            "WeightedRoute",
            "kubectl get virtualservices --namespace=demo",
        ),
    ]);
}
