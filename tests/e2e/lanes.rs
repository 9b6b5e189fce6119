//! Lanes as these tests set them: whole objects by `set-lane -f`, in force everywhere before anything is sent.

use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::client::{Answer, Call, Client};
use tests::mesh::Mesh;

/// The header by which [`gray`] lets requests in.
pub(crate) const ENTERS: &str = "x-gray";

/// Sets a lane of this specification, `group` left out, and waits until every proxy runs it.
pub(crate) async fn set(mesh: &Mesh, name: &str, spec: Value) -> Result<()> {
    give(mesh, name, spec, &[]).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}

/// Writes a lane of this specification, `group` left out, into the files of proxies that need not run.
pub(crate) async fn write(mesh: &Mesh, name: &str, spec: Value) -> Result<()> {
    give(mesh, name, spec, &["--no-wait"]).await
}

async fn give(mesh: &Mesh, name: &str, mut spec: Value, options: &[&str]) -> Result<()> {
    spec["group"] = json!("shop");
    let object = json!({
        "apiVersion": "graylane.dev/v1alpha1", "kind": "Lane", "metadata": { "name": name }, "spec": spec,
    });
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    // JSON is YAML.
    file.write_all(object.to_string().as_bytes())?;
    let path = file.path().to_string_lossy();
    mesh.lanectl(&[&["set-lane", name, "-f", &path], options].concat()).await?;
    Ok(())
}

/// Changes the group as somebody does who edits its file, and waits until it is in force everywhere.
pub(crate) async fn edit_group(mesh: &Mesh, edit: impl FnOnce(&mut Value)) -> Result<()> {
    let path = mesh.dir().join("group.yaml");
    let mut group: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path)?)?;
    edit(&mut group);
    // JSON is YAML.
    std::fs::write(path, group.to_string())?;
    mesh.lanectl(&["apply"]).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}

/// Sets the lane `gray` as a pipeline does: for requests with a header `x-gray`.
pub(crate) async fn gray(mesh: &Mesh) -> Result<()> {
    mesh.lanectl(&["set-lane", "gray", "--header", ENTERS]).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}

/// Removes a lane, and waits until no proxy knows it.
pub(crate) async fn remove(mesh: &Mesh, name: &str) -> Result<()> {
    mesh.lanectl(&["remove-lane", name]).await?;
    mesh.lanectl(&["wait"]).await?;
    Ok(())
}

/// A request with what must become of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// For messages.
    pub(crate) name: String,
    pub(crate) call: Call,
    /// The applications on the way.
    pub(crate) hops: &'static str,
    /// How the trail begins; nothing is looked at where it is empty.
    pub(crate) trail: String,
}

impl Case {
    pub(crate) fn new(name: &str, call: Call, hops: &'static str) -> Self {
        Self { name: name.to_owned(), call, hops, trail: String::new() }
    }

    /// The trail that the last application sees begins like this.
    pub(crate) fn trail(self, trail: impl Into<String>) -> Self {
        Self { trail: trail.into(), ..self }
    }

    async fn check(&self, client: &Client) -> Result<()> {
        let answer = client.send(self.call.clone()).await?;
        let text = answer.text();
        ensure!(answer.status == 200, "status {} for {:?}: {text}", answer.status, self.call);
        ensure!(answer.hops() == self.hops, "{} instead of {}: {text}", answer.hops(), self.hops);
        let trail = trail(&answer)?;
        ensure!(trail.starts_with(&self.trail), "trail {trail} instead of {}", self.trail);
        Ok(())
    }
}

/// Sends every case over both clients of the gateway.
pub(crate) async fn check_all(mesh: &Mesh, cases: &[Case]) -> Result<()> {
    for (protocol, client) in [("http/1.1", mesh.h1()), ("http/2", mesh.h2())] {
        for case in cases {
            case.check(&client).await.with_context(|| format!("{} over {protocol}", case.name))?;
        }
    }
    Ok(())
}

/// The trail that the last application has seen; empty where there was none.
pub(crate) fn trail(answer: &Answer) -> Result<String> {
    Ok(answer.seen("x-lane-path")?.join(","))
}

/// The ways of many requests that are sent side by side.
pub(crate) async fn ways(client: &Client, calls: impl IntoIterator<Item = Call>) -> Result<Vec<String>> {
    let answers = try_join_all(calls.into_iter().map(|call| client.send(call))).await?;
    let ways = answers.into_iter().map(|answer| {
        ensure!(answer.status == 200, "status {}: {}", answer.status, answer.text());
        Ok(answer.hops().to_owned())
    });
    ways.collect()
}
