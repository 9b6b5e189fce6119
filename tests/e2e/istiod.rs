//! Lanes on a real istiod: the controller writes objects, istiod makes configuration of them, and plain Envoys
//! run it. Not part of the normal run, since an istiod has to be brought along: `cargo xtask e2e --istiod PATH`.

mod matrix;
mod order;
mod promotion;
mod user;

use anyhow::{Result, ensure};
use tests::client::{Call, Client};
use tests::istiod::IstioMesh;

/// The way of a request of lane gray: b has no gray version, c has one again.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";

/// A request with this header.
fn with(header: &str) -> Call {
    Call::get("/").header(header, "1")
}

/// Sets a lane for requests with a header, and waits until every proxy runs it.
async fn set(mesh: &IstioMesh, lane: &str, header: &str) -> Result<()> {
    mesh.lanectl(&["set-lane", lane, "--header", header]).await?;
    mesh.followed().await
}

/// Removes a lane, and waits until no proxy knows it.
async fn remove(mesh: &IstioMesh, lane: &str) -> Result<()> {
    mesh.lanectl(&["remove-lane", lane]).await?;
    mesh.followed().await
}

/// Sends a request that has to be answered with 200 by these applications.
async fn goes(client: &Client, call: Call, hops: &str) -> Result<()> {
    let answer = client.send(call.clone()).await?;
    let text = answer.text();
    ensure!(answer.status == 200, "status {} for {call:?}: {text}", answer.status);
    ensure!(answer.hops() == hops, "{} instead of {hops} for {call:?}: {text}", answer.hops());
    Ok(())
}
