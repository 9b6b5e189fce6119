//! `examples/jenkins`: every object is accepted, and what its files say of each other agrees.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::wait;

use super::site::{Site, checkout};

/// Pods have to start first.
const DEADLINE: Duration = Duration::from_secs(100);

type Labels = BTreeMap<String, String>;

fn labels(value: &Value) -> Result<Labels> {
    serde_json::from_value(value.clone()).with_context(|| format!("no labels: {value}"))
}

/// Whether an object has all labels of a selector.
fn selects(selector: &Value, object: &Value) -> Result<bool> {
    let own = labels(&object["metadata"]["labels"])?;
    Ok(labels(selector)?.iter().all(|(key, value)| own.get(key) == Some(value)))
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn everything_is_accepted_and_fits_together() -> Result<()> {
    let site = Site::start().await?;
    site.apply_example().await?;
    the_controller_runs_with_its_home(&site).await?;
    an_agent_is_in_the_mesh(&site).await?;
    policies_meet_whom_they_mean(&site).await?;
    accounts_may_do_their_work_and_no_more(&site).await?;
    // Applying it again changes nothing.
    let again = site.sh(&checkout("examples/jenkins"), "kubectl diff -f .").await?;
    ensure!(again.stdout.is_empty(), "{}", again.stdout);
    Ok(())
}

/// Its pod is ready, the service leads to it, and another pod gets the same volume.
async fn the_controller_runs_with_its_home(site: &Site) -> Result<()> {
    let set = site.get("jenkins", "statefulset", "jenkins").await?;
    ensure!(set["status"]["readyReplicas"] == 1, "{}", set["status"]);
    ensure!(set["spec"]["serviceName"] == "jenkins", "{}", set["spec"]);
    let claim = async || -> Result<String> {
        let pod = site.get("jenkins", "pod", "jenkins-0").await?;
        let containers = pod["spec"]["containers"].as_array().context("no containers")?;
        ensure!(containers.len() == 1, "the controller is in the mesh: {containers:?}");
        let volumes = pod["spec"]["volumes"].as_array().context("no volumes")?;
        let home = volumes.iter().find(|volume| volume["name"] == "home").context("no home")?;
        let claim = home["persistentVolumeClaim"]["claimName"].as_str().context("no claim")?;
        let claim = site.get("jenkins", "persistentvolumeclaim", claim).await?;
        ensure!(claim["status"]["phase"] == "Bound", "{}", claim["status"]);
        Ok(format!("{} {}", pod["metadata"]["uid"], claim["spec"]["volumeName"]))
    };
    let before = claim().await?;
    let ports = async || -> Result<()> {
        let slices = site.list("jenkins", "endpointslices").await?;
        let slice = slices.first().context("no slice")?;
        let ready = &slice["endpoints"][0]["conditions"]["ready"];
        ensure!(*ready == true, "{slice}");
        let mut ports: Vec<(&str, u64)> = slice["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|port| Some((port["name"].as_str()?, port["port"].as_u64()?)))
            .collect();
        ports.sort_unstable();
        ensure!(ports == [("http", 8080), ("tcp-agent", 50000)], "{ports:?}");
        Ok(())
    };
    wait::succeeds(DEADLINE, "the service to lead to the controller", ports).await?;
    site.kubectl(&["delete", "pod", "jenkins-0", "-n", "jenkins", "--timeout=100s"]).await?;
    wait::succeeds(DEADLINE, "another pod with the same home", async || {
        let after = claim().await?;
        let (old, new) = (before.split_once(' ').unzip(), after.split_once(' ').unzip());
        ensure!(old.0 != new.0 && old.1 == new.1, "{before} and {after}");
        Ok(())
    })
    .await
}

/// A pod by the template is admitted and gets a proxy; a build pod does not.
async fn an_agent_is_in_the_mesh(site: &Site) -> Result<()> {
    let map = site.get("jenkins", "configmap", "lane-agent-pod").await?;
    let template = map["data"]["agent-pod.yaml"].as_str().context("no template")?;
    let file = checkout("jenkins/resources/dev/graylane/agent-pod.yaml");
    ensure!(std::fs::read_to_string(file)? == template, "the library has another template");
    std::fs::write(site.path("agent-pod.yaml"), template)?;
    let build = checkout("jenkins/resources/dev/graylane/build-pod.yaml");
    for (pod, file) in [("agent", site.path("agent-pod.yaml")), ("build", build)] {
        // Jenkins gives a pod its name, and asks for it as its own account.
        let create = format!(
            "kubectl patch --local -f {} --type=merge -p '{{\"metadata\":{{\"name\":\"{pod}\"}}}}' -o yaml | \
             kubectl create --as=system:serviceaccount:jenkins:jenkins -n jenkins-agents -f -",
            file.display()
        );
        site.sh(&site.path(""), &create).await?;
        let condition = ["wait", "--for=condition=Ready", "pod", pod, "-n", "jenkins-agents"];
        site.kubectl(&[&condition[..], &["--timeout=100s"]].concat()).await?;
    }
    let containers = async |pod: &str| -> Result<Vec<String>> {
        let pod = site.get("jenkins-agents", "pod", pod).await?;
        let containers = pod["spec"]["containers"].as_array().context("no containers")?;
        let mut names: Vec<String> =
            containers.iter().filter_map(|container| Some(container["name"].as_str()?.to_owned())).collect();
        names.sort();
        Ok(names)
    };
    ensure!(containers("agent").await? == ["istio-proxy", "jnlp"], "{:?}", containers("agent").await?);
    ensure!(containers("build").await? == ["build", "jnlp"], "{:?}", containers("build").await?);
    let agent = site.get("jenkins-agents", "pod", "agent").await?;
    let config = &agent["metadata"]["annotations"]["proxy.istio.io/config"];
    ensure!(*config == "holdApplicationUntilProxyStarts: true\n", "{config}");
    let account = agent["spec"]["serviceAccountName"].as_str().context("no account")?;
    site.get("jenkins-agents", "serviceaccount", account).await?;
    Ok(())
}

/// What the policies select are the pods that they are about, and whom they name there is.
async fn policies_meet_whom_they_mean(site: &Site) -> Result<()> {
    for namespace in ["jenkins-agents", "shop"] {
        let all = site.list(namespace, "peerauthentications.security.istio.io").await?;
        let modes: Vec<_> =
            all.iter().map(|found| (&found["spec"]["selector"], &found["spec"]["mtls"]["mode"])).collect();
        ensure!(modes == [(&Value::Null, &Value::from("STRICT"))], "{namespace}: {modes:?}");
    }
    let nobody = site.list("jenkins-agents", "authorizationpolicies.security.istio.io").await?;
    ensure!(nobody.len() == 1 && nobody[0]["spec"] == serde_json::json!({}), "{nobody:?}");

    let pods = site.list("shop", "pods").await?;
    let met = async |policy: &str| -> Result<Vec<String>> {
        let policy = site.get("shop", "authorizationpolicies.security.istio.io", policy).await?;
        let selector = &policy["spec"]["selector"]["matchLabels"];
        let mut met = Vec::new();
        for pod in &pods {
            if selects(selector, pod)? {
                met.push(pod["metadata"]["labels"]["app"].as_str().context("no app")?.to_owned());
            }
        }
        met.sort();
        Ok(met)
    };
    // Each pod of the chain is on either list, and none on both.
    ensure!(met("callers-of-the-gateway").await? == ["gateway"]);
    ensure!(met("agents-use-the-gateway").await? == ["a", "b", "c"]);

    let allowed =
        site.get("shop", "authorizationpolicies.security.istio.io", "callers-of-the-gateway").await?;
    let agent = site.get("jenkins-agents", "pod", "agent").await?;
    let identity = format!(
        "cluster.local/ns/{}/sa/{}",
        agent["metadata"]["namespace"].as_str().unwrap_or_default(),
        agent["spec"]["serviceAccountName"].as_str().unwrap_or_default()
    );
    let rule = &allowed["spec"]["rules"][0];
    ensure!(rule["from"][0]["source"]["principals"] == serde_json::json!([identity]), "{rule}");
    ensure!(rule["to"][0]["operation"]["methods"] == serde_json::json!(["GET"]), "{rule}");
    let denied =
        site.get("shop", "authorizationpolicies.security.istio.io", "agents-use-the-gateway").await?;
    let source = &denied["spec"]["rules"][0]["from"][0]["source"]["namespaces"];
    ensure!(
        denied["spec"]["action"] == "DENY"
            && source[0] == name(&site.get("", "namespace", "jenkins-agents").await?)
    );
    Ok(())
}

/// The API server itself says who may do what.
async fn accounts_may_do_their_work_and_no_more(site: &Site) -> Result<()> {
    let jenkins = "system:serviceaccount:jenkins:jenkins";
    let agent = "system:serviceaccount:jenkins-agents:lane-agent";
    for (account, verb, resource, namespace, may) in [
        (jenkins, "create", "pods", "jenkins-agents", true),
        (jenkins, "create", "pods/exec", "jenkins-agents", true),
        (jenkins, "create", "pods", "shop", false),
        (jenkins, "get", "secrets", "jenkins-agents", false),
        (jenkins, "patch", "lanes.graylane.dev", "shop", false),
        (agent, "patch", "lanes.graylane.dev", "shop", true),
        (agent, "patch", "deployments.apps", "shop", true),
        (agent, "patch", "deployments.apps/scale", "shop", true),
        (agent, "delete", "deployments.apps", "shop", false),
        (agent, "patch", "lanegroups.graylane.dev", "shop", false),
        (agent, "get", "secrets", "shop", false),
        (agent, "patch", "lanes.graylane.dev", "jenkins-agents", false),
        (agent, "create", "pods", "jenkins-agents", false),
        (agent, "create", "envoyfilters.networking.istio.io", "shop", false),
    ] {
        let asked = ["auth", "can-i", verb, resource, "-n", namespace, "--as", account];
        let said = site.cluster.kubectl()?.run(asked).await?;
        let wanted = if may { "yes" } else { "no" };
        ensure!(said.stdout.trim() == wanted, "{account} {verb} {resource} in {namespace}: {said:?}");
    }
    Ok(())
}
