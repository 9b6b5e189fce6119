//! Installing and uninstalling, on a cluster of one's own.

use anyhow::{Result, ensure};
use tests::cluster::Cluster;
use tests::lanectl::Lanectl;

const IMAGE: &str = "--image=example.com/lane-controller:1";

#[tokio::test]
async fn what_would_be_installed_is_printed_without_a_cluster() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let lanectl = Lanectl::new(dir.path())?.env("KUBECONFIG", "nowhere");
    let printed = lanectl.ok(["install", IMAGE, "--dry-run=client", "-n", "lanes"]).await?.stdout;
    let kinds: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    let ours = [
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Service",
        "Deployment",
    ];
    let wanted = [&["CustomResourceDefinition"; 3][..], &["Namespace"], &ours].concat();
    ensure!(kinds == wanted, "{kinds:?}");
    ensure!(
        printed.contains("namespace: lanes\n") && printed.contains("image: example.com/lane-controller:1")
    );
    let one = lanectl.ok(["install", IMAGE, "--namespaced", "--dry-run=client", "-n", "lanes"]).await?.stdout;
    let kinds: Vec<&str> = one.lines().filter_map(|line| line.strip_prefix("kind: ")).skip(3).collect();
    ensure!(kinds == ["ServiceAccount", "Role", "RoleBinding", "Service", "Deployment"], "{kinds:?}");
    ensure!(one.contains("- --namespace=lanes\n"), "{one}");
    let removed = lanectl.ok(["uninstall", "--namespaced", "--dry-run=client", "-n", "lanes"]).await?.stdout;
    ensure!(removed.ends_with("serviceaccount/lane-controller\n"), "{removed}");
    let nowhere = lanectl.run(["install", IMAGE, "--namespaced", "--dry-run=client"]).await?.exits(2)?;
    ensure!(nowhere.stderr.contains("--namespaced needs --namespace"), "{nowhere:?}");
    let removed = lanectl.ok(["uninstall", "--dry-run=client"]).await?.stdout;
    ensure!(removed.starts_with("deployment/lane-controller\n"), "{removed}");
    ensure!(removed.ends_with("customresourcedefinition/lanegroups.graylane.dev\n"), "{removed}");
    lanectl.run(["install"]).await?.exits(2)?;
    Ok(())
}

#[tokio::test]
async fn the_module_comes_from_where_the_installation_says() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let lanectl = Lanectl::new(dir.path())?.env("KUBECONFIG", "nowhere");
    let sha256 = "ab".repeat(32);
    let pinned = format!("oci://example.com/filter@sha256:{sha256}");
    let digest = format!("--module-sha256={sha256}");
    let own = "--module-url=http://lane-controller.graylane-system:8080";
    for (flags, wanted) in [
        (vec![], vec!["--module=/graylane.wasm", own]),
        (vec!["--module-path=/g.wasm"], vec!["--module-path=/g.wasm"]),
        (
            vec!["--module-url=oci://example.com/filter:1", &digest],
            vec![&*format!("--module-url={pinned}"), &digest],
        ),
        (
            vec!["--module-url=http://example.com/g.wasm", &digest],
            vec!["--module-url=http://example.com/g.wasm", &digest],
        ),
    ] {
        let args = [vec!["install", IMAGE, "--image-pull-secret=mirror", "--dry-run=client"], flags].concat();
        let printed = lanectl.ok(args).await?.stdout;
        // Long ones stand on a line of their own.
        let lines = printed.lines().map(|line| line.trim().trim_start_matches("- ").trim_matches('"'));
        let module: Vec<&str> = lines.filter(|line| line.starts_with("--module")).collect();
        ensure!(module == wanted, "{module:?}\n{printed}");
        ensure!(printed.contains("imagePullSecrets:\n"), "{printed}");
    }
    let unpinned =
        lanectl.run(["install", IMAGE, "--module-url=oci://example.com/filter:1"]).await?.exits(2)?;
    ensure!(
        unpinned.stderr.contains("is not pinned: say which one it is with --module-sha256"),
        "{unpinned:?}"
    );
    lanectl.run(["install", IMAGE, "--module-path=/g.wasm", "--module-url=http://a/b"]).await?.exits(2)?;
    Ok(())
}

#[tokio::test]
async fn install_brings_the_kinds_and_the_controller_and_uninstall_takes_them_away() -> Result<()> {
    let cluster = Cluster::start().await?;
    let dir = tempfile::tempdir()?;
    let lanectl = Lanectl::new(dir.path())?.env("KUBECONFIG", &cluster.kubeconfig()?.to_string_lossy());
    let unknown = lanectl.run(["get", "lanes"]).await?.exits(1)?;
    ensure!(
        unknown.stderr.ends_with("Graylane is not installed\nhint: run `lanectl install`\n"),
        "{unknown:?}"
    );
    lanectl.ok(["install", IMAGE, "--dry-run=server"]).await?;
    lanectl.run(["get", "lanes"]).await?.exits(1)?;

    let installed = lanectl.ok(["install", IMAGE, "--wait", "--timeout=60s"]).await?;
    ensure!(installed.stdout.is_empty(), "{}", installed.stdout);
    ensure!(
        installed.stderr.contains("customresourcedefinition lanes.graylane.dev applied\n"),
        "{installed:?}"
    );
    ensure!(installed.stderr.ends_with("deployment lane-controller is ready\n"), "{installed:?}");
    lanectl.ok(["get", "lanes"]).await?;
    let again = lanectl.ok(["install", IMAGE]).await?;
    ensure!(again.stderr.lines().all(|line| line.ends_with(" unchanged")), "{}", again.stderr);

    let group = "apiVersion: graylane.dev/v1alpha1\nkind: LaneGroup\nmetadata: {name: shop, namespace: default}\n\
                 spec: {entries: [gateway], services: [{name: a}]}\n";
    std::fs::write(dir.path().join("group.yaml"), group)?;
    let kubectl = cluster.kubectl()?;
    kubectl.ok(["apply", "-f", &dir.path().join("group.yaml").to_string_lossy()]).await?;
    let used = lanectl.run(["uninstall"]).await?.exits(1)?;
    ensure!(used.stderr.starts_with("error: there are lane groups still: default/shop\n"), "{}", used.stderr);
    kubectl.ok(["delete", "lanegroups", "--all", "--all-namespaces"]).await?;
    lanectl.ok(["uninstall", "--dry-run=server"]).await?;
    lanectl.ok(["get", "lanes"]).await?;
    lanectl.ok(["uninstall"]).await?;
    let gone = lanectl.ok(["uninstall"]).await?;
    ensure!(gone.stderr.contains("clusterrole lane-controller was not there\n"), "{}", gone.stderr);
    Ok(())
}
