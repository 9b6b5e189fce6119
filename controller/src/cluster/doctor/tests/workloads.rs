//! Sidecars, versions, subsets, the controller.

use super::Severity::{Fail, Unknown, Warn};
use super::{Case, hold, pass};

/// The pod of b, without a proxy.
const BARE: &str = "{kind: Pod, apiVersion: v1, metadata: {name: b-1, namespace: demo}, spec: {containers: [{name: app, image: b}]}}";

#[test]
fn a_pod_without_a_proxy_is_explained() {
    let case = |name, change, message, remedy| Case {
        name,
        check: "sidecar-present",
        change,
        severity: Fail,
        object: "deployment demo/b-v1",
        message,
        remedy,
    };
    let with = |more: &str| -> &'static str { Box::leak(format!("{BARE}\n---\n{more}").into_boxed_str()) };
    hold(&[
        case(
            "older than the label",
            BARE,
            "1 of 1 pods have no proxy (b-1): they are older",
            "rollout restart deployment/b-v1",
        ),
        case(
            "no label",
            with(
                "{kind: Namespace, apiVersion: v1, metadata: {name: demo, labels: {istio-injection: null}}}",
            ),
            "namespace demo has no label",
            "kubectl label namespace demo istio-injection=enabled --overwrite && kubectl rollout restart",
        ),
        case(
            "disabled",
            with(
                "{kind: Namespace, apiVersion: v1, metadata: {name: demo, labels: {istio-injection: disabled}}}",
            ),
            "istio-injection=disabled",
            "istio-injection=enabled --overwrite",
        ),
        case(
            "a revision that nobody has",
            with(
                "{kind: Namespace, apiVersion: v1, metadata: {name: demo, labels: {istio-injection: null, istio.io/rev: canary}}}",
            ),
            "revision canary, which no injector has",
            "istio-injection=enabled istio.io/rev- --overwrite",
        ),
        case(
            "ambient",
            with(
                "{kind: Namespace, apiVersion: v1, metadata: {name: demo, labels: {istio.io/dataplane-mode: ambient}}}",
            ),
            "ambient mode",
            "istio.io/dataplane-mode-",
        ),
        case(
            "a label of the pod",
            with(
                "{kind: Pod, apiVersion: v1, metadata: {name: b-1, namespace: demo, labels: {sidecar.istio.io/inject: \"false\"}}}",
            ),
            "their label sidecar.istio.io/inject is false",
            r#"{"labels":{"sidecar.istio.io/inject":"true"}}"#,
        ),
        case(
            "an annotation of the pod",
            with(
                "{kind: Pod, apiVersion: v1, metadata: {name: b-1, namespace: demo, annotations: {sidecar.istio.io/inject: \"false\"}}}",
            ),
            "their annotation sidecar.istio.io/inject is false",
            r#"{"annotations":{"sidecar.istio.io/inject":null}}"#,
        ),
        case(
            "the network of the node",
            with(
                "{kind: Pod, apiVersion: v1, metadata: {name: b-1, namespace: demo}, spec: {hostNetwork: true}}",
            ),
            "network of their node",
            r#"{"hostNetwork":false}"#,
        ),
    ]);
}

#[test]
fn an_application_that_does_not_wait_is_named() {
    let early = "{kind: Pod, apiVersion: v1, metadata: {name: b-1, namespace: demo, annotations: {proxy.istio.io/config: \"concurrency: 1\"}}}";
    hold(&[Case {
        name: "other settings are kept",
        check: "proxy-starts-first",
        change: early,
        severity: Warn,
        object: "deployment demo/b-v1",
        message: "(b-1)",
        remedy: r#""proxy.istio.io/config":"concurrency: 1\nholdApplicationUntilProxyStarts: true""#,
    }]);
    let mesh = "{kind: ConfigMap, apiVersion: v1, metadata: {name: istio, namespace: istio-system}, \
                data: {mesh: \"defaultConfig: {holdApplicationUntilProxyStarts: true}\"}}";
    let both: &'static str = Box::leak(format!("{early}\n---\n{mesh}").into_boxed_str());
    pass("proxy-starts-first", &[("the mesh says so", both)]);
}

#[test]
fn versions_are_judged() {
    let image = |version: &str, more: &str| -> &'static str {
        let pod = format!(
            "{{kind: Pod, apiVersion: v1, metadata: {{name: a-2, namespace: demo}}, \
             spec: {{initContainers: [{{name: istio-proxy, image: \"x/proxyv2{version}\"}}]}}}}"
        );
        Box::leak(format!("{pod}\n---\n{more}").into_boxed_str())
    };
    let case = |name, change, severity, object, message, remedy| Case {
        name,
        check: "proxy-version",
        change,
        severity,
        object,
        message,
        remedy,
    };
    let matcher = "{kind: LaneGroup, apiVersion: graylane.dev/v1alpha1, metadata: {name: shop, namespace: demo}, \
                   spec: {routeMode: Matcher}}";
    let a = "deployment demo/a-v2";
    hold(&[
        case("too old", image(":1.27.1", ""), Fail, a, "1.28 or newer", "istioctl upgrade"),
        case(
            "newer than istiod",
            image(":1.31.0", ""),
            Warn,
            a,
            "newer than istiod, 1.30",
            "istioctl upgrade",
        ),
        case(
            "unnamed",
            image("@sha256:00", ""),
            Unknown,
            a,
            "name no version",
            "-- pilot-agent request GET server_info",
        ),
        case(
            "no matcher",
            image(":1.29.6", matcher),
            Fail,
            "lanegroup demo/shop",
            "Istio 1.29.6",
            r#"{"routeMode":"Auto"}"#,
        ),
    ]);
    pass("proxy-version", &[("routes instead", image(":1.29.6", ""))]);
}

#[test]
fn pods_of_no_subset_and_of_two_are_named() {
    let case = |name, change, severity, object, message, remedy| Case {
        name,
        check: "pods-in-subset",
        change,
        severity,
        object,
        message,
        remedy,
    };
    let lone = "{kind: Pod, apiVersion: v1, metadata: {name: debug, namespace: demo, labels: {app: b}}, \
                spec: {containers: [{name: istio-proxy, image: \"x/proxyv2:1.30.3\"}]}, \
                status: {conditions: [{type: Ready, status: \"True\"}]}}";
    hold(&[
        case(
            "a second baseline",
            "{kind: LaneGroup, apiVersion: graylane.dev/v1alpha1, metadata: {name: shop, namespace: demo}, \
             spec: {services: [{name: a}, {name: b, baseline: {version: v2}}]}}",
            Warn,
            "deployment demo/b-v1",
            "(b-1) have neither version=v2 nor graylane.dev/lane",
            "/spec/services/1/baseline",
        ),
        case(
            "no Deployment",
            lone,
            Warn,
            "pod demo/debug",
            "of no Deployment (debug)",
            "kubectl label pods debug version=v1 --namespace=demo",
        ),
        case(
            "of a lane and of the baseline",
            "{kind: LaneGroup, apiVersion: graylane.dev/v1alpha1, metadata: {name: shop, namespace: demo}, \
             spec: {services: [{name: a, baseline: {app: a}}, {name: b}]}}",
            Fail,
            "deployment demo/a-v2",
            "are of a lane and have app=a too",
            "/spec/services/0/baseline",
        ),
        case(
            "no label tells",
            "{kind: Deployment, apiVersion: apps/v1, metadata: {name: b-v1, namespace: demo}, \
             spec: {template: {metadata: {labels: {version: null}}}}}\n---\n\
             {kind: Pod, apiVersion: v1, metadata: {name: b-1, namespace: demo, labels: {version: v1}}}",
            Fail,
            "deployment demo/b-v1",
            "no label tells the baseline of service b",
            r#"{"version":"v1"}"#,
        ),
    ]);
}

#[test]
fn the_controller_and_what_it_says_is_looked_at() {
    let case = |name, check, change, severity, object, message, remedy| Case {
        name,
        check,
        change,
        severity,
        object,
        message,
        remedy,
    };
    hold(&[
        case(
            "none",
            "controller-ready",
            "{kind: Deployment, apiVersion: apps/v1, metadata: {name: lane-controller, namespace: graylane-system}, absent: true}",
            Fail,
            "namespace graylane-system",
            "there is no controller",
            "lanectl install --namespace=graylane-system",
        ),
        case(
            "not ready",
            "controller-ready",
            "{kind: Deployment, apiVersion: apps/v1, metadata: {name: lane-controller, namespace: graylane-system}, status: {readyReplicas: null}}",
            Fail,
            "deployment graylane-system/lane-controller",
            "no replica",
            "kubectl describe pods",
        ),
        case(
            "not looked at",
            "controller-ready",
            "{kind: Lane, apiVersion: graylane.dev/v1alpha1, metadata: {name: gray, namespace: demo, generation: 2}}",
            Warn,
            "lane demo/gray",
            "newest version",
            "kubectl logs deployment/lane-controller",
        ),
        case(
            "refused",
            "group-accepted",
            "{kind: LaneGroup, apiVersion: graylane.dev/v1alpha1, metadata: {name: shop, namespace: demo}, status: {conditions: [\
             {type: Accepted, status: \"False\", reason: Bad, message: one, lastTransitionTime: \"2026-01-01T00:00:00Z\"}]}}",
            Fail,
            "lanegroup demo/shop",
            "Accepted is False, Bad: one",
            "kubectl describe lanegroup shop --namespace=demo",
        ),
        case(
            "a clock",
            "clocks-agree",
            "{kind: LaneGroup, apiVersion: graylane.dev/v1alpha1, metadata: {name: shop, namespace: demo}, status: {conditions: [\
             {type: ClocksAgree, status: \"False\", reason: ClocksApart, message: pod demo/a is 1h ahead, lastTransitionTime: \"2026-01-01T00:00:00Z\"}]}}",
            Warn,
            "lanegroup demo/shop",
            "pod demo/a is 1h ahead",
            "chronyc tracking",
        ),
    ]);
}
