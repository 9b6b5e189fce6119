//! A lane from its beginning to its end, without a controller: what stands in the cluster and what is said of it.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::shop::Shop;

/// The words of a table, line by line.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[tokio::test]
async fn init_shows_what_stands_behind_the_names_and_writes_a_group() -> Result<()> {
    let shop = Shop::start().await?;
    let init = ["init", "shop", "--entry", "gateway", "--service", "a,b"];
    let shown = shop.ok(&[&init[..], &["--dry-run"]].concat()).await?;
    let name = |service: &str| format!("{}/{service}", shop.namespace);
    let [a, b] = [name("a"), name("b")];
    ensure!(
        rows(&shown.stdout)
            == [
                vec!["SERVICE", "PORTS", "BASELINE", "WORKLOAD", "LANE"],
                vec![&a, "8080/http", "version=v1", "a-v1", "baseline"],
                vec![&a, "8080/http", "version=v1", "a-v2", "gray"],
                vec![&b, "8080/http", "version=v1", "b-v1", "baseline"],
            ],
        "{}",
        shown.stdout
    );
    ensure!(shop.ok(&["get", "groups", "-o", "name"]).await?.stdout.is_empty(), "a dry run has written");

    shop.ok(&init).await?;
    let group = shop.ok(&["get", "groups", "shop", "-o", "json"]).await?.json()?;
    // What holds anyway is not the user's word.
    let managed =
        shop.kubectl(&["get", "lanegroup", "shop", "-o", "json", "--show-managed-fields"]).await?.json()?;
    ensure!(group["spec"]["services"] == json!([{ "name": "a" }, { "name": "b" }]), "{group}");
    let fields = &managed["metadata"]["managedFields"][0];
    ensure!(fields["manager"] == "lanectl" && fields["operation"] == "Apply", "{fields}");
    ensure!(fields["fieldsV1"]["f:spec"].get("f:fallback").is_none(), "{fields}");

    let again = shop.run(&init).await?.exits(1)?;
    ensure!(again.stderr.contains("already\nhint: --force replaces it"), "{}", again.stderr);
    shop.ok(&[&init[..], &["--force", "--strict"]].concat()).await?;
    let missing = shop.run(&["init", "other", "--entry=nowhere", "--service=a,x"]).await?.exits(4)?;
    ensure!(missing.stderr.contains(&format!("there is no Service {}/x; create it", shop.namespace)));
    ensure!(missing.stderr.contains("there is no Deployment or StatefulSet"), "{}", missing.stderr);
    Ok(())
}

#[tokio::test]
async fn a_lane_is_set_read_changed_and_removed() -> Result<()> {
    let shop = Shop::initialised().await?;
    let said = shop.ok(&["set-lane", "gray", "--header", "x-gray", "--dry-run"]).await?;
    ensure!((said.stdout.as_str(), said.stderr.as_str()) == ("", "lane gray would be created\n"), "{said:?}");
    shop.ok(&["set-lane", "gray", "--header", "x-gray", "--dry-run=server"]).await?;
    ensure!(shop.ok(&["get", "lanes", "-o", "name"]).await?.stdout.is_empty(), "a dry run has written");

    let said = shop.ok(&["set-lane", "gray", "--header", "x-gray", "--owner", "team"]).await?;
    ensure!(said.stderr == "lane gray applied in group shop\n", "{}", said.stderr);
    let again = shop.ok(&["set-lane", "gray", "--header", "x-gray", "--owner", "team"]).await?;
    ensure!(again.stderr == "lane gray unchanged in group shop\n", "{}", again.stderr);

    let table = shop.ok(&["get", "lanes"]).await?.stdout;
    let header = ["NAME", "GROUP", "RULES", "SHARE", "ENDS", "ACCEPTED", "PROGRAMMED"];
    ensure!(
        rows(&table) == [header.to_vec(), vec!["gray", "shop", "1", "-", "-", "Unknown", "Unknown"]],
        "{table}"
    );
    let everywhere = shop.ok(&["get", "lanes", "-o", "wide"]).await?.stdout;
    ensure!(rows(&everywhere)[1].ends_with(&["-", "0", "team"]), "{everywhere}");
    let lane = shop.ok(&["get", "lane", "gray", "-o", "json"]).await?.json()?;
    let rule = json!([{ "name": "flags", "match": { "header": { "name": "x-gray" } } }]);
    ensure!(lane["spec"] == json!({ "group": "shop", "owner": "team", "rules": rule }), "{lane}");
    ensure!(lane["metadata"].get("managedFields").is_none(), "{lane}");
    let all = shop.lanectl()?.ok(["get", "lanes", "-A", "-o", "name"]).await?.stdout;
    ensure!(all.contains("lane/gray\n"), "{all}");

    // A field that is named no more is let go of, and those of others stay.
    shop.kubectl(&["annotate", "lane", "gray", "note=kept"]).await?;
    shop.ok(&["set-lane", "gray", "--percent", "5", "--sticky", "cookie:id"]).await?;
    let lane = shop.ok(&["get", "lane", "gray", "-o", "json"]).await?.json()?;
    let share = json!({ "percent": 5.0, "key": { "cookie": "id" } });
    ensure!(lane["spec"] == json!({ "group": "shop", "share": share }), "{lane}");
    ensure!(lane["metadata"]["annotations"]["note"] == "kept", "{lane}");

    shop.ok(&["remove-lane", "gray", "--dry-run=server"]).await?;
    let said = shop.ok(&["remove-lane", "gray"]).await?;
    ensure!(said.stderr == "lane gray removed from group shop\n", "{}", said.stderr);
    let gone = shop.run(&["remove-lane", "gray"]).await?.exits(1)?;
    ensure!(
        gone.stderr.starts_with("error: there is no lane gray\nhint: `lanectl get lanes`"),
        "{}",
        gone.stderr
    );
    shop.ok(&["remove-lane", "gray", "--ignore-not-found"]).await?;
    Ok(())
}

#[tokio::test]
async fn diff_says_what_a_file_would_change_and_keeps_what_it_does_not_name() -> Result<()> {
    let shop = Shop::initialised().await?;
    let lane = |priority: i32| {
        format!(
            "apiVersion: graylane.dev/v1alpha1\nkind: Lane\nmetadata: {{name: gray, labels: {{team: x}}}}\n\
             spec: {{group: shop, priority: {priority}, rules: [{{name: r, match: {{path: {{prefix: /a}}}}}}]}}\n"
        )
    };
    shop.write("gray.yaml", &lane(1))?;
    let new = shop.run(&["diff", "-f", "gray.yaml"]).await?.exits(1)?;
    ensure!(new.stdout.starts_with("--- /dev/null\n+++ lane/gray\n"), "{}", new.stdout);
    shop.ok(&["validate", "-f", "gray.yaml"]).await?;
    shop.ok(&["set-lane", "gray", "-f", "gray.yaml"]).await?;
    let lane_now = shop.ok(&["get", "lane", "gray", "-o", "json"]).await?.json()?;
    ensure!(lane_now["metadata"]["labels"]["team"] == "x", "{lane_now}");
    let same = shop.ok(&["diff", "-f", "gray.yaml"]).await?;
    ensure!(same.stdout.is_empty(), "{}", same.stdout);
    shop.write("gray.yaml", &lane(2))?;
    let changed = shop.run(&["diff", "-f", "gray.yaml"]).await?.exits(1)?;
    ensure!(changed.stdout.contains("-  priority: 1\n+  priority: 2\n"), "{}", changed.stdout);
    shop.write("gray.yaml", "kind: Lane\n")?;
    shop.run(&["diff", "-f", "gray.yaml"]).await?.exits(4)?;
    shop.run(&["diff", "-f", "nowhere.yaml"]).await?.exits(2)?;
    Ok(())
}

#[tokio::test]
async fn explain_shows_the_way_through_the_pods_that_are_ready() -> Result<()> {
    let shop = Shop::initialised().await?;
    shop.ok(&["set-lane", "gray", "--header", "x-gray"]).await?;
    shop.kubectl(&["rollout", "status", "deployment", "a-v2", "--timeout=60s"]).await?;
    shop.kubectl(&["rollout", "status", "deployment", "b-v1", "--timeout=60s"]).await?;
    let explain = ["explain", "-H", "x-gray: 1", "-o", "json"];
    let found = shop.ok(&explain).await?.json()?;
    ensure!(found["lane"] == "gray" && found["rule"] == "flags", "{found}");
    ensure!(found["hops"][0]["workloads"] == json!(["a-v2"]), "{found}");
    ensure!(found["hops"][1]["workloads"] == json!(["b-v1"]), "{found}");
    ensure!(
        found["notes"][0].as_str().is_some_and(|note| note.contains("the controller has not looked")),
        "{found}"
    );
    ensure!(shop.ok(&["explain", "-o", "name"]).await?.stdout == "lane/baseline\n");

    shop.kubectl(&["scale", "deployment", "a-v2", "--replicas=0"]).await?;
    shop.kubectl(&["wait", "--for=delete", "pod", "-l", "version=v2", "--timeout=60s"]).await?;
    let found = shop.ok(&explain).await?.json()?;
    ensure!(found["hops"][0]["lane"] == "baseline", "{found}");
    ensure!(found["hops"][0]["why"] == "the lane has no ready version of it", "{found}");
    Ok(())
}

#[tokio::test]
async fn a_watch_prints_what_there_is_and_then_what_changes() -> Result<()> {
    let shop = Shop::initialised().await?;
    shop.ok(&["set-lane", "gray", "--header", "x-gray"]).await?;
    let binary = std::env::var_os(tests::lanectl::LANECTL_VARIABLE).context("no lanectl")?;
    let mut watch = tokio::process::Command::new(binary)
        .args(["get", "lanes", "--watch", "-n", &shop.namespace, "--kubeconfig"])
        .arg(shop.cluster.kubeconfig()?)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = watch.stdout.take().context("no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let mut next = async || lines.next_line().await?.context("the watch has ended");
    ensure!(next().await?.starts_with("NAME "), "no header");
    ensure!(next().await?.starts_with("gray "), "not what there is");
    shop.ok(&["set-lane", "blue", "--header", "x-blue"]).await?;
    ensure!(next().await?.starts_with("blue "), "not what has changed");
    Ok(())
}

#[tokio::test]
async fn kubectl_lane_is_the_same_program_under_another_name() -> Result<()> {
    let shop = Shop::initialised().await?;
    let binary = std::env::var_os(tests::lanectl::LANECTL_VARIABLE).context("no lanectl")?;
    std::os::unix::fs::symlink(binary, shop.dir().join("kubectl-lane"))?;
    let path = format!("{}:{}", shop.dir().display(), std::env::var("PATH").unwrap_or_default());
    let kubectl = shop.cluster.kubectl()?.env("PATH", &path);
    kubectl.ok(["lane", "set-lane", "gray", "--header", "x-gray", "-n", &shop.namespace]).await?;
    let found = kubectl.ok(["lane", "get", "lanes", "-o", "name", "-n", &shop.namespace]).await?;
    ensure!(found.stdout == "lane/gray\n", "{}", found.stdout);
    let help = kubectl.ok(["lane", "set-lane", "--help"]).await?.stdout;
    ensure!(help.contains("Usage: kubectl lane set-lane "), "{help}");
    let gone = kubectl.run(["lane", "remove-lane", "blue", "-n", &shop.namespace]).await?.exits(1)?;
    ensure!(gone.stderr.contains("hint: `kubectl lane get lanes`"), "{}", gone.stderr);
    Ok(())
}
