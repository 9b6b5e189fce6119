//! What the user has said to Istio keeps its meaning: routes, policies, gateways.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::client::Call;
use tests::istiod::{IstioMesh, IstioOptions, RunningPod};

use super::{BASELINE, GRAY, goes, set, with};

/// A gateway whose listener is bound to an address, and one whose routes have no names; below the main host a
/// route with weights and one to a subset of the user's.
const OBJECTS: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop}
spec:
  selector: {app: gateway}
  servers:
  - port: {number: 8080, name: http, protocol: HTTP}
    hosts: ['*']
  - port: {number: 8090, name: bound, protocol: HTTP}
    bind: 127.0.0.1
    hosts: ['*']
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ['*']
  gateways: [shop]
  http:
  - name: old
    match: [{uri: {prefix: /old/}}]
    rewrite: {uri: /new/}
    timeout: 7s
    retries: {attempts: 4, perTryTimeout: 3s, retryOn: connect-failure}
    route: [{destination: {host: a}}]
  - name: moved
    match: [{uri: {prefix: /moved}}]
    redirect: {uri: /}
  - name: weighted
    match: [{uri: {prefix: /weighted}}]
    route:
    - {destination: {host: a, subset: v1}, weight: 100}
    - {destination: {host: a, subset: own}, weight: 0}
  - name: subset
    match: [{uri: {prefix: /subset}}]
    route: [{destination: {host: a, subset: own}}]
  - name: main
    route: [{destination: {host: a}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b}
spec:
  hosts: [b]
  http:
  - timeout: 9s
    route: [{destination: {host: b}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec:
  host: a
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 77}}
    loadBalancer: {consistentHash: {httpHeaderName: x-user}}
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: own, labels: {version: gray}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all}
spec:
  host: '*.svc.cluster.local'
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 55}}
";

/// The resources of one kind in a configuration dump.
fn resources<'d>(dump: &'d Value, section: &str, resource: &str) -> Vec<&'d Value> {
    let sections = dump["configs"].as_array().into_iter().flatten();
    let entries = sections.filter_map(|found| found[section].as_array()).flatten();
    entries.map(|entry| &entry[resource]).collect()
}

async fn cluster(pod: &RunningPod, name: &str) -> Result<Value> {
    let dump = pod.envoy.config_dump().await?;
    let found =
        resources(&dump, "dynamic_active_clusters", "cluster").into_iter().find(|c| c["name"] == name);
    found.cloned().with_context(|| format!("there is no cluster {name}"))
}

/// The routes of that name, of all route configurations.
async fn routes(pod: &RunningPod, name: &str) -> Result<Vec<Value>> {
    let dump = pod.envoy.config_dump().await?;
    let of = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let configs = resources(&dump, "dynamic_route_configs", "route_config");
    let hosts = configs.into_iter().flat_map(|config| of(config, "virtual_hosts"));
    let routes = hosts.flat_map(|host| of(&host, "routes"));
    Ok(routes.filter(|route| route["name"].as_str().unwrap_or_default() == name).collect())
}

fn max_connections(cluster: &Value) -> &Value {
    &cluster["circuit_breakers"]["thresholds"][0]["max_connections"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an istiod: cargo xtask e2e --istiod PATH"]
async fn routes_and_policies_of_the_user_keep_their_meaning() -> Result<()> {
    let mesh = IstioMesh::start(&IstioOptions::default().only_objects(OBJECTS)).await?;
    set(&mesh, "gray", "x-gray").await?;
    let client = mesh.h1()?;
    let path = |path: &str| Call::get(path).header("x-gray", "1");

    goes(&client, with("x-gray"), GRAY).await?;
    goes(&client, Call::get("/"), BASELINE).await?;
    goes(&client, path("/old/x"), GRAY).await?;
    let answer = client.send(path("/old/x")).await?;
    ensure!(answer.json()?["path"] == "/new/x", "{}", answer.text());
    ensure!(client.send(path("/moved")).await?.status == 301, "the redirect is gone");
    // Left alone at the gateway; behind it the lane goes on.
    goes(&client, path("/weighted"), "a-v1,b-v1,c-gray").await?;
    // His subset has the lane's workloads, which bring the lane with them.
    goes(&client, Call::get("/subset"), GRAY).await?;

    let gateway = mesh.pod("gateway")?;
    // On both listeners, the bound one too.
    let old = routes(&gateway, "old").await?;
    ensure!(old.len() == 2, "{old:?}");
    for route in &old {
        let action = &route["route"];
        ensure!(action["timeout"] == "7s" && action["prefix_rewrite"] == "/new/", "{route:#}");
        ensure!(action["retry_policy"]["num_retries"] == 4, "{route:#}");
        ensure!(action["retry_policy"]["retry_on"] == "connect-failure", "{route:#}");
        ensure!(!action["retry_policy"]["retry_priority"].is_null(), "{route:#}");
        ensure!(!action["inline_cluster_specifier_plugin"].is_null(), "{route:#}");
        ensure!(action["hash_policy"][0]["header"]["header_name"] == "x-user", "{route:#}");
    }
    let unnamed = routes(&*mesh.pod("a-v1")?, "").await?;
    let unnamed = unnamed.iter().find(|route| route["route"]["timeout"] == "9s");
    let cluster_of_b = unnamed.context("the route without a name is gone")?["route"]["cluster"].as_str();
    ensure!(cluster_of_b.is_some_and(|name| name.contains("|graylane-baseline|b.")), "{cluster_of_b:?}");

    let host = |service: &str| format!("{service}.{}.svc.cluster.local", mesh.namespace);
    for subset in ["graylane-baseline", "graylane-gray", "v1", "own"] {
        let found = cluster(&gateway, &format!("outbound|8080|{subset}|{}", host("a"))).await?;
        ensure!(max_connections(&found) == 77 && found["lb_policy"] == "RING_HASH", "{found:#}");
    }
    let aggregate = cluster(&gateway, &format!("graylane|8080|gray|{}", host("a"))).await?;
    ensure!(max_connections(&aggregate) == 77, "{aggregate:#}");
    let b = cluster(&*mesh.pod("a-v1")?, &format!("outbound|8080|graylane-baseline|{}", host("b"))).await?;
    ensure!(max_connections(&b) == 55, "the wildcard rule is hidden: {b:#}");

    mesh.nothing_is_refused().await?;
    mesh.passed().await;
    Ok(())
}
