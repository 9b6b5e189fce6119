//! istiod, injectors, EnvoyFilters, extensions, the module, what hides services.

use super::Severity::{Fail, Unknown, Warn};
use super::{Case, Fetched, URL, examine, hold, pass, snapshot};

#[test]
fn istiod_is_looked_at() {
    let case = |name, check, change, object, message, remedy| Case {
        name,
        check,
        change,
        severity: Fail,
        object,
        message,
        remedy,
    };
    hold(&[
        case(
            "none",
            "istiod-ready",
            "{kind: Pod, apiVersion: v1, metadata: {name: istiod-1, namespace: istio-system}, absent: true}",
            "deployment istio-system/istiod",
            "no istiod pod in namespace istio-system",
            "kubectl scale deployment/istiod --namespace=istio-system --replicas=1",
        ),
        case(
            "not ready",
            "istiod-ready",
            "{kind: Pod, apiVersion: v1, metadata: {name: istiod-1, namespace: istio-system}, status: {conditions: []}}",
            "pod istio-system/istiod-1",
            "none of 1 istiod pods is ready",
            "kubectl describe pods --selector=app=istiod",
        ),
        case(
            "another revision",
            "istiod-ready",
            "{kind: Pod, apiVersion: v1, metadata: {name: a-1, namespace: demo, annotations: {istio.io/rev: old}}}",
            "namespace istio-system",
            "of revision old; only default has an istiod",
            "istioctl install --revision=old",
        ),
        case(
            "gateways get no clusters of lanes",
            "istiod-sends-lanes-to-gateways",
            "{kind: Deployment, apiVersion: apps/v1, metadata: {name: istiod, namespace: istio-system}, spec: {template: \
             {spec: {containers: [{name: discovery, env: [{name: PILOT_FILTER_GATEWAY_CLUSTER_CONFIG, value: \"true\"}]}]}}}}",
            "deployment istio-system/istiod",
            "PILOT_FILTER_GATEWAY_CLUSTER_CONFIG is true",
            "kubectl set env deployment/istiod --namespace=istio-system PILOT_FILTER_GATEWAY_CLUSTER_CONFIG=false",
        ),
        case(
            "no injector",
            "injector-selects-namespace",
            "{kind: MutatingWebhookConfiguration, apiVersion: admissionregistration.k8s.io/v1, \
             metadata: {name: istio-sidecar-injector}, absent: true}",
            "namespace istio-system",
            "no MutatingWebhookConfiguration of Istio",
            "istioctl install",
        ),
    ]);
    hold(&[Case {
        name: "nobody is asked",
        check: "injector-selects-namespace",
        change: "{kind: Namespace, apiVersion: v1, metadata: {name: demo, labels: {istio-injection: null}}}",
        severity: Warn,
        object: "namespace demo",
        message: "no label that asks for proxies",
        remedy: "kubectl label namespace demo istio-injection=enabled --overwrite",
    }]);
}

#[test]
fn istio_that_is_not_there_is_said() {
    let mut snapshot = snapshot("");
    snapshot.unserved.insert(super::Kind::EnvoyFilter);
    let finding = examine(&snapshot).into_iter().next().unwrap();
    assert_eq!((finding.check, finding.severity), ("istio-installed", Fail));
    assert!(finding.message.contains("envoyfilters.networking.istio.io"), "{}", finding.message);
}

/// An EnvoyFilter of somebody else with one patch.
fn filter(patch: &str) -> &'static str {
    let text = format!(
        "{{kind: EnvoyFilter, apiVersion: networking.istio.io/v1alpha3, metadata: {{name: other, namespace: demo}}, \
         spec: {{configPatches: [{patch}]}}}}"
    );
    Box::leak(text.into_boxed_str())
}

#[test]
fn envoy_filters_that_touch_what_is_ours_are_named() {
    let case = |name, patch, severity, message| Case {
        name,
        check: "envoy-filters-apart",
        change: filter(patch),
        severity,
        object: "envoyfilter demo/other",
        message,
        remedy: r#"},{"op":"remove","path":"/spec/configPatches/0"}]"#,
    };
    hold(&[
        case(
            "a name of ours",
            "{applyTo: EXTENSION_CONFIG, patch: {operation: ADD, value: {name: graylane.entry.x}}}",
            Fail,
            "adds graylane.entry.x",
        ),
        case(
            "behind the router",
            "{applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: lua}}}",
            Fail,
            "puts lua behind the router",
        ),
        case(
            "our filter",
            "{applyTo: HTTP_FILTER, match: {listener: {filterChain: {filter: {subFilter: {name: graylane.x}}}}}, patch: {operation: REMOVE}}",
            Fail,
            "changes our filter graylane.x",
        ),
        case(
            "the cluster of our routes",
            "{applyTo: HTTP_ROUTE, match: {routeConfiguration: {vhost: {name: \"b.demo.svc.cluster.local:80\"}}}, \
             patch: {operation: MERGE, value: {route: {cluster: x}}}}",
            Fail,
            "chooses the cluster of routes of b.demo",
        ),
        case(
            "a route in front of all",
            "{applyTo: HTTP_ROUTE, patch: {operation: INSERT_FIRST, value: {route: {cluster: x}}}}",
            Warn,
            "in front of those of every host",
        ),
        case(
            "a cluster of a lane",
            "{applyTo: CLUSTER, match: {cluster: {subset: graylane-gray}}, patch: {operation: REMOVE}}",
            Fail,
            "removes clusters of lanes",
        ),
        case(
            "the way back",
            "{applyTo: CLUSTER, patch: {operation: MERGE, value: {outlier_detection: {}}}}",
            Warn,
            "way back to the baseline",
        ),
        case(
            "the header",
            "{applyTo: NETWORK_FILTER, patch: {operation: MERGE, value: {typed_config: {remove: [x-lane]}}}}",
            Warn,
            "names x-lane",
        ),
    ]);
    pass(
        "envoy-filters-apart",
        &[
            (
                "another host",
                filter(
                    "{applyTo: HTTP_ROUTE, match: {routeConfiguration: {vhost: {name: \"c.demo.svc.cluster.local:80\"}}}, \
                     patch: {operation: MERGE, value: {route: {cluster: x}}}}",
                ),
            ),
            (
                "in front of the router",
                filter(
                    "{applyTo: HTTP_FILTER, match: {listener: {filterChain: {filter: {subFilter: \
                     {name: envoy.filters.http.router}}}}}, patch: {operation: INSERT_BEFORE, value: {name: lua}}}",
                ),
            ),
            (
                "other pods",
                "{kind: EnvoyFilter, apiVersion: networking.istio.io/v1alpha3, metadata: {name: other, namespace: demo}, \
                 spec: {workloadSelector: {labels: {app: z}}, configPatches: [{applyTo: CLUSTER, patch: {operation: REMOVE}}]}}",
            ),
        ],
    );
}

#[test]
fn an_extension_that_can_freeze_ours_is_named() {
    let plugin = "{kind: WasmPlugin, apiVersion: extensions.istio.io/v1alpha1, metadata: {name: auth, namespace: istio-system}, \
                  spec: {url: \"oci://x\"}}";
    let case = |name, change, severity, message| Case {
        name,
        check: "extensions-apart",
        change,
        severity,
        object: "wasmplugin istio-system/auth",
        message,
        remedy: "istioctl proxy-config ecds",
    };
    let lagging: &'static str = Box::leak(
        format!(
            "{plugin}\n---\n{{kind: LaneGroup, apiVersion: graylane.dev/v1alpha1, metadata: {{name: shop, namespace: demo}}, \
             status: {{proxies: {{ready: 1}}}}}}"
        )
        .into_boxed_str(),
    );
    hold(&[
        case("all proxies follow", plugin, Warn, "shares the discovery"),
        case("some do not", lagging, Fail, "1 proxies do not follow now"),
    ]);
}

#[test]
fn the_module_is_fetched_and_compared() {
    for (fetched, severity, message) in [
        (Fetched::File("11".to_owned()), Fail, "has the SHA-256 11, not 00"),
        (Fetched::Status(404), Fail, "answers 404"),
        (Fetched::Silent("no such host".to_owned()), Unknown, "from where lanectl runs (no such host)"),
    ] {
        let mut snapshot = snapshot("");
        snapshot.modules.insert(URL.to_owned(), fetched);
        let findings = examine(&snapshot);
        let found = findings.iter().find(|finding| finding.check == "module-fetchable").unwrap();
        assert_eq!(found.severity, severity);
        assert!(found.message.contains(message), "{}", found.message);
        assert!(found.remedy.as_deref().unwrap().contains(URL), "{:?}", found.remedy);
    }
    hold(&[Case {
        name: "a file of the proxies",
        check: "module-fetchable",
        change: "{kind: EnvoyFilter, apiVersion: networking.istio.io/v1alpha3, \
                 metadata: {name: graylane.demo.shop.filters.a-v1, namespace: demo}, \
                 spec: {configPatches: [{vm_config: {code: {local: {filename: /graylane.wasm}}}}]}}",
        severity: Unknown,
        object: "envoyfilter demo/graylane.demo.shop.filters.a-v1",
        message: "the file /graylane.wasm in each proxy",
        remedy: "--container=istio-proxy -- sha256sum /graylane.wasm",
    }]);
    hold(&[Case {
        name: "an image",
        check: "module-fetchable",
        change: "{kind: EnvoyFilter, apiVersion: networking.istio.io/v1alpha3, \
                 metadata: {name: graylane.demo.shop.filters.a-v1, namespace: demo}, \
                 spec: {configPatches: [{vm_config: {code: {remote: {http_uri: {uri: \"oci://x/y@sha256:00\"}, sha256: \"00\"}}}}]}}",
        severity: Unknown,
        object: "envoyfilter demo/graylane.demo.shop.filters.a-v1",
        message: "oci://x/y@sha256:00 is fetched by proxies alone",
        remedy: "kubectl logs a-1 --namespace=demo --container=istio-proxy",
    }]);
}

#[test]
fn what_hides_a_service_from_its_callers_is_named() {
    let sidecar = |hosts: &str| -> &'static str {
        let text = format!(
            "{{kind: Sidecar, apiVersion: networking.istio.io/v1, metadata: {{name: default, namespace: demo}}, \
             spec: {{egress: [{{hosts: [{hosts}]}}]}}}}"
        );
        Box::leak(text.into_boxed_str())
    };
    hold(&[
        Case {
            name: "a Sidecar",
            check: "callees-visible",
            change: sidecar("\"./a.demo.svc.cluster.local\", istio-system/*"),
            severity: Fail,
            object: "sidecar demo/default",
            message: "it hides from its pods demo/b.demo.svc.cluster.local",
            remedy: r#"{"op":"add","path":"/spec/egress/0/hosts/-","value":"demo/b.demo.svc.cluster.local"}"#,
        },
        Case {
            name: "a Sidecar for some",
            check: "callees-visible",
            change: "{kind: Sidecar, apiVersion: networking.istio.io/v1, metadata: {name: b, namespace: demo}, \
                     spec: {workloadSelector: {labels: {app: b}}, egress: [{hosts: [\"~/*\"]}]}}",
            severity: Warn,
            object: "sidecar demo/b",
            message: "others see them",
            remedy: "kubectl patch sidecar b --namespace=demo --type=json",
        },
        Case {
            name: "a Service that is exported to nobody",
            check: "callees-visible",
            change: "{kind: Service, apiVersion: v1, metadata: {name: b, namespace: demo, annotations: {networking.istio.io/exportTo: \"~\"}}}",
            severity: Fail,
            object: "service demo/b",
            message: "hides it from its callers in demo",
            remedy: "kubectl annotate service b --namespace=demo networking.istio.io/exportTo-",
        },
    ]);
    pass(
        "callees-visible",
        &[
            ("all of the namespace", sidecar("./*")),
            ("all", sidecar("\"*/*\"")),
            ("by domain", sidecar("\"*/*.demo.svc.cluster.local\"")),
            (
                "exported to the namespace",
                "{kind: Service, apiVersion: v1, metadata: {name: b, namespace: demo, annotations: {networking.istio.io/exportTo: \".\"}}}",
            ),
        ],
    );
}
