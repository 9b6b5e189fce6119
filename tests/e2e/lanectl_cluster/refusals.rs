//! What goes wrong, and how it is said: exit codes, words, remedies.

use anyhow::{Result, ensure};
use serde_json::json;

use super::shop::Shop;

#[tokio::test]
async fn bad_input_is_refused_with_the_words_of_files_and_changes_nothing() -> Result<()> {
    let shop = Shop::initialised().await?;
    shop.ok(&["set-lane", "gray", "--header", "x-gray"]).await?;
    let before = shop.ok(&["get", "lanes", "-o", "json"]).await?.stdout;
    let head =
        "apiVersion: graylane.dev/v1alpha1\nkind: Lane\nmetadata: {name: gray}\nspec:\n  group: shop\n";
    for (name, text, want) in [
        ("no YAML", "a: [".to_owned(), "not YAML"),
        ("an unknown field", format!("{head}  shares: 5\n"), "spec.shares"),
        (
            "a bad regex",
            format!("{head}  rules: [{{name: r, match: {{path: {{regex: '('}}}}}}]\n"),
            "spec.rules[0]",
        ),
        (
            "another name",
            head.replace("name: gray", "name: blue"),
            "the file is about lane blue, the command about gray",
        ),
        (
            "another namespace",
            head.replace("name: gray", "name: gray, namespace: elsewhere"),
            "namespace elsewhere",
        ),
    ] {
        shop.write("lane.yaml", &text)?;
        let said = shop.run(&["set-lane", "gray", "-f", "lane.yaml"]).await?.exits(4)?;
        ensure!(
            said.stderr.contains(want) && said.stderr.ends_with("hint: nothing was changed\n"),
            "{name}: {said:?}"
        );
    }
    // These the flags cannot say wrong, but together with the other lanes they are.
    shop.ok(&["set-lane", "blue", "--percent", "60"]).await?;
    let sum = shop.run(&["set-lane", "gray", "--percent", "60"]).await?.exits(4)?;
    ensure!(sum.stderr.contains("the shares add up to 120.00%"), "{}", sum.stderr);
    shop.ok(&["remove-lane", "blue"]).await?;
    ensure!(shop.ok(&["get", "lanes", "-o", "json"]).await?.stdout == before, "something was changed");
    for usage in [&["set-lane", "baseline", "--header", "x"][..], &["get", "proxies"], &["diff"]] {
        shop.run(usage).await?.exits(2)?;
    }
    Ok(())
}

#[tokio::test]
async fn the_api_servers_own_refusals_read_alike() -> Result<()> {
    let shop = Shop::initialised().await?;
    shop.ok(&["init", "other", "--entry=gateway", "--service=b"]).await?;
    let several = shop.run(&["set-lane", "gray", "--header", "x"]).await?.exits(1)?;
    ensure!(
        several.stderr.contains("has several lane groups: other, shop\nhint: say which one with --group")
    );
    shop.ok(&["set-lane", "gray", "--header", "x", "--group", "shop"]).await?;
    let moved = shop.run(&["set-lane", "gray", "--header", "x", "--group", "other"]).await?.exits(4)?;
    ensure!(
        moved.stderr
            == "error: lane gray: a lane stays in its group; remove it and set it in the other one\n\
                hint: nothing was changed\n",
        "{}",
        moved.stderr
    );
    let nowhere = shop.run(&["set-lane", "gray", "--header", "x", "--group", "nowhere"]).await?.exits(1)?;
    ensure!(
        nowhere.stderr.contains("there is no lanegroup nowhere\nhint: `lanectl get groups`"),
        "{nowhere:?}"
    );
    let empty = shop.cluster.namespace("empty").await?;
    let lanectl = shop.lanectl()?;
    let none = lanectl.run(["set-lane", "gray", "--header", "x", "-n", &empty]).await?.exits(1)?;
    ensure!(
        none.stderr.contains(&format!("hint: run `lanectl init NAME --namespace={empty}")),
        "{}",
        none.stderr
    );
    Ok(())
}

#[tokio::test]
async fn a_field_that_somebody_else_manages_is_named_and_can_be_taken_over() -> Result<()> {
    let shop = Shop::initialised().await?;
    let lane = json!({ "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane", "metadata": { "name": "gray" },
                       "spec": { "group": "shop", "priority": 3, "share": { "percent": 1 } } });
    shop.write("lane.json", &lane.to_string())?;
    let apply = ["apply", "--server-side", "--field-manager=argocd", "-f", &shop.path("lane.json")];
    shop.kubectl(&apply).await?;
    let args = ["set-lane", "gray", "--header", "x", "--priority", "5"];
    let conflict = shop.run(&args).await?.exits(1)?;
    ensure!(
        conflict.stderr.contains("lane gray: spec.priority is managed by argocd\n"),
        "{}",
        conflict.stderr
    );
    ensure!(conflict.stderr.contains("take them over with --force-conflicts"), "{}", conflict.stderr);
    shop.ok(&[&args[..], &["--force-conflicts"]].concat()).await?;
    let lane = shop.ok(&["get", "lane", "gray", "-o", "json"]).await?.json()?;
    ensure!(lane["spec"]["priority"] == 5 && lane["spec"]["share"]["percent"] == 1.0, "{lane}");
    Ok(())
}

#[tokio::test]
async fn a_right_that_is_lacking_is_named_with_the_command_that_gives_it() -> Result<()> {
    let shop = Shop::initialised().await?;
    let user = shop.cluster.kubeconfig_for("pipeline")?;
    let lanectl = shop.lanectl()?.env("KUBECONFIG", &user.to_string_lossy());
    let namespace = &shop.namespace;
    let set_lane = ["set-lane", "gray", "--header", "x", "--group", "shop", "-n", namespace];
    // The hints lead from no rights to those that are enough.
    for step in 0.. {
        let said = lanectl.run(set_lane).await?;
        if said.code == Some(0) {
            ensure!(step > 0, "no right was lacking");
            break;
        }
        let said = said.exits(1)?;
        ensure!(step < 8 && said.stderr.contains("not allowed to "), "{}", said.stderr);
        let command = said.stderr.split('`').nth(1).unwrap_or_default().to_owned();
        ensure!(
            command.starts_with(&format!("kubectl create role lanectl --namespace={namespace} ")),
            "{command}"
        );
        let name = format!("step-{step}");
        let words =
            command.split(' ').skip(1).map(|word| if word == "lanectl" { name.as_str() } else { word });
        shop.kubectl(&words.collect::<Vec<_>>()).await?;
        let binding = ["create", "rolebinding", &name, &format!("--role={name}"), "--user=pipeline"];
        shop.kubectl(&binding).await?;
    }
    let lanes = shop.ok(&["get", "lanes", "-o", "name"]).await?.stdout;
    ensure!(lanes == "lane/gray\n", "{lanes}");
    Ok(())
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_an_exit_code_of_its_own() -> Result<()> {
    let shop = Shop::start().await?;
    let text = std::fs::read_to_string(shop.cluster.kubeconfig()?)?;
    let config: serde_json::Value = serde_json::from_str(&text)?;
    let mut nobody = config.clone();
    nobody["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    shop.write("nobody", &nobody.to_string())?;
    let mut unknown = config;
    unknown["users"][0]["user"]["token"] = json!("wrong");
    shop.write("unknown", &unknown.to_string())?;

    for verb in
        [&["get", "lanes"][..], &["set-lane", "gray", "--header", "x"], &["wait"], &["diff", "-f", "nobody"]]
    {
        let said = shop.run(&[verb, &["--kubeconfig", "nobody"]].concat()).await?;
        // What is no lane is refused before anybody is asked.
        let code = if verb[0] == "diff" { 4 } else { 5 };
        let said = said.exits(code)?;
        ensure!(
            code == 4 || said.stderr.contains("https://127.0.0.1:1 cannot be reached: "),
            "{}",
            said.stderr
        );
    }
    let unknown = shop.run(&["get", "lanes", "--kubeconfig", "unknown"]).await?.exits(1)?;
    ensure!(unknown.stderr.contains("does not accept the credentials"), "{}", unknown.stderr);
    let context = shop.run(&["get", "lanes", "--context", "nowhere"]).await?.exits(1)?;
    ensure!(context.stderr.contains("there is no cluster to ask: "), "{}", context.stderr);
    Ok(())
}
