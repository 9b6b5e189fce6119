//! Something is wrong, the doctor says it, and its command, run as it is printed, mends it.

use anyhow::{Result, ensure};

use super::mesh::Mesh;

#[tokio::test]
async fn where_nothing_is_wrong_the_exit_code_says_how_much_could_be_known() -> Result<()> {
    let mesh = Mesh::start().await?;
    // Nobody is there to do it.
    let seen = "kubectl patch lanegroup shop --subresource=status --type=merge --patch='{\"status\":{\"observedGeneration\":1}}'";
    mesh.sh(&format!("{seen} --namespace={}", mesh.shop.namespace)).await?;
    let report = mesh.doctor(&["--output=json"]).await?.exits(0)?.json()?;
    let left: Vec<&str> = report["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|finding| finding["severity"] != "pass")
        .filter_map(|finding| finding["check"].as_str())
        .collect();
    // No controller has written a filter that would name a module.
    ensure!(left == ["module-fetchable"], "{report:#}");
    mesh.doctor(&["--fail-on=warn"]).await?.exits(0)?;
    mesh.doctor(&["--fail-on=unknown"]).await?.exits(1)?;
    let wide = mesh.doctor(&["--output=wide"]).await?.exits(0)?.stdout;
    ensure!(
        wide.contains("proxies are of Istio 1.30.3") && wide.contains("1 istiod pods are ready"),
        "{wide}"
    );
    let yaml = mesh.doctor(&["--output=yaml"]).await?.exits(0)?.stdout;
    ensure!(yaml.contains("check: istiod-ready"), "{yaml}");
    mesh.shop.run(&["doctor", "--group=nowhere"]).await?.exits(2)?;
    Ok(())
}

#[tokio::test]
async fn istiod_and_its_injector() -> Result<()> {
    let mesh = Mesh::start().await?;
    let istio = &mesh.istio;
    mesh.sh(&format!(
        "kubectl set env deployment/istiod --namespace={istio} PILOT_FILTER_GATEWAY_CLUSTER_CONFIG=true"
    ))
    .await?;
    mesh.mended("istiod-sends-lanes-to-gateways", "fail", "PILOT_FILTER_GATEWAY_CLUSTER_CONFIG is true")
        .await?;
    mesh.sh(&format!("kubectl scale deployment/istiod --namespace={istio} --replicas=0")).await?;
    mesh.mended("istiod-ready", "fail", "there is no istiod pod").await?;
    mesh.sh(&format!("kubectl label namespace {} istio.io/rev-", mesh.shop.namespace)).await?;
    mesh.mended("injector-selects-namespace", "warn", "no label that asks for proxies").await
}

#[tokio::test]
async fn pods_without_a_proxy_that_start_too_early_or_are_too_old() -> Result<()> {
    let mesh = Mesh::start().await?;
    let patch = |kind: &str, name: &str, how: &str, patch: &str| {
        let namespace = &mesh.shop.namespace;
        format!("kubectl patch {kind} {name} --namespace={namespace} --type={how} --patch='{patch}'")
    };
    let refusing = r#"{"spec":{"template":{"metadata":{"labels":{"sidecar.istio.io/inject":"false"}},
        "spec":{"containers":[{"$patch":"delete","name":"istio-proxy"}]}}}}"#;
    mesh.sh(&patch("deployment", "b-v1", "strategic", refusing)).await?;
    mesh.mended("sidecar-present", "fail", "their label sidecar.istio.io/inject is false").await?;
    // This is what the injector does.
    mesh.found("sidecar-present", "fail", "they are older than the labels").await?;
    let injected = r#"{"spec":{"template":{"spec":{"containers":[{"name":"istio-proxy","image":"example.com/istio/proxyv2:1.29.6"}]}}}}"#;
    mesh.sh(&patch("deployment", "b-v1", "strategic", injected)).await?;
    mesh.gone("sidecar-present", "have no proxy").await?;

    mesh.sh(&patch("lanegroup", "shop", "merge", r#"{"spec":{"routeMode":"Matcher"}}"#)).await?;
    mesh.mended("proxy-version", "fail", "are of Istio 1.29.6, whose Envoy rejects such routes").await?;

    let config = format!("kubectl delete configmap istio --namespace={}", mesh.istio);
    mesh.sh(&config).await?;
    for name in ["a-v1", "a-v2", "b-v1"] {
        mesh.mended("proxy-starts-first", "warn", &format!("({name}-")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn pods_in_no_subset() -> Result<()> {
    let mesh = Mesh::start().await?;
    mesh.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: lone, labels: {app: b}}, spec: {nodeName: node, containers: \
         [{name: app, image: x}, {name: istio-proxy, image: \"example.com/istio/proxyv2:1.30.3\"}]}}",
    )
    .await?;
    mesh.mended("pods-in-subset", "warn", "ready pods of no Deployment (lone)").await?;
    let baseline = r#"[{"op":"add","path":"/spec/services/1/baseline","value":{"version":"v9"}}]"#;
    let namespace = &mesh.shop.namespace;
    mesh.sh(&format!(
        "kubectl patch lanegroup shop --namespace={namespace} --type=json --patch='{baseline}'"
    ))
    .await?;
    mesh.mended("pods-in-subset", "warn", "neither version=v9").await
}

#[tokio::test]
async fn what_hides_services_and_who_is_not_routed() -> Result<()> {
    let mesh = Mesh::start().await?;
    let namespace = &mesh.shop.namespace;
    mesh.apply(
        "{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: default}, \
         spec: {egress: [{hosts: [./a.nowhere.svc.cluster.local]}]}}",
    )
    .await?;
    mesh.mended("callees-visible", "fail", "it hides from its pods").await?;
    mesh.sh(&format!("kubectl annotate service b --namespace={namespace} networking.istio.io/exportTo=~"))
        .await?;
    mesh.mended("callees-visible", "fail", "networking.istio.io/exportTo hides it").await?;

    let other = mesh.shop.cluster.namespace("other").await?;
    mesh.apply(&format!(
        "{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: b}}, spec: {{selector: \
         {{matchLabels: {{app: b}}}}, rules: [{{from: [{{source: {{namespaces: [{namespace}, {other}]}}}}]}}]}}}}"
    ))
    .await?;
    let stranger = format!("lets namespace {other} call services");
    let said = mesh.shop.ok(&["status"]).await?.stdout;
    ensure!(said.contains("callers that are not routed") && said.contains(&stranger), "{said}");
    mesh.mended("callers-routed", "warn", &stranger).await?;
    let said = mesh.shop.ok(&["status"]).await?.stdout;
    ensure!(!said.contains("callers"), "{said}");
    mesh.sh(&format!("kubectl annotate namespace {other} graylane.dev/accept-from-")).await?;
    mesh.mended("callers-routed", "fail", &format!("namespace {other} does not accept")).await
}

#[tokio::test]
async fn policies_that_contradict_each_other() -> Result<()> {
    let mesh = Mesh::start().await?;
    let namespace = &mesh.shop.namespace;
    let other = mesh.shop.cluster.namespace("other").await?;
    mesh.apply(&format!(
        "{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: b}}, spec: {{selector: \
         {{matchLabels: {{app: b}}}}, rules: [{{from: [{{source: {{namespaces: [{namespace}, {other}]}}}}]}}]}}}}\n---\n\
         {{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: b}}, spec: {{podSelector: {{matchLabels: \
         {{app: b}}}}, policyTypes: [Ingress, Egress], ingress: [{{from: [{{podSelector: {{matchLabels: {{version: v1}}}}}}]}}]}}}}"
    ))
    .await?;
    mesh.mended("policies-agree", "fail", &format!("lets namespace {other} call")).await?;
    mesh.mended("policies-agree", "fail", "and not deployment").await?;
    mesh.mended("network-open", "fail", "nothing to port 15012").await?;
    mesh.mended("network-open", "warn", "to port 15090").await?;
    let third = mesh.shop.cluster.namespace("third").await?;
    let rule = format!(
        r#"[{{"op":"add","path":"/spec/ingress/-","value":{{"from":[{{"namespaceSelector":{{"matchLabels":{{"kubernetes.io/metadata.name":"{third}"}}}}}}]}}}}]"#
    );
    mesh.sh(&format!("kubectl patch networkpolicy b --namespace={namespace} --type=json --patch='{rule}'"))
        .await?;
    mesh.mended("policies-agree", "warn", &format!("let namespace {third} through")).await?;
    mesh.apply(
        "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: plain}, spec: {mtls: {mode: DISABLE}}}",
    )
    .await?;
    mesh.mended("policies-agree", "fail", "turns mTLS off").await
}

#[tokio::test]
async fn filters_and_extensions_of_others() -> Result<()> {
    let mesh = Mesh::start().await?;
    mesh.apply(
        "apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: theirs}
spec:
  configPatches:
  - {applyTo: EXTENSION_CONFIG, patch: {operation: ADD, value: {name: graylane.entry.x}}}
  - {applyTo: HTTP_FILTER, match: {context: ANY}, patch: {operation: ADD, value: {name: lua}}}
  - {applyTo: HTTP_ROUTE, match: {context: ANY}, patch: {operation: MERGE, value: {route: {cluster: x}}}}
  - {applyTo: CLUSTER, match: {cluster: {subset: graylane-gray}}, patch: {operation: REMOVE}}
",
    )
    .await?;
    // What a command was to take away has moved up once the one before it was run: it is not carried out then.
    let second = mesh.found("envoy-filters-apart", "fail", "behind the router").await?;
    mesh.mended("envoy-filters-apart", "fail", "a name of ours").await?;
    ensure!(mesh.sh(&second).await.is_err(), "another patch is taken away");
    for message in ["behind the router", "chooses the cluster", "removes clusters of lanes"] {
        mesh.mended("envoy-filters-apart", "fail", message).await?;
    }
    mesh.apply(
        "{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: auth}, spec: {url: \"oci://example.com/auth:1\"}}",
    )
    .await?;
    mesh.found("extensions-apart", "warn", "it shares the discovery").await?;
    mesh.sh(&format!("kubectl delete wasmplugin auth --namespace={}", mesh.shop.namespace)).await?;
    mesh.gone("extensions-apart", "it shares the discovery").await
}
