//! The guide to Jenkins, followed on a real API server as far as no container has to run: what the pipeline does
//! between the guide's commands is done by the commands that its steps call.

use anyhow::{Context as _, Result, ensure};

use super::cluster::{Site, guide};

/// What cannot run here: a shell and a port in a container, and a builder of containers.
const NOT_RUN: [&str; 3] = ["kubectl exec ", "kubectl port-forward ", "buildah "];
/// What any cluster has.
const CLUSTER: &str = include_str!("../jenkins/cluster.yaml");
/// The chain of the guide.
const CHAIN: &str = include_str!("../jenkins/shop.yaml");
/// The API server takes a moment until it goes by a new policy.
const INJECTS: &str = "
    until kubectl run probe --image=probe --namespace shop --dry-run=server -o json | grep -q istio-proxy
    do sleep 0.2
    done";
/// What a build does before its gate.
const TO_THE_GATE: &str = "
    kubectl apply --namespace shop -f a-gray.yaml
    kubectl scale --namespace shop deployment/a-gray --replicas=1
    kubectl rollout status --namespace shop deployment/a-gray --timeout=100s
    lanectl set-lane gray --header=x-gray --wait --namespace shop";

#[tokio::test]
async fn the_guide_to_jenkins_can_be_followed() -> Result<()> {
    let mut site = Site::start().await?;
    let guide = guide("jenkins.md")?;
    site.write("cluster.yaml", CLUSTER)?;
    site.write("chain.yaml", CHAIN)?;
    site.write("a-gray.yaml", manifest(&guide)?)?;
    site.link("examples")?;
    site.run("kubectl apply -f cluster.yaml").await?;
    site.run(INJECTS).await.context("the injector does not act")?;
    site.run("kubectl apply --namespace shop -f chain.yaml").await?;
    let idle = NOT_RUN.iter().find(|command| !guide.contains(&format!("\n{command}")));
    ensure!(idle.is_none(), "the guide has no {idle:?} any more");
    let steps = runnable(&guide);
    let mut between = [
        ("lanectl explain", TO_THE_GATE.to_owned()),
        ("get lanes", "lanectl rollback gray --wait --namespace shop".to_owned()),
        ("lanectl status", format!("{TO_THE_GATE}\nlanectl promote gray --wait --namespace shop")),
    ]
    .into_iter()
    .peekable();
    for block in site.prepared(&steps)? {
        if let Some((_, pipeline)) = between.next_if(|(before, _)| block.contains(before)) {
            site.run(&pipeline).await.context("the pipeline")?;
        }
        let printed = site.run(&block).await?;
        if block.contains("lanectl explain") {
            ensure!(printed.contains("a-gray"), "{printed}");
        }
        if block.contains("lanectl history") {
            ensure!(
                printed.contains(if between.len() == 1 { "RolledBack" } else { "Promoted" }),
                "{printed}"
            );
        }
    }
    ensure!(between.next().is_none(), "the guide has another order than the pipeline");
    Ok(())
}

/// The guide without the commands that cannot run here.
fn runnable(guide: &str) -> String {
    let is_run = |line: &&str| NOT_RUN.iter().all(|command| !line.starts_with(command));
    guide.lines().filter(is_run).collect::<Vec<_>>().join("\n")
}

/// The gray version's manifest, as the guide shows it.
fn manifest(guide: &str) -> Result<&str> {
    let block = guide.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    block.context("the guide shows no manifest")
}
