//! Somebody with few rights is told what they cannot know, and the command that lets them.

use anyhow::{Result, ensure};

use super::mesh::Mesh;

#[tokio::test]
async fn what_may_not_be_read_is_unknown_until_the_right_is_given() -> Result<()> {
    let mesh = Mesh::start().await?;
    let namespace = &mesh.shop.namespace;
    let user = mesh.shop.cluster.kubeconfig_for("stranger")?.to_string_lossy().into_owned();
    let flags = ["--kubeconfig", user.as_str()];
    let refused = mesh.doctor(&flags).await?.exits(2)?;
    ensure!(refused.stderr.contains("not allowed to get lanegroups.graylane.dev"), "{}", refused.stderr);
    mesh.sh(&format!(
        "kubectl create role lanes --namespace={namespace} --verb=get,list \
         --resource=lanes.graylane.dev,lanegroups.graylane.dev && \
         kubectl create rolebinding lanes --namespace={namespace} --role=lanes --user=stranger"
    ))
    .await?;
    let report = mesh.doctor(&[&flags[..], &["--output=json"]].concat()).await?.exits(0)?.json()?;
    let of = |check: &str| {
        let all = report["findings"].as_array().into_iter().flatten();
        all.filter(|finding| finding["check"] == check).cloned().collect::<Vec<_>>()
    };
    for check in ["sidecar-present", "policies-agree", "envoy-filters-apart", "istiod-ready"] {
        let found = of(check);
        ensure!(
            !found.is_empty() && found.iter().all(|finding| finding["severity"] == "unknown"),
            "{found:#?}"
        );
    }
    let pods = of("sidecar-present");
    let message = pods[0]["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&format!("not allowed to list pods in namespace {namespace}")), "{message}");
    ensure!(pods.len() == 1, "it does not look at istiod: {pods:#?}");
    // One command for each namespace, and one for the cluster, is enough.
    let mut remedies: Vec<String> = report["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|finding| Some(finding["remedy"].as_str()?.to_owned()))
        .filter(|remedy| remedy.contains("lanectl-doctor"))
        .collect();
    remedies.sort();
    remedies.dedup();
    ensure!(remedies.len() == 3, "{remedies:#?}");
    for remedy in &remedies {
        mesh.sh(remedy).await?;
    }
    for check in ["sidecar-present", "policies-agree", "envoy-filters-apart", "istiod-ready"] {
        let left = mesh.findings(check, &flags).await?;
        ensure!(left.is_empty(), "{left:#?}");
    }
    Ok(())
}
